"""What the simulated driver keeps for each actor and for each end of a link.

An actor that handles something is busy for what that costs (`charge`): what it sends leaves at the end of its
turn, when it has done all steps of it, and what arrives meanwhile waits. `pace` is the factor on all it does.
Rules: an end of a link is in its actor's table from the LinkOpened it took to the LinkClosed it
takes; a link that an actor leaves closes at the peer behind everything that was sent before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from actors.runtime.distribution import Draw
from actors.runtime.link_rules import LinkRules
from actors.runtime.machine import DeadlinePassed, Event, Machine, Received

Tap = Callable[[object], object]
"""Shown every message of an actor, before the machine has it."""

TURNS_BETWEEN_FULL_CHECKS = 256


@dataclass(frozen=True, slots=True)
class Charge:
    """What an actor's steps cost: to take a message, by its type, more if it was idle; a Work it has done."""

    messages: Mapping[type, Draw]
    when_idle: Mapping[type, Draw] = field(default_factory=dict)
    work: Draw | None = None


class OwnerCall:
    """Something the owner of the simulation has done at a time."""

    __slots__ = ("perform",)

    def __init__(self, perform: Callable[[], object]) -> None:
        self.perform = perform

    def __repr__(self) -> str:
        return "OwnerCall"


class SimulatedActor:
    """A machine and where it stands; one object for each life of an address. Over, it has none."""

    __slots__ = (
        "_unchecked_turns",
        "address",
        "armed_ns",
        "busy_until_ns",
        "charge",
        "frozen",
        "held",
        "links",
        "machine",
        "pace",
        "pack",
        "spawner",
        "spent_ns",
        "start_ns",
        "tap",
        "touched",
    )

    def __init__(
        self, address: str, machine: Machine | None, spawner: "SimulatedActor | None", start_ns: int
    ) -> None:
        self.address = address
        self.machine = machine
        self.spawner = spawner
        self.start_ns = start_ns
        self.frozen = False
        self.held: list[Entry] = []
        self.links: dict[str, LinkEnd] = {}
        self.armed_ns: int | None = None
        self.touched: list[LinkEnd] = []  # those with something in their outbox
        self.tap: Tap | None = None
        self._unchecked_turns = 0
        self.charge: Charge | None = None
        self.busy_until_ns = 0
        self.spent_ns = 0
        self.pace = 1.0
        self.pack: int | None = None  # who has the same shares its process

    @property
    def alive(self) -> bool:
        """Whether it is not over."""
        return self.machine is not None

    def check(self, now_ns: int) -> None:
        """What the last turn may have broken, and now and then everything."""
        assert self.machine is not None, "it is alive"
        self._unchecked_turns += 1
        try:
            self.machine.check_turn()
            if self._unchecked_turns == TURNS_BETWEEN_FULL_CHECKS:
                self._unchecked_turns = 0
                self.machine.check()
        except AssertionError as error:
            error.add_note(f"at {now_ns} ns {self.address} broke an invariant")
            raise

    def take(self, kind: type, charge: Charge, now_ns: int) -> None:
        """Take the time that a message of a kind that costs something costs."""
        cost_ns = charge.messages[kind]()
        if kind in charge.when_idle and self.busy_until_ns < now_ns and not self.spent_ns:
            cost_ns += charge.when_idle[kind]()
        self.spent_ns += cost_ns if self.pace == 1.0 else int(cost_ns * self.pace)

    def work(self) -> None:
        """Take the time that a Work costs."""
        if self.charge is not None and self.charge.work is not None:
            self.spent_ns += int(self.charge.work() * self.pace)

    def put_off(self, event: "What", now_ns: int) -> int:
        """It is busy: when it can take what has come now."""
        if isinstance(event, DeadlinePassed) and self.armed_ns == now_ns:
            self.armed_ns = self.busy_until_ns
        return self.busy_until_ns


class LinkEnd:
    """One actor's end of a link; `last_arrival_ns` keeps the order of what is under way to it.

    `outbox` is what the turn sends on it, `latency` what the next frame takes. `received` is one for all.
    `within` a process, what is sent on it needs no way.
    """

    __slots__ = (
        "actor",
        "last_arrival_ns",
        "latency",
        "name",
        "open",
        "outbox",
        "peer",
        "received",
        "rules",
        "within",
    )

    def __init__(self, actor: SimulatedActor, name: str, latency: Draw) -> None:
        self.actor = actor
        self.name = name
        self.latency = latency
        self.received = Received(name, None)
        self.outbox: Frame = []
        self.open = True
        self.last_arrival_ns = 0
        self.rules: LinkRules | None = None
        self.within = False
        self.peer = self

    def takes_calls(self, now_ns: int) -> bool:
        """Whether its actor can take something at once: it runs, has nothing to do, and knows of the link."""
        actor = self.actor
        return (
            self.open
            and actor.alive
            and not actor.frozen
            and actor.busy_until_ns < now_ns
            and actor.links.get(self.name) is self
        )


def join_ends(one: LinkEnd, other: LinkEnd) -> None:
    """Make two ends a link."""
    one.peer, other.peer = other, one


Frame = list[object]
"""The messages that were sent on a link in one turn: they travel together, and arrive in one."""
What = Frame | Event | OwnerCall
# (time, sequence number, actor, the end of a link through which it comes, what); an OwnerCall has no actor.
Entry = tuple[int, int, SimulatedActor | None, LinkEnd | None, What]
