"""The machine that puts a paravirtual kernel together: event in, threads run, effects out.

Rules: a domain is a `Kernel` with threads of its own; it takes messages of other links by `on_link`. Whose a
link is, follows from its name alone: its owner is told of it, and one that nobody owns is left alone.
At the end of a turn doorbells are rung once, whatever the turn has queued for them.
"""

from collections.abc import Callable
from typing import Protocol

from actors.capture_messages import CaptureTaken, StartCapture, StopCapture
from actors.kernel.direct_links import DirectLinks
from actors.kernel.grant_copies import GrantCopies
from actors.kernel.grants import Grants
from actors.kernel.hypercalls import Hypercalls
from actors.kernel.irq import Irq
from actors.kernel.pages import Pages
from actors.kernel.threads import Threads
from actors.kernel.xenbus import StoreObserver
from actors.messages import CannotGoOn, ConsoleInput, Fault, HypercallReply, Upcall
from actors.network.tap import Taps
from actors.runtime.machine import (
    CloseLink,
    Effect,
    Event,
    Exit,
    LinkClosed,
    LinkOpened,
    Log,
    Machine,
    Received,
    Send,
    Tracepoint,
    Work,
)
from actors.runtime.memory import Memory
from actors.start_info import FIRST_FREE_GFN, MAX_FRAMES, StartInfo, read_start_info

XEN = "xen"
SUPERVISOR = "supervisor"
TakeFault = Callable[[Fault], bool]
"""Breaks something, or makes it whole again; False if it is not there."""


class LinkOwner(Protocol):
    """A part of a kernel to which the links of one kind of peer belong."""

    def owns(self, link: str) -> bool:
        """Whether a link of this name is of that kind."""
        ...

    def opened(self, link: str) -> None:
        """A link that it owns is there."""
        ...

    def closed(self, link: str, reason: str) -> None:
        """A link that it owns is gone."""
        ...


class Kernel(Machine):
    """One paravirtual kernel. `boot` starts when the link to the hypervisor is there.

    One that has suspended may go on with another link to the hypervisor than the one that it had.

    `link_owners`: who takes the other links, all of which are known before the first event.
    `faults`: by their kinds what can be broken in here; whoever has something that can be puts it in.
    """

    def __init__(self, memory: Memory, extents: list[list[int]]) -> None:
        self.memory = memory
        self.threads = Threads()
        self.xen = Hypercalls(self._send_to_xen)
        self.irq = Irq(self.xen)
        self.pages = Pages(memory, extents)
        self.grants = Grants(self.xen, memory)
        self.start_info = self._read_start_info()
        self.pages.reserve(FIRST_FREE_GFN)
        self._effects: list[Effect] = []
        self._receivers: dict[str, Callable[[object], None]] = {SUPERVISOR: self._console}
        self.direct = DirectLinks(self, XEN)
        self.irq.direct = self.direct
        self.link_owners: list[LinkOwner] = [self.direct]
        self._turn_ends: dict[Callable[[], None], None] = {}
        self.copies = GrantCopies(self.xen, self.pages, self.at_turn_end)
        self.faults: dict[str, TakeFault] = {}
        self.taps = Taps()
        self.store_observer: StoreObserver | None = None
        self.store_began: Callable[[], None] = lambda: None

    def _read_start_info(self) -> StartInfo:
        frames = min(self.pages.total, MAX_FRAMES)
        return read_start_info(self.memory, [self.pages.mfn(gfn) for gfn in range(frames)])

    async def boot(self) -> None:
        """What this kernel does when it starts; subclasses say."""

    def console_input(self, text: str) -> None:
        """A line was typed on the console; subclasses may care."""

    def spend(self, kind: str) -> None:
        """A step of this kind was done; in simulated time it costs what its kind costs."""
        self._effects.append(Work(kind))

    def trace(self, tracepoint: Tracepoint) -> None:
        """Have this called at every tracepoint; before the first event."""
        self.threads.tracepoint = tracepoint

    def log(self, text: str) -> None:
        """A kernel message on the console."""
        self._effects.append(Log(text))

    def cannot_go_on(self, text: str) -> None:
        """Something that is no part of the host has failed this kernel: the experiment ends with that."""
        self.log(text)
        self.send(SUPERVISOR, CannotGoOn(text))

    def send(self, link: str, message: object) -> None:
        """Send a message to a device."""
        self._effects.append(Send(link, message))

    def close_link(self, link: str, reason: str) -> None:
        """Cut a link off."""
        self._effects.append(CloseLink(link, reason))

    def on_link(self, link: str, receive: Callable[[object], None]) -> None:
        """Messages of this link go to `receive`."""
        self._receivers[link] = receive

    def off_link(self, link: str) -> None:
        """Messages of this link go nowhere."""
        self._receivers.pop(link, None)

    def at_turn_end(self, callback: Callable[[], None]) -> None:
        """Call back once at the end of this turn, before events are sent, however often it is asked for."""
        self._turn_ends[callback] = None

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """One event. Part of the machine's contract, as are those below."""
        self.threads.now_ns = now_ns
        if type(event) is Received:
            self._receive(event.link, event.message)
        elif type(event) is LinkOpened:
            self._opened(event.link)
        elif type(event) is LinkClosed:
            self._closed(event.link, event.reason)
        self.threads.run(now_ns)
        return self._take_effects()

    def end_turn(self, now_ns: int) -> list[Effect]:
        """Everything that arrived is handled: ring the doorbells."""
        while True:
            if self._turn_ends:
                callbacks, self._turn_ends = self._turn_ends, {}
                for callback in callbacks:
                    callback()
            self.irq.flush()
            if self.threads.ready:
                self.threads.run(now_ns)
            elif not self._turn_ends:
                break
        self.xen.confirm()
        self.direct.flush()
        if self.taps.open:
            for captured in self.taps.captured():
                self.send(SUPERVISOR, captured)
        return self._take_effects()

    def next_deadline_ns(self) -> int | None:
        """When the next thread wants to wake."""
        return self.threads.next_deadline_ns()

    def check(self) -> None:
        """Invariants of a kernel; subclasses add theirs."""
        assert self.grants.granted >= 0, "more grants were taken back than given"
        assert self.grants.mapped >= 0, "more grants were unmapped than mapped"
        self.direct.check()

    def interrupts(self) -> str:
        """The text of /proc/interrupts."""
        return self.irq.table()

    def statistics(self) -> object:
        """Counters; subclasses say which."""
        return None

    def _send_to_xen(self, message: object) -> None:
        self._effects.append(Send(XEN, message))

    def _receive(self, link: str, message: object) -> None:
        if link == XEN:
            kind = type(message)
            if kind is Upcall:
                self.xen.upcall_taken()
                self.irq.deliver(message.ports)  # type: ignore[attr-defined]
            elif kind is HypercallReply:
                self.xen.receive(message)  # type: ignore[arg-type]
            elif not self.direct.told(message):
                self.log(f"the hypervisor sent {message!r}")
        else:
            receiver = self._receivers.get(link)
            if receiver is not None:
                receiver(message)

    def _opened(self, link: str) -> None:
        if link == XEN and self.xen.suspended:
            pass  # the answer comes on this one
        elif link == XEN:
            self.threads.spawn("boot", self.boot())
        else:
            for owner in self.link_owners:
                if owner.owns(link):
                    owner.opened(link)

    def _closed(self, link: str, reason: str) -> None:
        if link == XEN and self.xen.suspended:
            pass  # there will be another, or whoever looks after this domain ends it
        elif link == XEN:
            self._effects.append(Exit(f"the machine is gone: {reason}"))
        else:
            for owner in self.link_owners:
                if owner.owns(link):
                    owner.closed(link, reason)

    def _console(self, message: object) -> None:
        if isinstance(message, ConsoleInput):
            self.console_input(message.text)
        elif isinstance(message, Fault):
            take = self.faults.get(message.kind)
            if take is None or not take(message):
                self.log(f"no fault {message.kind} is possible here: {message.options}")
        elif isinstance(message, StartCapture | StopCapture | CaptureTaken):
            self.taps.take(message)

    def _take_effects(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects
