"""A host in memory: the hypervisor itself, and real kernels in its domains.

Rules: a domain that was given a program runs its kernel; every other one is played by the test, which
may also call the hypervisor in the place of a domain that runs. Nothing happens before `run`, and time
passes only as the test says. The kernel that dom0 is given runs from `boot` on.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from actors.abi.errno import XenError
from actors.abi.interface import GNTTAB_RESERVED_XENSTORE
from actors.kernel.kernel import XEN, Kernel
from actors.kernel.xs_ring import XsRing
from actors.messages import HypercallReply, StartDomain, StopDomain
from actors.runtime.machine import DeadlinePassed, Effect, Event, LinkOpened, Log, Received, Send
from actors.runtime.memory import Memory
from actors.start_info import STORE_GFN, StartInfo, write_start_info
from tests.xen.bench import COMMAND_NUMBERS, Bench

Program = Callable[[Memory, list[list[int]]], Kernel]

TURNS_MAX = 10_000
OWN_SEQUENCE = 1 << 40
"""Calls of the test are numbered from here on: no kernel comes this far."""


def link_of(domid: int) -> str:
    return f"dom{domid}"


class SimulatedXen(Bench):
    """A bench whose domains run `programs`. `told` is what kernels sent to others than the hypervisor."""

    def __init__(
        self, programs: dict[int, Program] | None = None, *, frames: int = 4096, **argument: object
    ) -> None:
        super().__init__(frames=frames, **argument)
        self._sequence = OWN_SEQUENCE
        self.programs: dict[int, Program] = dict(programs or {})
        self.kernels: dict[int, Kernel] = {}
        self.asleep: set[int] = set()
        self.consoles: dict[int, list[str]] = {}
        self.told: list[tuple[int, str, object]] = []
        self.store_ports: dict[int, int] = {}
        self._inboxes: dict[str, deque[Event]] = {}

    def boot(self) -> "SimulatedXen":
        super().boot()
        self.run()
        return self

    # Domains.

    def build(
        self,
        domid: int,
        program: Program | None = None,
        *,
        store_domid: int = 0,
        pages: int = 64,
        **fields: Any,
    ) -> int:
        """A domain as the toolstack builds it, still paused: a store ring, its grant, and a port for it."""
        created = self.create(pages, run=False, domain=domid, **fields)
        assert created == domid
        server = 0 if store_domid == domid else store_domid
        port = self.out(0, "event_channel_op.alloc_unbound", "port", dom=domid, remote_dom=server)
        self.entry(domid, GNTTAB_RESERVED_XENSTORE, to=server, gfn=STORE_GFN)
        info = StartInfo(nr_pages=pages, store_gfn=STORE_GFN, store_port=port, store_domid=store_domid)
        write_start_info(self.memory, [self.mfn(domid, 0)], info)
        self.ring(domid).evtchn_port = self.store_ports[domid] = port
        if program is not None:
            self.programs[domid] = program
        return port

    def unpause(self, domid: int) -> None:
        """Let a domain run that was built."""
        assert self.ret(0, "domctl.unpausedomain", domain=domid) == 0
        self.run()

    def destroy(self, domid: int) -> None:
        """The toolstack destroys a domain; what follows has followed."""
        super().destroy(domid)
        self.run()

    def crash(self, domid: int) -> None:
        """The process of a domain is killed; what follows has followed."""
        self._forget(domid)
        super().crash(domid)
        self.run()

    def shut_down(self, domid: int, reason: int) -> None:
        """The domain says that it has ended."""
        self.raw(domid, *COMMAND_NUMBERS["sched_op.shutdown"], {"reason": int(reason)})
        self.run()

    def sleep(self, domid: int) -> None:
        """The domain gets no processor: what comes for it waits."""
        self.asleep.add(domid)

    def wake(self, domid: int) -> None:
        self.asleep.discard(domid)
        self.run()

    def kick(self, domid: int, port: int) -> None:
        """The domain sends an event on a port of its own, and all happens that comes of it."""
        assert self.ret(domid, "event_channel_op.send", port=port) == 0
        self.run()

    # What is in memory.

    def mfn(self, domid: int, gfn: int) -> int:
        mfn = self.machine._host.domains.find(domid).physmap.mfn(gfn)
        assert mfn is not None
        return mfn

    def words(self, domid: int, gfn: int = STORE_GFN) -> memoryview:
        return self.memory.words(self.mfn(domid, gfn))

    def ring(self, domid: int) -> XsRing:
        """The page between a domain and its store."""
        return XsRing(self.memory.frame(self.mfn(domid, STORE_GFN)), self.words(domid))

    def mapped(self, domid: int) -> list[tuple[int, int]]:
        """Whose frames a domain has mapped, and which."""
        grants = self.machine._host.domains.find(domid).grants
        return sorted((each.granter.domid, each.mfn) for each in grants.maptrack.values())

    def ports(self, domid: int) -> dict[int, str]:
        """The ports that a domain has in use, but for that of its store, and as what."""
        channels = self.machine._host.domains.find(domid).ports.channels
        own = self.store_ports.get(domid, 0)
        return {port: each.state.name for port, each in channels.items() if port != own}

    # Kernels.

    def start(self, domid: int, coroutine: Awaitable[Any]) -> list[Any]:
        """Begin a coroutine as a thread of a kernel; a list that gets its result or its XenError."""
        results: list[Any] = []

        async def body() -> None:
            try:
                results.append(await coroutine)
            except XenError as error:
                results.append(error)

        self.kernels[domid].threads.spawn("test", body())
        self.run()
        return results

    def do(self, domid: int, coroutine: Awaitable[Any]) -> Any:
        """The result of a coroutine that must end without time passing, or the XenError that it raises."""
        (result,) = self.start(domid, coroutine)
        if isinstance(result, XenError):
            raise result
        return result

    def run(self) -> None:
        """Let everything happen that can without time passing; whoever had to do with it is checked."""
        busy: set[int] = set()
        for _ in range(TURNS_MAX):
            found = [domid for domid in list(self.kernels) if self.turn(domid)]
            if not found:
                break
            busy.update(found)
        else:
            raise AssertionError("the host does not come to rest")
        for domid in busy & self.kernels.keys():
            self.kernels[domid].check()

    def advance(self, duration_ns: int) -> None:
        """Let time pass, with every deadline in it of the hypervisor and of the kernels that are awake."""
        until_ns = self.now_ns + duration_ns
        while (due_ns := self._next_deadline_ns()) is not None and due_ns <= until_ns:
            self.now_ns = max(self.now_ns, due_ns)
            self.feed(DeadlinePassed())
            self.run()
        self.now_ns = max(self.now_ns, until_ns)
        self.run()

    def _next_deadline_ns(self) -> int | None:
        awake = [kernel for domid, kernel in self.kernels.items() if domid not in self.asleep]
        found = [each.next_deadline_ns() for each in (self.machine, *awake)]
        return min((each for each in found if each is not None), default=None)

    def turn(self, domid: int) -> bool:
        """One turn of a kernel; whether it had anything to do."""
        kernel = self.kernels.get(domid)
        if kernel is None or domid in self.asleep:
            return False
        inbox = self._inboxes[link_of(domid)]
        deadline = kernel.next_deadline_ns()
        busy = bool(inbox) or (deadline is not None and deadline <= self.now_ns)
        effects = kernel.handle(DeadlinePassed(), self.now_ns)
        while inbox:
            effects += kernel.handle(inbox.popleft(), self.now_ns)
        effects += kernel.end_turn(self.now_ns)
        for effect in effects:
            if self.kernels.get(domid) is kernel:
                self._carry_out(domid, effect)
        return busy or bool(effects)

    def _check(self) -> None:
        self.machine.check_turn()  # of what was touched: the whole costs more than the call

    def _carry_out(self, domid: int, effect: Effect) -> None:
        if isinstance(effect, Log):
            self.consoles[domid].append(effect.text)
        elif isinstance(effect, Send) and effect.link == XEN:
            self.message(link_of(domid), effect.message)
        elif isinstance(effect, Send):
            self.told.append((domid, effect.link, effect.message))

    def _answer(self, link: str, message: object) -> list[Event]:
        if isinstance(message, StartDomain) and message.domid in self.programs:
            self.kernels[message.domid] = self.programs[message.domid](self.memory, message.extents)
            self._inboxes[link_of(message.domid)] = deque([LinkOpened(XEN)])
            self.consoles[message.domid] = []
        elif isinstance(message, StopDomain):
            self._forget(message.domid)
        elif link in self._inboxes:
            if not (isinstance(message, HypercallReply) and message.sequence > OWN_SEQUENCE):
                self._inboxes[link].append(Received(XEN, message))
            return []
        return super()._answer(link, message)

    def _forget(self, domid: int) -> None:
        self.kernels.pop(domid, None)
        self._inboxes.pop(link_of(domid), None)
        self.asleep.discard(domid)
