"""The rows of a talk's journal: 64 bytes each, eight little endian u64 words; some things take several.

The first word of each row, or of the first row of a thing, holds its kind in the low byte, its rows in the
next two, and a CRC-32 of what has come, where that is of use, in the upper half (`first_word`).
Rules: a row is written first, then counted; it never moves. Only the rows of a connection, and the answer to
a request, are changed later.
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Final

ROW: Final = Struct("<8Q")
ROW_BYTES: Final = ROW.size
CONNECTION_ROWS: Final = 4
FETCH_ROWS: Final = 3
DOCUMENT_BYTES_MAX: Final = 112


class RowKind(IntEnum):
    """What a row is about."""

    CONNECTION = 1
    BLOCK = 2
    EXHIBIT = 3
    REQUEST = 4
    DATAGRAM = 5
    FETCH = 6


class Ending(IntEnum):
    """How a connection ended."""

    OPEN = 0
    CLOSED = 1
    """Both sides were done."""
    RESET = 2
    TIMED_OUT = 3
    REFUSED = 4
    ABORTED = 5
    """This end gave it up."""
    ABANDONED = 6
    """The guest of this end died."""


class ConnectionField(IntEnum):
    """The words of a connection."""

    KIND = 0
    NAME = 1
    """Its number; 0 as long as the other end has not told it."""
    ENDS = 2
    """Guest ids: who sends, in the upper half, and for whom."""
    LOCAL = 3
    """IPv4 address, in the upper half, and port."""
    REMOTE = 4
    OPENED_NS = 5
    ESTABLISHED_NS = 6
    ENDED_NS = 7
    ENDING = 8
    ERROR = 9
    """An errno."""
    SENT = 10
    """Bytes given to TCP."""
    RECEIPTED = 11
    """Bytes that the other end says have come."""
    RECEIVED = 12
    """Bytes that have come in order."""
    PARTIAL = 13
    """CRC-32 of those that have come of the block under way."""
    BLOCK = 14
    """Bytes of a block."""
    BAD_BLOCKS = 15
    WAITING_SINCE_NS = 16
    """Since when there has been work and no progress; 0 for no work."""
    PROGRESS_NS = 17
    LONGEST_SILENCE_NS = 18
    LONGEST_SILENCE_END_NS = 19
    ACCEPTED = 20
    """1 if the other end opened it."""
    LONGEST_GAP_NS = 21
    """Between two arrivals, whether there was work or not."""
    LONGEST_GAP_END_NS = 22
    FINISHED = 23
    """1 if the other end has said that it has no more to send."""


class BlockField(IntEnum):
    """The words of a block that has come; the label's as they have come."""

    KIND = 0
    ROW = 1
    """The row of its connection."""
    NUMBER = 2
    """How many have come before it."""
    RECEIVED_NS = 3
    NAME = 4
    ENDS = 5
    OFFSET = 6
    MAGIC = 7
    """The label's magic in the lower half, its size of a block in the upper."""


class ExhibitField(IntEnum):
    """The words before bytes that were kept as they came; the bytes are in the rows that follow."""

    KIND = 0
    ROW = 1
    """The row of the connection; of a datagram, its own."""
    OFFSET = 2
    SIZE = 3


class RequestField(IntEnum):
    """The words of a datagram or echo that was sent to be answered."""

    KIND = 0
    NUMBER = 1
    SENT_NS = 2
    ANSWERED_NS = 3
    SIZE = 4
    ENDS = 5
    REMOTE = 6
    LOCAL = 7


class DatagramField(IntEnum):
    """The words of a datagram or echo that has come; all but the times and addresses as they have come."""

    KIND = 0
    NUMBER = 1
    RECEIVED_NS = 2
    SENT_NS = 3
    TALK = 4
    """Which talk of its sender in the lower half, then its size (16 bits), and 1 for an answer."""
    ENDS = 5
    REMOTE = 6
    TOLD = 7
    """The CRC-32 that it carries, and its magic in the upper half."""


class FetchField(IntEnum):
    """The words of a document that was asked for; its name is in the bytes that follow the words."""

    KIND = 0
    ROW = 1
    BEGUN_NS = 2
    ENDED_NS = 3
    STATUS = 4
    """The server's; 0 for no answer."""
    EXPECTED = 5
    """Bytes that were to come."""
    RECEIVED = 6
    FIRST = 7
    """The first byte that was asked for."""
    LOCAL = 8
    REMOTE = 9


def first_word(kind: RowKind, rows: int = 1, crc: int = 0) -> int:
    """The first word of a thing."""
    return int(kind) | rows << 8 | crc << 32


def pair(upper: int, lower: int) -> int:
    """Two numbers of 32 bits in a word."""
    return upper << 32 | lower


def halves(word: int) -> tuple[int, int]:
    """The upper half of a word, and the lower."""
    return word >> 32, word & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing of the journal as read back: its kind, its first row, its CRC-32 and its words."""

    kind: RowKind
    row: int
    crc: int
    words: tuple[int, ...]

    @property
    def content(self) -> bytes:
        """The words as bytes, for what is not numbers."""
        return Struct(f"<{len(self.words)}Q").pack(*self.words)
