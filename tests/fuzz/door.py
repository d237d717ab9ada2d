"""Frames and hypercalls against a booted hypervisor with three domains.

An input is a row of steps: a hypercall of a domain by the grammar, mutated on its way or not, raw bytes as
a frame, writes into a grant table, a death, a deadline. Everything crosses the real codec.
Rules: whatever a domain sends, the hypervisor answers, refuses, or cuts its link; it never raises. What
an event may touch is checked after each step, everything after each `INPUTS_PER_CHECK` inputs; after
`INPUTS_PER_BOOT` the host is powered on anew.
"""

from collections import deque
from typing import Final

from actors.hypervisor.domains import Domain
from actors.hypervisor.hypervisor import Hypervisor
from actors.messages import (
    CODEC,
    DomainStopped,
    GrantRevoke,
    Hypercall,
    StartDomain,
    StopDomain,
    Upcall,
    UpcallTaken,
)
from actors.runtime.codec import ProtocolViolation
from actors.runtime.framing import FrameReader, frame, hello_frame
from actors.runtime.machine import (
    CloseLink,
    DeadlinePassed,
    Effect,
    Event,
    Exit,
    LinkClosed,
    LinkOpened,
    Received,
    Send,
)
from actors.runtime.memory import SparseMemory
from tests.fuzz.grammar import Grammar
from tests.fuzz.growth import Growth
from tests.fuzz.inputs import Input

NR_FRAMES: Final = 8192
INPUTS_PER_BOOT: Final = 400
INPUTS_PER_CHECK: Final = 10
STEPS_MAX: Final = 12
EVENTS_MAX: Final = 10_000
DOMCTL, MEMORY_OP = 36, 12
ARGUMENT: Final[dict[str, object]] = {
    "ioapic": False, "dom0_memory_pages": 64, "dom0_vcpus": 2, "hwdom": "restart",
}  # fmt: skip


class Board:
    """Plays the supervisor: starts and stops domains as the hypervisor wants, at once."""

    def __init__(self) -> None:
        self.machine = Hypervisor(dict(ARGUMENT), SparseMemory(NR_FRAMES))
        self.now_ns = 0
        self.sent = 0
        self.ended = False
        self.feed(LinkOpened("supervisor"))
        for _ in range(2):
            self._create()

    @property
    def links(self) -> list[str]:
        """Who may speak now."""
        return sorted(self.machine._host.callers)

    def caller(self, link: str) -> Domain | None:
        """The domain on a link."""
        return self.machine._host.callers.get(link)

    def feed(self, event: Event) -> None:
        """One event, and all that a prompt board answers."""
        waiting = deque([event])
        for _ in range(EVENTS_MAX):
            if not waiting:
                return
            self.now_ns += 1000
            for effect in self.machine.handle(waiting.popleft(), self.now_ns):
                waiting.extend(self._perform(effect))
            self.machine.check_turn()
        raise AssertionError("the hypervisor and its board never come to rest")

    def send(self, link: str, payload: bytes) -> None:
        """Bytes of a domain; nonsense costs it the link, as in the driver."""
        self.sent += 1
        try:
            messages = CODEC.decode_frame(_framed(payload))
        except ProtocolViolation:
            self.feed(LinkClosed(link, "broke the protocol"))
            return
        for message in messages:
            if self.caller(link) is not None:
                self.feed(Received(link, message))

    def _perform(self, effect: Effect) -> list[Event]:
        if isinstance(effect, CloseLink):
            return [LinkClosed(effect.link, effect.reason)]
        if isinstance(effect, Exit):
            self.ended = True
        if not isinstance(effect, Send):
            return []
        CODEC.encode(effect.message)
        match effect.message:
            case StartDomain(domid=domid):
                return [LinkOpened(f"dom{domid}")]
            case StopDomain(domid=domid, incarnation=incarnation):
                return [
                    LinkClosed(f"dom{domid}", "stopped"),
                    Received("supervisor", DomainStopped(domid, incarnation)),
                ]
            case Upcall():
                return [Received(effect.link, UpcallTaken())]
        return []

    def _create(self) -> None:
        config: dict[str, object] = {
            "max_vcpus": 2, "max_evtchn_port": 63, "max_grant_frames": 2, "max_maptrack_frames": 1,
        }  # fmt: skip
        domid = len(self.machine._host.domains.all())
        calls: tuple[tuple[int, int, dict[str, object]], ...] = (
            (DOMCTL, 1, config),
            (DOMCTL, 11, {"domain": domid, "max_memkb": 256}),
            (MEMORY_OP, 6, {"domid": domid, "nr_extents": 32}),
            (DOMCTL, 4, {"domain": domid}),
        )
        for number, command, arguments in calls:
            self.send("dom0", CODEC.encode(Hypercall(1, number, command, arguments)))


class Target:
    """The target; `__call__` takes one input. `done` says how much was done."""

    def __init__(self) -> None:
        board = Board()
        caller = board.caller("dom0")
        assert caller is not None, "dom0 runs"
        self._grammar = Grammar(board.machine._table, caller)
        self._growth = Growth()
        self.board = Board()
        self._inputs = 0
        self._sent = 0

    @property
    def done(self) -> str:
        """For people."""
        return f"{self._sent + self.board.sent:,} frames in {self._inputs:,} inputs"

    def __call__(self, data: bytes) -> None:
        """Do what one input says."""
        self._inputs += 1
        if self._inputs % INPUTS_PER_BOOT == 0 or self.board.ended or not self.board.links:
            self._sent += self.board.sent
            self.board = Board()
            self._growth.look()
        source, board = Input(data), self.board
        for _ in range(STEPS_MAX):
            if not source.rest or not board.links:
                break
            self._step(source, board)
        if self._inputs % INPUTS_PER_CHECK == 0:
            board.machine.check()

    def _step(self, source: Input, board: Board) -> None:
        how, link = source.byte(), source.choose(board.links)
        if how < 200:
            payload = CODEC.encode(Hypercall(source.byte(), *self._grammar.call(source)))
            board.send(link, _mutated(source, payload) if how >= 180 else payload)
        elif how < 215:
            self._scribble(source, board, link)
        elif how < 225:
            board.send(link, CODEC.encode(GrantRevoke(1, source.number())))
        elif how < 235:
            board.send(link, source.take(source.byte()) or b"\0")
        elif how < 245:
            board.now_ns += source.word() << 4
            board.feed(DeadlinePassed())
        elif how < 250:
            board.feed(LinkClosed(link, "died"))
        else:
            board.send(link, CODEC.encode(UpcallTaken()))

    def _scribble(self, source: Input, board: Board, link: str) -> None:
        """A guest writes what it likes into its grant table."""
        caller = board.caller(link)
        if caller is not None and caller.grants.frames:
            words = board.machine.memory.words(source.choose(caller.grants.frames))
            at = source.byte() % 32 * 2
            words[at] = (source.number() & 0xFFFF) << 16 | (source.number() & 0xFFFF)
            words[at + 1] = source.number() & 0xFFFFFFFF


def _framed(payload: bytes) -> bytes:
    """What a reader makes of a frame that comes in two parts; ProtocolViolation if it is none."""
    reader, cut = FrameReader(), len(payload) // 2
    stream = hello_frame() + frame(payload)
    payloads = [bytes(each) for each in reader.feed(memoryview(stream[:cut]))]
    payloads += [bytes(each) for each in reader.feed(memoryview(stream[cut:]))]
    if reader.violation is not None:
        raise reader.violation
    (whole,) = payloads
    return whole


def _mutated(source: Input, payload: bytes) -> bytes:
    changed = bytearray(payload)
    for _ in range(1 + (source.byte() & 3)):
        changed[(source.byte() << 8 | source.byte()) % len(changed)] = source.byte()
    return bytes(changed[: len(changed) - (source.byte() & 7 if source.byte() & 1 else 0)]) or b"\0"
