"""Which message came from which turn: the n-th one sent on a link is the n-th one taken at its other end.

Nothing travels for it. The supervisor's recording says which ends were joined, and in which order; each
actor's says when a link opened there, what was sent on it and what was taken.
Rules: a life of an actor begins where the supervisor spawned it. What was sent and never taken has no pair.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cluster.lab.experiment.host_board import SUPERVISOR
from cluster.lab.trace.recording import NOT_MESSAGES, Recording, Turn

End = tuple[str, int, str, int]
"""One end of a link: address, life of the actor, name of the link, how often it was opened in that life."""


@dataclass(slots=True)
class Traffic:
    """What went through one end of a link, in order."""

    sent: list[Turn] = field(default_factory=list)
    taken: list[Turn] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    """A message from a turn of one actor to a turn of another."""

    source: str
    sent: Turn
    destination: str
    taken: Turn


class Messages:
    """The messages of a run."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self._spawned: dict[str, list[int]] = defaultdict(list)
        for each in recordings:
            for time_ns, address in each.spawns:
                self._spawned[address].append(time_ns)
        self._traffic: dict[End, Traffic] = defaultdict(Traffic)
        self._opened: dict[tuple[str, int, str], int] = defaultdict(int)
        for each in recordings:
            self._count(each)
        self._joined = self._join(recordings)

    def life(self, address: str, time_ns: int) -> int:
        """Which life of an actor a moment belongs to; 0 for an actor that nobody spawned."""
        return bisect_right(self._spawned.get(address, ()), time_ns)

    def pairs(self) -> Iterator[Message]:
        """Every message that was taken."""
        for one, other in self._joined:
            yield from self._one_way(one, other)
            yield from self._one_way(other, one)

    def _one_way(self, source: End, destination: End) -> Iterator[Message]:
        if source in self._traffic and destination in self._traffic:
            sent, taken = self._traffic[source].sent, self._traffic[destination].taken
            for first, last in zip(sent, taken, strict=False):
                yield Message(source[0], first, destination[0], last)

    def _count(self, recording: Recording) -> None:
        address, traffic, opened = recording.address, self._traffic, self._opened
        for turn in recording.turns:
            life = self.life(address, turn.begin_ns)
            if turn.what == "LinkOpened":
                opened[address, life, turn.link] += 1
            elif turn.link and turn.what not in NOT_MESSAGES:
                end = (address, life, turn.link, opened[address, life, turn.link])
                traffic[end].taken.append(turn)
            for link in turn.sent:
                traffic[address, life, link, opened[address, life, link]].sent.append(turn)

    def _join(self, recordings: Sequence[Recording]) -> list[tuple[End, End]]:
        made: dict[tuple[str, int, str], int] = defaultdict(int)
        joined = []
        for recording in recordings:
            for wire in recording.wires:
                ends = []
                for address, link in (wire.one, wire.other):
                    whose = address or SUPERVISOR
                    life = self.life(whose, wire.time_ns)
                    made[whose, life, link] += 1
                    ends.append((whose, life, link, made[whose, life, link]))
                joined.append((ends[0], ends[1]))
        return joined
