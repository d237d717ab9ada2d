"""What the journal of a talk says, to whoever reads it while or after its guest writes it.

Rules: changes nothing. A reader sees what the writer does next, and follows a file that grows under it.
"""

from collections.abc import Iterator
from mmap import ACCESS_READ, ACCESS_WRITE, mmap
from pathlib import Path
from typing import Self

from actors.notebook.histogram import NR_BUCKETS
from actors.notebook.journal_header import GuestState
from actors.notebook.talk_header import (
    GAPS_WORD,
    LATENCIES_WORD,
    MAGIC,
    NAME_AT,
    NAME_BYTES_MAX,
    ROWS_AT,
    VERSION,
    WAITS_MAX,
    WAITS_WORD,
    TalkKind,
    TalkRole,
    TalkWord,
)
from actors.notebook.talk_rows import ROW_BYTES, RowKind, Thing

_ROW_WORDS = ROW_BYTES // 8
_FIRST_WORD = ROWS_AT // 8
_KINDS = frozenset(int(each) for each in RowKind)


class TalkJournalError(ValueError):
    """A file is not a talk's journal that this version can read."""


class TalkJournalReader:
    """The journal in `memory`, which was mapped from `path` if there is one."""

    def __init__(self, memory: mmap | bytearray, path: Path | None = None) -> None:
        self._memory = memory
        self._path = path
        self._words = memoryview(memory).cast("Q")
        self._capacity = (len(memory) - ROWS_AT) // ROW_BYTES

    @classmethod
    def open(cls, path: Path, *, writable: bool = False) -> Self:
        """Map an existing journal. TalkJournalError if it is none."""
        if path.stat().st_size < ROWS_AT:
            raise TalkJournalError(f"{path}: too short for the journal of a talk")
        with path.open("rb+" if writable else "rb") as file:
            journal = cls(mmap(file.fileno(), 0, access=ACCESS_WRITE if writable else ACCESS_READ), path)
        if (journal.word(TalkWord.MAGIC), journal.word(TalkWord.VERSION)) != (MAGIC, VERSION):
            journal.close()
            raise TalkJournalError(f"{path}: not the journal of a talk of version {VERSION}")
        return journal

    def word(self, word: TalkWord) -> int:
        """One number of the header, as it is now."""
        return self._words[word]

    @property
    def guest(self) -> str:
        """The address of the guest."""
        return bytes(self._memory[NAME_AT : NAME_AT + NAME_BYTES_MAX]).rstrip(b"\0").decode()

    @property
    def kind(self) -> TalkKind:
        """What is done."""
        return TalkKind(self._words[TalkWord.KIND])

    @property
    def role(self) -> TalkRole:
        """Which end this is."""
        return TalkRole(self._words[TalkWord.ROLE])

    @property
    def state(self) -> GuestState:
        """How far the guest is with it."""
        return GuestState(self._words[TalkWord.STATE])

    @property
    def wanted(self) -> bool:
        """Whether there is anything left to do for a client."""
        return bool(self._words[TalkWord.WANTED])

    def unserved_since_ns(self, now_ns: int) -> int:
        """Since when there has been work and no sign of life, as of now; 0 if there is no such time."""
        words = self._words
        if words[TalkWord.WAITING_SINCE_NS]:
            return words[TalkWord.WAITING_SINCE_NS]
        due_ns = words[TalkWord.NEXT_DUE_NS]
        if words[TalkWord.WANTED] and 0 < due_ns < now_ns:
            return max(due_ns, words[TalkWord.LAST_SUCCESS_NS])
        return 0

    def silent_since_ns(self, now_ns: int) -> int:
        """The same for the talk and each connection by itself: since when nobody has answered, or 0."""
        since = [self.unserved_since_ns(now_ns), *self._words[WAITS_WORD : WAITS_WORD + WAITS_MAX].tolist()]
        return min((each for each in since if each), default=0)

    def gaps(self) -> list[int]:
        """Counters of the times from work, or a sign of life, to the next sign of life (`histogram.py`)."""
        return self._words[GAPS_WORD : GAPS_WORD + NR_BUCKETS].tolist()

    def latencies(self) -> list[int]:
        """Counters of the times from a request to its answer (`histogram.py`)."""
        return self._words[LATENCIES_WORD : LATENCIES_WORD + NR_BUCKETS].tolist()

    def things(self) -> Iterator[Thing]:
        """All that was written, in order. TalkJournalError if the file ends before it does."""
        rows = self._follow()
        row = 0
        while row < rows:
            at = _FIRST_WORD + row * _ROW_WORDS
            first = self._words[at]
            taken = first >> 8 & 0xFFFF
            if not taken or row + taken > rows or first & 0xFF not in _KINDS:
                raise TalkJournalError(f"{self.guest}: row {row} of its talk cannot be read")
            words = tuple(self._words[at : at + taken * _ROW_WORDS].tolist())
            yield Thing(RowKind(first & 0xFF), row, first >> 32, words)
            row += taken

    def close(self) -> None:
        """Let go of the file."""
        self._words.release()
        if isinstance(self._memory, mmap):
            self._memory.close()

    def _follow(self) -> int:
        """How many rows there are; maps the file anew if its writer has made it longer."""
        rows = self._words[TalkWord.ROWS]
        if rows > self._capacity and self._path is not None:
            self.close()
            with self._path.open("rb") as file:
                self._memory = mmap(file.fileno(), 0, access=ACCESS_READ)
            self._words = memoryview(self._memory).cast("Q")
            self._capacity = (len(self._memory) - ROWS_AT) // ROW_BYTES
        if rows > self._capacity:
            raise TalkJournalError(f"{self.guest}: {rows} rows counted, room for {self._capacity}")
        return rows
