"""What the journal of a virtual disk says, to whoever reads it while or after its guest writes it.

Rules: changes nothing. A reader sees what the writer does next, and follows a file that grows under it.
"""

from collections.abc import Iterator
from mmap import ACCESS_READ, ACCESS_WRITE, mmap
from pathlib import Path
from typing import Self

from actors.notebook.histogram import NR_BUCKETS
from actors.notebook.journal_header import (
    DIGEST_AT,
    DIGEST_BYTES,
    GAPS_WORD,
    LATENCIES_WORD,
    MAGIC,
    NAME_AT,
    NAME_BYTES_MAX,
    RECORDS_AT,
    VERSION,
    GuestState,
    Word,
)
from actors.notebook.journal_record import RECORD, RECORD_SIZE, Field, Record


class JournalError(ValueError):
    """A file is not a journal that this version can read."""


class JournalReader:
    """The journal in `memory`, which was mapped from `path` if there is one."""

    def __init__(self, memory: mmap | bytearray, path: Path | None = None) -> None:
        self._memory = memory
        self._path = path
        self._words = memoryview(memory).cast("Q")
        self._capacity = (len(memory) - RECORDS_AT) // RECORD_SIZE

    @classmethod
    def open(cls, path: Path, *, writable: bool = False) -> Self:
        """Map an existing journal. JournalError if it is none; a reader sees what its writer does next."""
        if path.stat().st_size < RECORDS_AT:
            raise JournalError(f"{path}: too short for a journal")
        with path.open("rb+" if writable else "rb") as file:
            journal = cls(mmap(file.fileno(), 0, access=ACCESS_WRITE if writable else ACCESS_READ), path)
        magic, version = journal.word(Word.MAGIC), journal.word(Word.VERSION)
        if magic != MAGIC or version != VERSION:
            journal.close()
            raise JournalError(f"{path}: not a journal of version {VERSION}")
        return journal

    def word(self, word: Word) -> int:
        """One number of the header, as it is now."""
        return self._words[word]

    @property
    def guest(self) -> str:
        """The address of the guest."""
        return self._memory[NAME_AT : NAME_AT + NAME_BYTES_MAX].rstrip(b"\0").decode()

    @property
    def next_sequence(self) -> int:
        """The sequence that the next write or flush will get."""
        return self._words[Word.NEXT_SEQUENCE]

    @property
    def state(self) -> GuestState:
        """How far the guest is."""
        return GuestState(self._words[Word.STATE])

    @property
    def wanted(self) -> bool:
        """Whether the guest's workload has anything left to do."""
        return bool(self._words[Word.WANTED])

    @property
    def ended_in_error(self) -> bool:
        """Whether something was asked after the last success, and answered with an error."""
        return self._words[Word.LAST_FAILED_ISSUE_NS] > self._words[Word.LAST_SUCCESS_NS]

    def unserved_since_ns(self, now_ns: int) -> int:
        """Since when there has been work and no success, as of now; 0 if there is no such time.

        For whoever looks on: a guest that does not run cannot say that it should have asked for something.
        """
        words = self._words
        if words[Word.IN_FLIGHT]:
            return words[Word.WAITING_SINCE_NS]
        due_ns = words[Word.NEXT_DUE_NS]
        if words[Word.WANTED] and 0 < due_ns < now_ns:
            return max(due_ns, words[Word.LAST_SUCCESS_NS])
        return 0

    def oldest_request_ns(self, now_ns: int) -> int:
        """When the oldest request without an answer was issued, or should have been; 0 if there is none."""
        oldest_ns = self._words[Word.OLDEST_ISSUE_NS]
        if oldest_ns:
            return oldest_ns
        due_ns = self.unserved_since_ns(now_ns)
        return due_ns if due_ns >= self._words[Word.LAST_COMPLETION_NS] else 0

    @property
    def digest(self) -> bytes | None:
        """The SHA-256 that `set_digest` left, if any."""
        if not self._words[Word.DIGEST_VALID]:
            return None
        return bytes(self._memory[DIGEST_AT : DIGEST_AT + DIGEST_BYTES])

    def gaps(self) -> list[int]:
        """Counters of the gaps between successes while there was work (`histogram.py`)."""
        return self._words[GAPS_WORD : GAPS_WORD + NR_BUCKETS].tolist()

    def latencies(self) -> list[int]:
        """Counters of the time from issue to success (`histogram.py`)."""
        return self._words[LATENCIES_WORD : LATENCIES_WORD + NR_BUCKETS].tolist()

    def records(self) -> Iterator[Record]:
        """Every write and flush in the order of issue. JournalError if the file ends before the last."""
        end = RECORDS_AT + self._follow() * RECORD_SIZE
        for row in RECORD.iter_unpack(memoryview(self._memory)[RECORDS_AT:end]):
            yield Record(*row)

    def nonces(self) -> list[int]:
        """The nonce of every record, in the order of issue."""
        first = RECORDS_AT // 8
        end = first + self._follow() * RECORD_SIZE // 8
        return self._words[first + Field.NONCE : end : RECORD_SIZE // 8].tolist()

    def close(self) -> None:
        """Let go of the file."""
        self._words.release()
        if isinstance(self._memory, mmap):
            self._memory.close()

    def _follow(self) -> int:
        """How many records there are; maps the file anew if its writer has made it longer."""
        count = self._words[Word.NEXT_SEQUENCE] - 1
        if count > self._capacity and self._path is not None:
            self.close()
            with self._path.open("rb") as file:
                self._memory = mmap(file.fileno(), 0, access=ACCESS_READ)
            self._words = memoryview(self._memory).cast("Q")
            self._capacity = (len(self._memory) - RECORDS_AT) // RECORD_SIZE
        if count > self._capacity:
            raise JournalError(f"{self.guest}: {count} records counted, room for {self._capacity}")
        return count
