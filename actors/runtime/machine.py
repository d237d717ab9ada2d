"""The contract of a machine, and the vocabulary it shares with its driver.

Everything that decides is a machine: synchronous, deterministic, without I/O, clock or
randomness of its own. A driver feeds it events and performs the effects that it returns, in order.

Rules: events and effects are treated as immutable; they are plain slotted records because a frozen
dataclass costs four times as much to make, and these are made for each message. A machine may keep a
message, but not the `Received` that brought it: a driver may use that for the next one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from actors.runtime.link_rules import LinkRule


@dataclass(slots=True)
class LinkOpened:
    """A link to a peer exists now. Its name, given by whoever made the link, is the peer's identity."""

    link: str


@dataclass(slots=True)
class LinkClosed:
    """A link is gone: the peer died, closed it, or broke the protocol (`reason` says which).

    Each LinkOpened is followed by one of these, also when the machine itself closed the link.
    """

    link: str
    reason: str


@dataclass(slots=True)
class Received:
    """One message arrived on a link; on a raw link it is bytes, as they came."""

    link: str
    message: object


@dataclass(slots=True)
class DeadlinePassed:
    """The time that `next_deadline_ns` named has come."""


@dataclass(slots=True)
class ProcessEnded:
    """An actor that this machine spawned has stopped running; `status` as `os.waitpid` reports it."""

    address: str
    status: int


@dataclass(slots=True)
class StoodStill:
    """Another process of ours did not run between these two times, on the clock of all of them."""

    began_ns: int
    ended_ns: int


Event = LinkOpened | LinkClosed | Received | DeadlinePassed | ProcessEnded | StoodStill


@dataclass(slots=True)
class Send:
    """Send one message (`bytes` on a raw link); on a link that is closed it is dropped, as on a dead wire."""

    link: str
    message: object


@dataclass(slots=True)
class CloseLink:
    """Close a link because the peer broke the protocol; `reason` is logged."""

    link: str
    reason: str


@dataclass(slots=True)
class Log:
    """One line for this actor's log: what a serial console would show."""

    text: str


@dataclass(slots=True)
class Exit:
    """The actor is finished."""

    reason: str


@dataclass(slots=True)
class Spawn:
    """Start an actor: `program` names what to run, `argument` (msgpack data) what it is given."""

    address: str
    program: str
    argument: dict[str, object]


@dataclass(slots=True)
class Connect:
    """Make a link between two running actors; each end gets the name by which it knows the other.

    An empty address is the machine that returns this effect.
    """

    address: str
    link: str
    peer_address: str
    peer_link: str


@dataclass(slots=True)
class Disconnect:
    """Cut off the end of a link that an actor has, if it has it. What is under way may be lost.

    The other end closes as if the actor had closed its own; to have it closed at this moment, cut it, too.
    """

    address: str
    link: str


@dataclass(slots=True)
class Kill:
    """End an actor at once, as SIGKILL does. `ProcessEnded` follows when it no longer runs."""

    address: str


@dataclass(slots=True)
class Freeze:
    """Stop an actor from running, as SIGSTOP does; its links stay open."""

    address: str


@dataclass(slots=True)
class Thaw:
    """Let a frozen actor run on."""

    address: str


@dataclass(slots=True)
class Disturb:
    """Break what an actor sends on a link by these rules, in place of any others; none: it is sound.

    What is drawn follows from `seed`. Nothing happens if there is no such link now.
    """

    address: str
    link: str
    rules: Sequence[LinkRule]
    seed: str


@dataclass(slots=True)
class Slow:
    """Let everything take an actor `factor` times as long; 1 is its own pace."""

    address: str
    factor: float


@dataclass(slots=True)
class Rename:
    """Let an actor have another address, whose last actor has ended; its links stay as they are."""

    address: str
    new_address: str


@dataclass(slots=True)
class Work:
    """The machine has done a step of this kind; a simulated driver makes it take its time."""

    kind: str


Tracepoint = Callable[[int, int, int, int, int], None]
"""Called with the number of the point, then 16, 32, 64 and 64 bits of what it tells."""

Effect = (
    Send
    | CloseLink
    | Log
    | Exit
    | Spawn
    | Connect
    | Disconnect
    | Kill
    | Freeze
    | Thaw
    | Disturb
    | Slow
    | Rename
    | Work
)


class Machine(Protocol):
    """What a driver can run, with all that it may ask of it. Who names it as a base has the defaults."""

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Take one event at `now_ns` (monotonic nanoseconds); what is to be done about it, in order."""
        ...

    def end_turn(self, now_ns: int) -> list[Effect]:  # noqa: ARG002 (those who do something use it)
        """All that arrived together was handled; what else is to be done now."""
        return []

    def next_deadline_ns(self) -> int | None:
        """When `DeadlinePassed` is wanted (same clock as `now_ns`), or None."""
        return None

    def check(self) -> None:
        """Raise AssertionError if an invariant is broken."""
        return

    def check_turn(self) -> None:
        """The same of what the last turn may have broken, where that is less."""
        self.check()

    def statistics(self) -> object:
        """A frozen dataclass of counters and gauges (numbers, strings, and dicts of them), or None."""
        return None

    def interrupts(self) -> str:
        """The text of /proc/interrupts, of those that have interrupts."""
        return ""

    def trace(self, tracepoint: Tracepoint) -> None:  # noqa: ARG002
        """Have this called at every tracepoint; before the first event."""
        return

    def close(self) -> None:
        """The machine will not be called again: let go of what the end of a process would let go of."""
        return
