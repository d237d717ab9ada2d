"""Decides what becomes of the domains of a host: create, take over, what follows a shutdown, shut down.

Rules: a domain that was never unpaused is half built: it is destroyed and built again. Driver domains are
taken over after those that they serve, so that what they find in the store is whole; they are shut down last.
A toolstack that is killed stops where it is; the next one (`adopt`) looks after what runs, and finishes what
was to be taken over or created.
Source: tools/xl/xl_vmcontrol.c (handle_domain_death), tools/helpers/init-xenstore-domain.c.
Left out: the 2 s that xl waits before it creates a domain again.
"""

from collections.abc import Callable, Coroutine
from typing import cast

from actors.abi.errno import XenError
from actors.abi.hypercalls import Domctl, Sysctl
from actors.abi.interface import DominfFlags, ShutdownReason
from actors.device_classes import DEVICE_CLASSES
from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.knowledge import Knowledge, Running
from actors.dom0.plan import DomainPlan, HostPlan
from actors.dom0.shutdown_actions import DESTROY, PRESERVE, RESTART, SOFT_RESET
from actors.dom0.steps import (
    BuildDomain,
    CreateDomain,
    RemoveNodes,
    Served,
    WriteNodes,
    attach_steps,
    removal_steps,
)
from actors.dom0.take_over import TakeOver
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future, Signal, Thread
from actors.kernel.xenbus import Watch, Xenbus

COMPLETE = "/libxl/complete"
"""There as soon as a toolstack has written what there is of every domain that it found."""

NOT_REBUILT = (
    "nodes that guests wrote outside of their devices (data/, but for vitals, and the like)",
    "permissions that were changed after creation",
    "watches and open transactions of guests that do not reconnect",
    "pending control/shutdown requests",
)


class Toolstack:
    """The toolstack of one dom0."""

    def __init__(
        self,
        kernel: Kernel,
        plan: HostPlan,
        builder: DomainBuilder,
        *,
        lived_on: Callable[[Served], None] = lambda _served: None,
        forgotten: Callable[[int], None] = lambda _domid: None,
    ) -> None:
        """`forgotten` is told of each domain that is gone, when its nodes are.

        `lived_on`: of each device that was there, before a store that has lost it knows it again.
        """
        self._kernel = kernel
        self._lived_on = lived_on
        self._forgotten = forgotten
        self._plan = plan
        self._builder = builder
        self._by_handle = {each.handle: each for each in plan.domains}
        self.knows = Knowledge()
        self._changed = Signal()
        self._looked = Signal()
        self.shutting_down = False
        self._threads: list[Thread] = []
        self._watch: Watch | None = None
        self.taken_over = 0
        self.created = 0
        self.restarted = 0

    async def start(self, *, store_lost: bool) -> None:
        """Take over the domains that are there, create those that are not."""
        # The store may have been lost with, or shortly before, the last dom0, who had not rebuilt it.
        self.knows.store_lost = store_lost or not await self._builder.store.exists(COMPLETE)
        if not self.knows.store_lost:
            await self._forget_the_dead()
        self.knows.find(self._plan.domains, await self._survivors())
        await self._go_on()

    async def adopt(self, known: Knowledge, *, store_lost: bool = False) -> None:
        """Take the place of a toolstack that was killed and knew this: dom0 lives, so do its backends.

        `store_lost`: another xenstored has begun empty, so that everybody is to be taken over once more.
        """
        self.knows = known
        known.rebuilding = known.rebuilding or store_lost
        if not known.complete:
            await self.start(store_lost=store_lost or known.store_lost)
            return
        known.find_again(await self._survivors())
        self._changed.set()
        await self._go_on()

    def kill(self) -> None:
        """SIGKILL to every process of it, in the middle of whatever it does."""
        for thread in self._threads:
            thread.cancel()
        self._threads.clear()
        if self._watch is not None:
            self._builder.store.unwatch_nowait(self._watch)

    def spawn(self, name: str, work: Coroutine[Future[object], None, None]) -> Thread:
        """Start a thread of the toolstack, which ends if that is killed."""
        self._threads = [each for each in self._threads if not each.finished.done]
        self._threads.append(self._kernel.threads.spawn(name, work))
        return self._threads[-1]

    async def _go_on(self) -> None:
        knows = self.knows
        for domid in list(knows.to_forget):
            await self._forget(domid)
        for drivers in (False, True):
            await self._take_over_all(drivers=drivers)
        knows.rebuilding = False
        await self._builder.store.write(COMPLETE, "")
        while knows.unfinished:
            await self.create(knows.unfinished[0])
            knows.unfinished.pop(0)
        self._watch = await self._builder.store.watch("@releaseDomain", lambda _: self._changed.set())
        self.spawn("domain watcher", self._look_after())

    async def _take_over_all(self, *, drivers: bool) -> None:
        """All guests, or all driver domains, side by side: what each waits for takes no longer for many."""
        rows = [row for row in self.knows.to_take_over.items() if bool(row[1].drives) is drivers]
        for work in [
            self.spawn(f"xl take over {domid}", self._take_over(domid, plan)) for domid, plan in rows
        ]:
            await work.finished

    async def _take_over(self, domid: int, plan: DomainPlan) -> None:
        resume = self._plan.reconnect.keeps_rings
        if self.knows.store_lost:
            for device in plan.devices:
                self._lived_on((domid, device))
        await TakeOver(self._builder, self.knows, resume=resume).perform(domid, plan)
        self.taken_over += 1
        self._kernel.log(f"xl: took over {plan.name} (domain {domid})")

    async def create(self, plan: DomainPlan) -> int:
        """Create a domain and let it run; its domid. What is half built is destroyed on a refusal."""
        builder = self._builder
        builder.committed.clear()  # nothing is being taken over any more
        domid = await builder.create(CreateDomain(plan))
        try:
            await builder.build(BuildDomain(plan), domid)
            served = self.knows.served_by(domid) if plan.drives else []
            await builder.perform_all(attach_steps(plan, domid, served))
        except Exception:
            await builder.destroy(domid)
            raise
        self.knows.domains[domid] = Running(domid, plan)
        self.created += 1
        self._kernel.log(f"xl: {plan.name} is domain {domid}")
        return domid

    def shut_down_all(self, done: Callable[[], None], *, force: bool) -> None:
        """Ask every guest to power off, or destroy them all; `done` when none is left."""
        self.shutting_down = True
        self.spawn("shutdown", self._shut_down_all(done, force=force))

    def ask(self, name: str, request: str) -> bool:
        """Write a request (`poweroff`, `reboot`) for the domain of this name; False if none is known."""
        for running in self.knows.domains.values():
            if running.plan.name == name:
                self.spawn(f"xl {request} {name}", self._request(running.domid, request))
                return True
        return False

    async def _request(self, domid: int, request: str) -> None:
        await self._builder.store.write(f"/local/domain/{domid}/control/shutdown", request)

    async def _list(self) -> list[dict[str, object]]:
        out = await self._kernel.xen.sysctl(Sysctl.getdomaininfolist, first_domain=0, max_domains=1024)
        return cast("list[dict[str, object]]", out["domains"])

    async def _forget_the_dead(self) -> None:
        """Remove what the last dom0 had not yet: a driver domain would serve the dead for ever."""
        alive = {
            cast("int", each["domain"])
            for each in await self._list()
            if not cast("int", each["flags"]) & DominfFlags.dying
        }
        servers = [0, *(each.domid for each in self._plan.domains if each.drives)]
        homes = "/local/domain"
        names = await self._builder.store.directory(homes) if await self._builder.store.exists(homes) else []
        for name in names:
            if name.isdecimal() and int(name) not in alive:
                backends = (
                    f"/local/domain/{each}/backend/{device_class}/{name}"
                    for each in servers
                    for device_class in DEVICE_CLASSES
                )
                await self._builder.perform(RemoveNodes((*backends, f"{homes}/{name}")))

    async def _survivors(self) -> dict[int, DomainPlan]:
        found: dict[int, DomainPlan] = {}
        for each in await self._list():
            domid, flags = cast("int", each["domain"]), cast("int", each["flags"])
            plan = self._by_handle.get(cast("bytes", each["handle"]))
            if domid == 0 or flags & (DominfFlags.dying | DominfFlags.xs_domain):
                continue
            if plan is None:
                self._kernel.log(f"xl: domain {domid} is not in the configuration; left alone")
            elif flags & DominfFlags.paused and not cast("int", each["cpu_time"]):
                self._kernel.log(f"xl: {plan.name} (domain {domid}) was half built; built again")
                await self._builder.destroy(domid)
            else:
                found[domid] = plan
        return dict(sorted(found.items(), key=lambda each: bool(each[1].drives)))

    async def perform(self, step: WriteNodes) -> None:
        """Write nodes of a domain that is looked after."""
        await self._builder.perform(step)
        self._builder.committed.pop(step, None)

    @property
    def store(self) -> Xenbus:
        """The XenStore client."""
        return self._builder.store

    async def _look_after(self) -> None:
        while True:
            await self._changed.wait()
            alive = {cast("int", each["domain"]): each for each in await self._list()}
            for running in list(self.knows.domains.values()):
                info = alive.get(running.domid)
                if info is None:
                    await self._gone(running)
                elif cast("int", info["flags"]) & DominfFlags.shutdown and not running.ending:
                    await self._ended(running, cast("int", info["flags"]) >> 16 & 0xFF)
            self._looked.set()

    async def _ended(self, running: Running, reason: int) -> None:
        plan, what = running.plan, f"xl: {running.plan.name} (domain {running.domid})"
        if reason == ShutdownReason.suspend and not self.shutting_down:
            if not running.suspended:
                self._kernel.log(f"{what} has suspended")
            running.suspended = True
            return
        action = DESTROY if self.shutting_down else plan.actions.after(reason)
        name = ShutdownReason(reason).name if reason in set(ShutdownReason) else f"reason {reason}"
        self._kernel.log(f"{what} ended: {name}; action {action}")
        running.ending = True
        if action == PRESERVE or (action == SOFT_RESET and await self._soft_reset(running)):
            return
        if action == RESTART:
            self.knows.unfinished.append(plan)
        await self._builder.destroy(running.domid)
        await self._gone(running)
        if action == RESTART:
            self.restarted += 1
            await self.create(plan)
            self.knows.unfinished.remove(plan)

    async def _soft_reset(self, running: Running) -> bool:
        """Whether it goes on; one that Xen does not reset is destroyed, as xl does."""
        try:
            await self._kernel.xen.domctl(Domctl.soft_reset, domain=running.domid)
        except XenError as error:
            self._kernel.log(f"xl: domain {running.domid} cannot be reset: {error}")
            return False
        running.ending = False
        return True

    async def _gone(self, running: Running) -> None:
        if self.knows.gone(running.domid):
            await self._forget(running.domid)

    async def _forget(self, domid: int) -> None:
        await self._builder.perform_all(removal_steps(self.knows.to_forget[domid], domid))
        self._forgotten(domid)
        del self.knows.to_forget[domid]

    async def _shut_down_all(self, done: Callable[[], None], *, force: bool) -> None:
        asked: set[int] = set()
        for drivers in (False, True):
            # One that is being created again while this was asked for is to be shut down, too.
            while (
                left := [each for each in self.knows.domains.values() if bool(each.plan.drives) is drivers]
            ) or self.knows.unfinished:
                fresh = [each for each in left if each.domid not in asked]
                for running in fresh:
                    asked.add(running.domid)
                    await self._let_go(running, force=force)
                if not fresh:
                    await self._looked.wait()
        done()

    async def _let_go(self, running: Running, *, force: bool) -> None:
        if force or running.ending:
            running.ending = True
            await self._builder.destroy(running.domid)
            await self._gone(running)
        else:
            await self._request(running.domid, "poweroff")
