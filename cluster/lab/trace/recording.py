"""One actor's records (`actors/runtime/recorder.py`), read back.

Rules: a recording that was cut short by SIGKILL, or is full, is read as far as it goes.
"""

from dataclasses import dataclass, field

from actors.runtime.recorder import FIRST_POINT, RECORD, RecordKind

NOT_MESSAGES = ("LinkOpened", "LinkClosed")


@dataclass(slots=True)
class Turn:
    """What an actor did about one event: `what` it took, from which link, and the links it sent on."""

    begin_ns: int
    end_ns: int
    link: str
    what: str
    sent: list[str]


@dataclass(slots=True)
class Point:
    """One call of a tracepoint (`actors/abi/trace.py`)."""

    time_ns: int
    address: str
    number: int
    a: int
    b: int
    c: int
    d: int


@dataclass(slots=True)
class Wire:
    """A link that was made: (address, name of the link there) of both ends."""

    time_ns: int
    one: tuple[str, str]
    other: tuple[str, str]


@dataclass(slots=True)
class Recording:
    """What one actor recorded: in one life, or in virtual time in all of them."""

    address: str
    turns: list[Turn] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    spawns: list[tuple[int, str]] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    dropped: int = 0

    @classmethod
    def parse(cls, address: str, data: bytes) -> "Recording":
        """Read records up to the first that is empty."""
        recording, names = cls(address), [""]
        at, end, size = 0, len(data), RECORD.size
        while at + size <= end:
            row = RECORD.unpack_from(data, at)
            at += size
            if not row[1]:
                break
            if row[1] == RecordKind.NAME:
                names.append(data[at : at + row[3]].decode(errors="replace"))
                at += -(-row[3] // size) * size
            else:
                recording.add(row, names)
        return recording

    def add(self, row: tuple[int, int, int, int, int, int], names: list[str]) -> None:
        """Take in one record that is no name."""
        time_ns, kind, a, b, c, d = row
        if kind == RecordKind.TURN:
            self.turns.append(Turn(time_ns, c, names[a], names[b], []))
        elif kind == RecordKind.SEND:
            self.turns[-1].sent.append(names[a])
        elif kind >= FIRST_POINT:
            self.points.append(Point(time_ns, self.address, kind, a, b, c, d))
        elif kind == RecordKind.SPAWN:
            self.spawns.append((time_ns, names[b]))
        elif kind == RecordKind.CONNECT:
            self.wires.append(Wire(time_ns, (names[c], names[a]), (names[d], names[b])))
        else:
            self.dropped = c
