"""The toolstack of one dom0, one life after another, and what is typed for it.

Rules: one that was killed is followed by another that takes up its work. What is typed or ordered too early
waits for a toolstack that knows the domains, and is told again to the next one.
Source: tools/xl/xl_vmcontrol.c (main_shutdown, main_destroy).
"""

from collections.abc import Callable, Coroutine

from actors.dom0.device_orders import DeviceOrders
from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.plan import HostPlan
from actors.dom0.steps import Served
from actors.dom0.toolstack import Toolstack
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.messages import Fault


class Xl:
    """`lived_on` and `forgotten` are as the toolstack's. `toolstack`: the last one, dead or not."""

    def __init__(
        self,
        kernel: Kernel,
        plan: HostPlan,
        builder: DomainBuilder,
        *,
        lived_on: Callable[[Served], None],
        forgotten: Callable[[int], None],
    ) -> None:
        self._kernel = kernel
        self._plan = plan
        self._builder = builder
        self._lived_on = lived_on
        self._forgotten = forgotten
        self._orders = DeviceOrders(kernel)
        self._dead = False
        self._knows: Future[None] = Future()
        self._typed = ""
        self._store_to_rebuild = False
        self.toolstack: Toolstack | None = None
        self.all_shut_down = False
        kernel.faults["toolstack-kill"] = self._break

    async def start(self, *, store_lost: bool) -> Toolstack:
        """Start the first one; it, as soon as it or one in its place knows the domains."""
        toolstack = self.toolstack = self._make()
        self._store_to_rebuild = False
        self._knows = self._told(toolstack, toolstack.start(store_lost=store_lost))
        self._shut_down()
        await self._knows
        return toolstack

    def type(self, text: str) -> None:
        """`xl shutdown -a`, `xl destroy -a`, `xl shutdown NAME`, `xl reboot NAME`."""
        if text in {"xl shutdown -a", "xl destroy -a"}:
            self._typed = text
            self._shut_down()
            return
        command, _, name = text.removeprefix("xl ").partition(" ")
        request = {"shutdown": "poweroff", "reboot": "reboot"}.get(command)
        if request is None or self.toolstack is None or not self.toolstack.ask(name, request):
            self._kernel.log(f"{text}: not possible")

    def rebuild_store(self) -> None:
        """Another xenstored has begun empty: what was under way with the old one is begun again."""
        self._store_to_rebuild = True
        self._builder.committed.clear()
        if self.toolstack is not None and not self._dead:
            self._kill(self.toolstack)
            self._start_again()
            self._shut_down()

    def _break(self, fault: Fault) -> bool:
        """Xl is killed; taken away, another one is started."""
        if not fault.active:
            self._start_again()
        elif self.toolstack is not None:
            self._kill(self.toolstack)
            self._kernel.log("xl: Killed")
        return True

    def _make(self) -> Toolstack:
        return Toolstack(
            self._kernel, self._plan, self._builder, lived_on=self._lived_on, forgotten=self._forgotten
        )

    def _kill(self, toolstack: Toolstack) -> None:
        self._dead = True
        self._orders.lose_toolstack()
        toolstack.kill()

    def _start_again(self) -> Future[None]:
        """A new xl in place of one that was killed, nothing if none was; set when xl knows the domains."""
        if not self._dead or self.toolstack is None:
            return self._knows
        self._dead = False
        dead, self.toolstack = self.toolstack, self._make()
        self._kernel.log("xl: started again")
        store_lost, self._store_to_rebuild = self._store_to_rebuild, False
        self._knows = self._told(self.toolstack, self.toolstack.adopt(dead.knows, store_lost=store_lost))
        return self._knows

    def _told(self, toolstack: Toolstack, work: Coroutine[Future[object], None, None]) -> Future[None]:
        """Have a toolstack find the domains, and then do with their disks what is ordered."""
        knows = toolstack.spawn("xl", work).finished

        def serve() -> None:
            if toolstack is self.toolstack and not self._dead:
                self._orders.serve(toolstack)

        knows.when_done(serve)
        return knows

    def _shut_down(self) -> None:
        """Do what was typed, if anything was, and as soon as there is somebody who can."""
        if self.toolstack is None or not self._typed:
            return
        started, force = self._start_again(), self._typed == "xl destroy -a"
        toolstack = self.toolstack

        def shut_down() -> None:
            # One that was killed meanwhile is followed by another, which is told again.
            if toolstack is self.toolstack and not self._dead and not toolstack.shutting_down:
                toolstack.shut_down_all(self._report_shut_down, force=force)

        started.when_done(shut_down)

    def _report_shut_down(self) -> None:
        self.all_shut_down = True
        self._kernel.log("xl: no guest is left")
