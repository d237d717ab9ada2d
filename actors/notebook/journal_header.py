"""The header of a journal: which number stands where.

Layout: words (u64) as in `Word`; byte 256 the guest's address; byte 512 a digest; 4096 gaps between
successes; 12288 latencies (`histogram.py`); 20480 the records (`journal_record.py`).
"""

from enum import IntEnum
from typing import Final

MAGIC: Final = int.from_bytes(b"DZjournl", "little")
VERSION: Final = 2
NAME_AT: Final = 256
NAME_BYTES_MAX: Final = 255
DIGEST_AT: Final = 512
DIGEST_BYTES: Final = 32
GAPS_WORD: Final = 4096 // 8
LATENCIES_WORD: Final = 12288 // 8
RECORDS_AT: Final = 20480
GROWTH: Final = 4 << 20


class Word(IntEnum):
    """Where each number of the header is, in units of 8 bytes."""

    MAGIC = 0
    VERSION = 1
    GUEST_ID = 2
    VIRTUAL_DEVICE = 3
    VOLUME_SECTORS = 4
    BOOTS = 5
    STATE = 6
    WANTED = 7
    NEXT_SEQUENCE = 8
    ISSUED = 9
    WAITING_SINCE_NS = 10
    IN_FLIGHT = 11
    OLDEST_ISSUE_NS = 12
    COMPLETED = 13
    LAST_COMPLETION_NS = 14
    LAST_SUCCESS_NS = 15
    READS = 16
    READ_BYTES = 17
    WRITES = 18
    WRITTEN_BYTES = 19
    FLUSHES = 20
    LONGEST_GAP_NS = 21
    LONGEST_GAP_END_NS = 22
    ERRORS = 23
    ABANDONED = 24
    MISMATCHES = 25
    DIGEST_VALID = 26
    VERIFIED = 27
    LATENCY_SUM_NS = 28
    NEXT_DUE_NS = 29
    LAST_FAILED_ISSUE_NS = 30


class GuestState(IntEnum):
    """How far the guest's use of this disk has come."""

    created = 0
    booting = 1
    running = 2
    waiting = 3
    finished = 4
    failed = 5
