"""The header of a talk's journal: which number stands where.

Layout: words (u64) as in `TalkWord`; byte 512 the guest's address; 1024 since when each open connection waits
(0: it does not); 4096 gaps between signs of life; 12288 times from a request to its answer (`histogram.py`);
20480 the rows (`talk_rows.py`).
"""

from enum import IntEnum
from typing import Final

MAGIC: Final = int.from_bytes(b"DZtalk\0\0", "little")
VERSION: Final = 1
NAME_AT: Final = 512
NAME_BYTES_MAX: Final = 255
WAITS_WORD: Final = 1024 // 8
WAITS_MAX: Final = 256
"""A client has no more connections at once."""
GAPS_WORD: Final = 4096 // 8
LATENCIES_WORD: Final = 12288 // 8
ROWS_AT: Final = 20480
GROWTH: Final = 1 << 20


class TalkKind(IntEnum):
    """What is done."""

    ping = 0
    udp = 1
    stream = 2
    http = 3


class TalkRole(IntEnum):
    """Which end this is."""

    client = 0
    server = 1


class TalkWord(IntEnum):
    """Where each number of the header is, in units of 8 bytes."""

    MAGIC = 0
    VERSION = 1
    GUEST_ID = 2
    TALK = 3
    """Its place among the talks of its guest."""
    KIND = 4
    ROLE = 5
    PEER_ID = 6
    """The guest id that is talked to; 0 for the outside, and for servers."""
    BOOTS = 7
    STATE = 8
    """A `GuestState`."""
    WANTED = 9
    ROWS = 10
    WAITING_SINCE_NS = 11
    """Since when there has been work and no sign of life; 0 for no work."""
    LAST_SUCCESS_NS = 12
    LONGEST_GAP_NS = 13
    LONGEST_GAP_END_NS = 14
    NEXT_DUE_NS = 15
    NAMES = 16
    """How many connections or fetches have been given a number."""
    OPENED = 17
    ESTABLISHED = 18
    OPEN = 19
    CLOSED = 20
    RESET = 21
    TIMED_OUT = 22
    REFUSED = 23
    ABORTED = 24
    ABANDONED = 25
    LONGEST_SILENCE_NS = 26
    """Of any one connection."""
    LONGEST_SILENCE_END_NS = 27
    BYTES_SENT = 28
    BYTES_RECEIPTED = 29
    BYTES_RECEIVED = 30
    BLOCKS = 31
    BAD_BLOCKS = 32
    SENT = 33
    """Datagrams, echoes or requests that a client has sent, or that a server has answered."""
    ANSWERED = 34
    """Those of a client that had an answer, each counted once."""
    RECEIVED = 35
    DOUBLED = 36
    CORRUPT = 37
    MISDELIVERED = 38
    FAILED = 39
    """Requests that ended without a whole answer."""
    LATENCY_SUM_NS = 40
    STRAYS = 41
    """Connections whose first words were not those of a client of ours."""
