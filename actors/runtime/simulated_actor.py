"""What the simulated driver keeps for each actor and for each end of a link.

An actor that handles something is busy for what that costs (`charge`): what it sends leaves when it has
done the step, and what arrives meanwhile waits. `pace` is the factor on all that it does.
Rules: an end of a link is in its actor's table from the LinkOpened it took to the LinkClosed it
takes; a link that an actor leaves closes at the peer behind everything that was sent before.
"""

from collections.abc import Callable
from random import Random

from actors.runtime.link_rules import LinkRules
from actors.runtime.machine import DeadlinePassed, Effect, Event, Machine

Charge = Callable[[Event, list[Effect], bool], int]
"""What a step costs in nanoseconds: of the event, its effects, and whether the actor was idle before."""
Tap = Callable[[object], object]
"""Shown every message of an actor, before the machine has it."""

TURNS_BETWEEN_FULL_CHECKS = 256


class OwnerCall:
    """Something the owner of the simulation has done at a time."""

    __slots__ = ("perform",)

    def __init__(self, perform: Callable[[], object]) -> None:
        self.perform = perform

    def __repr__(self) -> str:
        return "OwnerCall"


class SimulatedActor:
    """A machine and where it stands; one object for each life of an address."""

    __slots__ = (
        "_unchecked_turns",
        "address",
        "alive",
        "armed_ns",
        "busy_until_ns",
        "charge",
        "frozen",
        "held",
        "links",
        "machine",
        "pace",
        "spawner",
        "spent_ns",
        "start_ns",
        "tap",
    )

    def __init__(
        self, address: str, machine: Machine | None, spawner: "SimulatedActor | None", start_ns: int
    ) -> None:
        self.address = address
        self.machine = machine
        self.spawner = spawner
        self.start_ns = start_ns
        self.alive = machine is not None
        self.frozen = False
        self.held: list[Entry] = []
        self.links: dict[str, LinkEnd] = {}
        self.armed_ns: int | None = None
        self.tap: Tap | None = None
        self._unchecked_turns = 0
        self.charge: Charge | None = None
        self.busy_until_ns = 0
        self.spent_ns = 0
        self.pace = 1.0

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

    def spend(self, event: Event, effects: list[Effect], now_ns: int) -> None:
        """Take the time that a step costs."""
        if self.charge is not None:
            idle = self.busy_until_ns < now_ns and not self.spent_ns
            self.spent_ns += int(self.charge(event, effects, idle) * self.pace)

    def end_step(self, now_ns: int) -> None:
        """A turn is over: busy for what it has cost."""
        self.busy_until_ns = now_ns + self.spent_ns
        self.spent_ns = 0

    def is_due(self, now_ns: int) -> bool:
        """Whether a deadline's entry still stands: the machine may have moved or dropped its deadline."""
        if self.armed_ns != now_ns or self.machine is None:
            return False
        self.armed_ns = None
        due_ns = self.machine.next_deadline_ns()
        return due_ns is not None and due_ns <= now_ns

    def put_off(self, event: "Event | OwnerCall", now_ns: int) -> int:
        """It is busy: when it can take what has come now."""
        if isinstance(event, DeadlinePassed) and self.armed_ns == now_ns:
            self.armed_ns = self.busy_until_ns
        return self.busy_until_ns


class LinkEnd:
    """One actor's end of a link; `last_arrival_ns` keeps the order of what is under way to it."""

    __slots__ = ("actor", "last_arrival_ns", "name", "open", "peer", "random", "rules")

    def __init__(self, actor: SimulatedActor, name: str, random: Random) -> None:
        self.actor = actor
        self.name = name
        self.random = random
        self.open = True
        self.last_arrival_ns = 0
        self.rules: LinkRules | None = None
        self.peer = self


def join_ends(one: LinkEnd, other: LinkEnd) -> None:
    """Make two ends a link."""
    one.peer, other.peer = other, one


# (time, sequence number, actor, the end of a link through which it comes, what); an OwnerCall has no actor.
Entry = tuple[int, int, SimulatedActor | None, LinkEnd | None, Event | OwnerCall]
