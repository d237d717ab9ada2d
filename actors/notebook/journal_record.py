"""One record of a journal: a write or a flush, from its issue to its answer.

Layout: eight little endian u64 words, see `Field`. The last holds kind, flags and outcome as bits.
Rules: outcome bits are only ever added. `answered_before` is the sequence that the next write or flush
had when this one was answered: whatever has that sequence or a higher one was issued afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

RECORD: Final = Struct("<QQQQQQQQ")
RECORD_SIZE: Final = RECORD.size


class Field(IntEnum):
    """The words of a record."""

    SEQUENCE = 0
    SECTOR = 1
    SECTORS = 2
    NONCE = 3
    ISSUED_NS = 4
    ANSWERED_NS = 5
    ANSWERED_BEFORE = 6
    OUTCOME = 7


class Kind(IntEnum):
    """Bit 0 of the last word."""

    WRITE = 0
    FLUSH = 1


class Outcome(IntEnum):
    """Bits of the last word that say how a request was answered; none of them: not at all."""

    ACKNOWLEDGED = 4
    FAILED = 8


FUA: Final = 2
ISSUED_FLAGS: Final[Mapping[tuple[Kind, bool], int]] = {
    (Kind.WRITE, False): 0,
    (Kind.WRITE, True): FUA,
    (Kind.FLUSH, False): int(Kind.FLUSH),
}


@dataclass(slots=True)
class Record:
    """A record as read back."""

    sequence: int
    sector: int
    sectors: int
    nonce: int
    issued_ns: int
    answered_ns: int
    answered_before: int
    flags: int

    @property
    def is_flush(self) -> bool:
        """Whether this is a flush."""
        return bool(self.flags & Kind.FLUSH)

    @property
    def fua(self) -> bool:
        """Whether the write had to be on the medium before its answer."""
        return bool(self.flags & FUA)

    @property
    def acknowledged(self) -> bool:
        """Whether it was answered with success."""
        return bool(self.flags & Outcome.ACKNOWLEDGED)

    @property
    def failed(self) -> bool:
        """Whether it was answered with an error."""
        return bool(self.flags & Outcome.FAILED)
