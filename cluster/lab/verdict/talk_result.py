"""What came of the talks of a run, counted."""

from dataclasses import asdict, dataclass, field
from typing import Final

OFFENDERS_MAX: Final = 20


@dataclass(slots=True)
class ConnectionCounts:
    """Connections of those who opened them; `lived`: were open, and were closed in peace or never."""

    opened: int = 0
    established: int = 0
    lived: int = 0
    reset: int = 0
    timed_out: int = 0
    refused: int = 0
    given_up: int = 0
    abandoned: int = 0


@dataclass(slots=True)
class ByteCounts:
    """Bytes of streams and documents: given to TCP, and as they came."""

    sent: int = 0
    in_order: int = 0
    missing: int = 0
    doubled: int = 0
    corrupt: int = 0


@dataclass(slots=True)
class DatagramCounts:
    """Echoes and UDP requests, and their answers. To be lost is legal."""

    sent: int = 0
    answered: int = 0
    lost: int = 0
    doubled: int = 0
    corrupt: int = 0


@dataclass(slots=True)
class GuestTalks:
    """Of one guest: the connections that it has opened, and its longest silence."""

    connections: ConnectionCounts = field(default_factory=ConnectionCounts)
    silence_max_ns: int = 0


@dataclass(slots=True)
class TalkResult:
    """All of it; `misdelivered`: bytes and datagrams that came to somebody they were not for.

    `guests`: by address, those that have opened a connection or waited.
    """

    connections: ConnectionCounts = field(default_factory=ConnectionCounts)
    bytes: ByteCounts = field(default_factory=ByteCounts)
    datagrams: DatagramCounts = field(default_factory=DatagramCounts)
    misdelivered: int = 0
    documents: int = 0
    documents_failed: int = 0
    silence_max_ns: int = 0
    silence_end_ns: int = 0
    silent: str = ""
    """Whose silence that was."""
    offenders: list[str] = field(default_factory=list)
    guests: dict[str, GuestTalks] = field(default_factory=dict)

    def of(self, guest: str) -> GuestTalks:
        """What came of the talks of one guest."""
        return self.guests.setdefault(guest, GuestTalks())

    def holds(self, *, may_double: bool = False) -> bool:
        """Whether nothing is missing, damaged or at the wrong place; `may_double`: datagrams may be."""
        wrong = self.bytes.missing or self.bytes.doubled or self.bytes.corrupt or self.datagrams.corrupt
        return not (wrong or self.misdelivered or (self.datagrams.doubled and not may_double))

    def offend(self, text: str) -> None:
        """Tell of one thing that is wrong."""
        if len(self.offenders) < OFFENDERS_MAX:
            self.offenders.append(text)

    def silence(self, guest: str, duration_ns: int, end_ns: int, whose: str = "") -> None:
        """A guest, or a connection of it (`whose`), heard nothing for so long."""
        told = self.of(guest)
        told.silence_max_ns = max(told.silence_max_ns, duration_ns)
        if duration_ns > self.silence_max_ns:
            self.silence_max_ns, self.silence_end_ns, self.silent = duration_ns, end_ns, whose or guest


def talks_words(result: TalkResult | None) -> dict[str, object]:
    """What `run.json` has of it; null for all that is not known."""
    told = asdict(result or TalkResult())
    del told["offenders"], told["silent"], told["silence_end_ns"], told["guests"]
    if result is not None:
        return told
    return {key: dict.fromkeys(value) if isinstance(value, dict) else None for key, value in told.items()}


def guest_words(talks: GuestTalks | None) -> dict[str, object]:
    """What `run.json` has of one guest; null for a guest that does not talk, or of which nothing is known."""
    told = asdict(talks or GuestTalks())
    return (
        told
        if talks is not None
        else {"connections": dict.fromkeys(told["connections"]), "silence_max_ns": None}
    )
