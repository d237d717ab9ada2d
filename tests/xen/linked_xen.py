"""A host in memory whose domains send each other events directly: the test is the board, and the wires."""

from collections import deque
from random import Random

from actors.address import EVENTS, event_link
from actors.event_messages import LinkDomains
from actors.kernel.kernel import Kernel
from actors.runtime.machine import CloseLink, Effect, Event, LinkClosed, LinkOpened, Received, Send
from tests.xen.simulated_xen import SimulatedXen, link_of

GUEST = 1


class LinkedXen(SimulatedXen):
    """dom0 and one guest, two plain kernels. `wires` has what is under way to each on their link.

    What is sent while the link is cut, or was under way then, is gone.
    """

    def __init__(self, **argument: object) -> None:
        super().__init__({0: Kernel, GUEST: Kernel}, direct_links=True, **argument)
        self.wires: dict[int, deque[Event]] = {0: deque(), GUEST: deque()}
        self.joins = 0
        self.wired = False
        self.open: set[int] = set()
        self.broken: list[str] = []
        self.boot()
        self.build(GUEST, Kernel, max_vcpus=2)
        self.unpause(GUEST)

    @property
    def host(self):
        return self.machine._host

    def join(self) -> None:
        """The board makes the link."""
        assert not self.wired
        self.wired = True
        for domid in self.wires:
            self.wires[domid].append(LinkOpened(event_link(GUEST - domid)))

    def cut(self) -> None:
        """The board cuts it at both ends."""
        assert self.wired
        self.wired = False
        self.open.clear()
        for domid, wire in self.wires.items():
            closing = [each for each in wire if isinstance(each, LinkClosed)]
            wire.clear()
            if GUEST - domid in self.kernels[domid].direct._links:
                wire.extend(closing or [LinkClosed(event_link(GUEST - domid), "cut off")])

    def _answer(self, link: str, message: object) -> list[Event]:
        if isinstance(message, LinkDomains):
            self.joins += 1
            self.join()
        return super()._answer(link, message)

    def _carry_out(self, domid: int, effect: Effect) -> None:
        if isinstance(effect, Send) and effect.link.startswith(EVENTS):
            if domid in self.open:
                self.wires[GUEST - domid].append(Received(event_link(domid), effect.message))
        elif isinstance(effect, CloseLink):
            self.broken.append(effect.reason)
            self.cut()
        else:
            super()._carry_out(domid, effect)

    def turn(self, domid: int) -> bool:
        """One turn with all that has come, first from the hypervisor."""
        if domid in self.asleep or domid not in self.kernels:
            return False
        kernel, wire = self.kernels[domid], self.wires[domid]
        events = [*wire]
        wire.clear()
        busy = super().turn(domid)
        return self._turn_with(kernel, domid, events) or busy

    def turn_with_some(self, domid: int, random: Random) -> None:
        """One turn with some of what has come on one of its two links."""
        kernel = self.kernels[domid]
        source = random.choice([self.wires[domid], self._inboxes[link_of(domid)]])
        events = [source.popleft() for _ in range(random.randint(0, len(source)))]
        self._turn_with(kernel, domid, events)

    def _turn_with(self, kernel: Kernel, domid: int, events: list[Event]) -> bool:
        effects: list[Effect] = []
        for event in events:
            if isinstance(event, LinkOpened) and event.link == event_link(GUEST - domid):
                self.open.add(domid)
            effects += kernel.handle(event, self.now_ns)
        effects += kernel.end_turn(self.now_ns)
        for effect in effects:
            self._carry_out(domid, effect)
        kernel.check()
        return bool(events or effects)

    def is_direct(self, domid: int, port: int) -> bool:
        """Whether an event that this domain sends now would go directly."""
        direct = self.kernels[domid].direct
        offered = direct._ports.get(port)
        return offered is not None and offered.remote_port is not None and offered.domid in direct._links
