"""What a guest asked of one virtual disk and what it was told: kept where no crash can reach it.

The journal is a file of the run directory that the guest's process maps, so SIGKILL loses nothing
that was written; in simulation it is a bytearray. One journal for each (guest, vbd), one writer. Its header
is in `journal_header.py`, its records are in `journal_record.py`.
Rules: a record is written first, then counted by `next_sequence`; it never moves. Sequences start at 1
and are shared by writes and flushes, so "issued after that was acknowledged" is a comparison of numbers.
A completed request is one that was answered, well or not: issued = completed + in_flight + abandoned.
Only a success is service: a gap begins with work and ends with the next success. An error does not end it,
nor does the death of a guest; what nobody has issued yet though it was due counts as work (`set_due`).
"""

from mmap import ACCESS_WRITE, mmap
from pathlib import Path
from struct import Struct
from typing import Final

from actors.abi.types import SECTOR_SIZE
from actors.notebook.histogram import bucket_of
from actors.notebook.journal_header import (
    DIGEST_AT,
    DIGEST_BYTES,
    GAPS_WORD,
    GROWTH,
    LATENCIES_WORD,
    MAGIC,
    NAME_AT,
    NAME_BYTES_MAX,
    RECORDS_AT,
    VERSION,
    GuestState,
    Word,
)
from actors.notebook.journal_reader import JournalError, JournalReader
from actors.notebook.journal_record import ISSUED_FLAGS, RECORD, RECORD_SIZE, Field, Kind, Outcome

Content = bytes | memoryview

_AT_ISSUE: Final = Struct("<5Q")
_AT_ISSUE_AT: Final = Word.NEXT_SEQUENCE * 8
_AT_ANSWER: Final = Struct("<11Q")
_AT_ANSWER_AT: Final = Word.WAITING_SINCE_NS * 8
_ANSWER: Final = Struct("<3Q")
_ANSWER_AT: Final = RECORDS_AT - RECORD_SIZE + Field.ANSWERED_NS * 8
_ACKNOWLEDGED: Final = int(Outcome.ACKNOWLEDGED)
_FAILED: Final = int(Outcome.FAILED)
_PLAIN: Final = ISSUED_FLAGS[Kind.WRITE, False]
_FUA: Final = ISSUED_FLAGS[Kind.WRITE, True]
_FLUSH: Final = ISSUED_FLAGS[Kind.FLUSH, False]


class Journal(JournalReader):
    """The journal as its guest writes it. Times are the caller's clock, in nanoseconds, and never go back."""

    def __init__(self, memory: mmap | bytearray, path: Path | None = None) -> None:
        super().__init__(memory, path)
        self._in_flight: dict[int, tuple[int, int, int]] = {}
        self._reads_begun = 0
        self._due_ns = 0
        self._load()

    @classmethod
    def create(
        cls, path: Path, *, guest: str, guest_id: int, virtual_device: int, volume_sectors: int
    ) -> "Journal":
        """Make the file (FileExistsError if there is one) and open it for writing."""
        with path.open("xb+") as file:
            file.truncate(RECORDS_AT + GROWTH)
            journal = cls(mmap(file.fileno(), 0, access=ACCESS_WRITE), path)
        journal.initialise(guest, guest_id, virtual_device, volume_sectors)
        return journal

    def initialise(self, guest: str, guest_id: int, virtual_device: int, volume_sectors: int) -> None:
        """Fill in the header of an empty journal."""
        name = guest.encode()
        if len(name) > NAME_BYTES_MAX:
            raise JournalError(f"{guest}: an address has at most {NAME_BYTES_MAX} bytes")
        self._memory[NAME_AT : NAME_AT + len(name)] = name
        words = self._words
        words[Word.VERSION] = VERSION
        words[Word.GUEST_ID] = guest_id
        words[Word.VIRTUAL_DEVICE] = virtual_device
        words[Word.VOLUME_SECTORS] = volume_sectors
        words[Word.NEXT_SEQUENCE] = 1
        words[Word.MAGIC] = MAGIC
        self._load()

    def begin_boot(self) -> None:
        """The guest boots, for the first time or again: what was in flight has been abandoned.

        If the guest still wanted something when it died, the gap that began then goes on.
        """
        words = self._words
        words[Word.BOOTS] += 1
        if words[Word.IN_FLIGHT] or not words[Word.NEXT_DUE_NS]:
            words[Word.NEXT_DUE_NS] = words[Word.WAITING_SINCE_NS]
        if not words[Word.WANTED]:
            words[Word.NEXT_DUE_NS] = 0
        words[Word.ABANDONED] += words[Word.IN_FLIGHT]
        words[Word.IN_FLIGHT] = 0
        words[Word.OLDEST_ISSUE_NS] = 0
        words[Word.STATE] = GuestState.booting
        self._in_flight.clear()
        self._load()

    def record_write(self, sector: int, sectors: int, nonce: int, now_ns: int, *, fua: bool = False) -> int:
        """A write is about to be issued; its sequence, which is `next_sequence` before this call."""
        return self._append(sector, sectors, nonce, now_ns, _FUA if fua else _PLAIN)

    def record_flush(self, now_ns: int) -> int:
        """A flush is about to be issued; its sequence."""
        return self._append(0, 0, 0, now_ns, _FLUSH)

    def record_read(self, now_ns: int, sector: int = 0, sectors: int = 0) -> int:  # noqa: ARG002
        """A read is about to be issued; a ticket (negative) to be given back with the answer."""
        self._reads_begun -= 1
        self._begin(self._reads_begun, now_ns, 0, 0)
        return self._reads_begun

    def record_ack(self, sequence: int, now_ns: int) -> None:
        """A write or flush was answered with success."""
        _, sectors, flags = self._in_flight[sequence]
        at = _ANSWER_AT + sequence * RECORD_SIZE
        _ANSWER.pack_into(self._memory, at, now_ns, self._next_sequence, flags | _ACKNOWLEDGED)
        if sectors:
            self._writes += 1
            self._written_bytes += sectors * SECTOR_SIZE
        else:
            self._flushes += 1
        self._serve(sequence, now_ns)

    def record_failure(self, ticket: int, now_ns: int) -> None:
        """A write or flush (its sequence) or a read (its ticket) was answered with an error."""
        if ticket > 0:
            flags = self._in_flight[ticket][2]
            at = _ANSWER_AT + ticket * RECORD_SIZE
            _ANSWER.pack_into(self._memory, at, now_ns, self._next_sequence, flags | _FAILED)
        self._fail(ticket, now_ns)

    def record_read_done(self, ticket: int, sectors: int, now_ns: int, data: Content = b"") -> None:  # noqa: ARG002
        """A read was answered with success; what it gave is not kept here."""
        self._reads += 1
        self._read_bytes += sectors * SECTOR_SIZE
        self._serve(ticket, now_ns)

    def set_due(self, due_ns: int) -> None:
        """When the next request is to be issued, if none is in flight; work that is due already stays so."""
        if not self._due_ns:
            self._due_ns = self._words[Word.NEXT_DUE_NS] = due_ns

    def record_mismatch(self) -> None:
        """The guest read back something else than it had been told was written."""
        self._words[Word.MISMATCHES] += 1

    def record_verified(self) -> None:
        """The guest read back what it had been told was written."""
        self._words[Word.VERIFIED] += 1

    def set_state(self, state: GuestState) -> None:
        """Say how far the guest is."""
        self._words[Word.STATE] = state

    def set_wanted(self, *, wanted: bool) -> None:
        """Whether the guest's workload has anything left to do."""
        self._words[Word.WANTED] = wanted

    def set_digest(self, digest: bytes) -> None:
        """The SHA-256 of the whole volume as the guest read it."""
        assert len(digest) == DIGEST_BYTES, "a SHA-256 has 32 bytes"
        self._memory[DIGEST_AT : DIGEST_AT + DIGEST_BYTES] = digest
        self._words[Word.DIGEST_VALID] = 1

    def _load(self) -> None:
        words = self._words
        self._next_sequence = words[Word.NEXT_SEQUENCE]
        self._issued = words[Word.ISSUED]
        self._waiting_since_ns = words[Word.WAITING_SINCE_NS]
        self._oldest_ns = words[Word.OLDEST_ISSUE_NS]
        self._due_ns = words[Word.NEXT_DUE_NS]
        self._completed = words[Word.COMPLETED]
        self._longest_gap_ns = words[Word.LONGEST_GAP_NS]
        self._reads, self._read_bytes = words[Word.READS], words[Word.READ_BYTES]
        self._writes, self._written_bytes = words[Word.WRITES], words[Word.WRITTEN_BYTES]
        self._flushes = words[Word.FLUSHES]

    def _append(self, sector: int, sectors: int, nonce: int, now_ns: int, flags: int) -> int:
        sequence = self._next_sequence
        if sequence > self._capacity:
            self._grow()
        at = RECORDS_AT + (sequence - 1) * RECORD_SIZE
        RECORD.pack_into(self._memory, at, sequence, sector, sectors, nonce, now_ns, 0, 0, flags)
        self._next_sequence = sequence + 1
        self._begin(sequence, now_ns, sectors, flags)
        return sequence

    def _begin(self, ticket: int, now_ns: int, sectors: int, flags: int) -> None:
        in_flight = self._in_flight
        if not in_flight:
            due_ns = self._due_ns
            begun_ns = min(max(due_ns, self._words[Word.LAST_SUCCESS_NS]), now_ns) if due_ns else now_ns
            self._oldest_ns, self._waiting_since_ns = now_ns, begun_ns
        in_flight[ticket] = (now_ns, sectors, flags)
        self._issued = issued = self._issued + 1
        _AT_ISSUE.pack_into(
            self._memory,
            _AT_ISSUE_AT,
            self._next_sequence,
            issued,
            self._waiting_since_ns,
            len(in_flight),
            self._oldest_ns,
        )
        if self._due_ns:
            self._due_ns = self._words[Word.NEXT_DUE_NS] = 0

    def _answered(self, ticket: int) -> tuple[int, int]:
        """A request has its answer: when it was issued, and when the oldest of the others was."""
        in_flight = self._in_flight
        issued_ns = in_flight.pop(ticket)[0]
        if issued_ns == self._oldest_ns:
            self._oldest_ns = next(iter(in_flight.values()))[0] if in_flight else 0
        return issued_ns, self._oldest_ns

    def _fail(self, ticket: int, now_ns: int) -> None:
        issued_ns, oldest_ns = self._answered(ticket)
        self._completed += 1
        words = self._words
        words[Word.LAST_FAILED_ISSUE_NS] = max(issued_ns, words[Word.LAST_FAILED_ISSUE_NS])
        words[Word.LAST_COMPLETION_NS] = now_ns
        if not self._in_flight:
            self._due_ns = words[Word.NEXT_DUE_NS] = self._waiting_since_ns
        words[Word.IN_FLIGHT] = len(self._in_flight)
        words[Word.OLDEST_ISSUE_NS] = oldest_ns
        words[Word.COMPLETED] = self._completed
        words[Word.ERRORS] += 1

    def _serve(self, ticket: int, now_ns: int) -> None:
        issued_ns, oldest_ns = self._answered(ticket)
        self._completed = completed = self._completed + 1
        gap_ns = now_ns - self._waiting_since_ns
        self._waiting_since_ns = now_ns
        _AT_ANSWER.pack_into(
            self._memory,
            _AT_ANSWER_AT,
            now_ns,
            len(self._in_flight),
            oldest_ns,
            completed,
            now_ns,
            now_ns,
            self._reads,
            self._read_bytes,
            self._writes,
            self._written_bytes,
            self._flushes,
        )
        words = self._words
        if gap_ns > self._longest_gap_ns:
            self._longest_gap_ns = gap_ns
            words[Word.LONGEST_GAP_NS] = gap_ns
            words[Word.LONGEST_GAP_END_NS] = now_ns
        words[GAPS_WORD + bucket_of(gap_ns)] += 1
        latency_ns = now_ns - issued_ns
        words[LATENCIES_WORD + bucket_of(latency_ns)] += 1
        words[Word.LATENCY_SUM_NS] += latency_ns

    def _grow(self) -> None:
        self._words.release()
        size = len(self._memory)
        if isinstance(self._memory, mmap):
            size += GROWTH
            self._memory.resize(size)
        else:
            self._memory.extend(bytes(size))
            size += size
        self._words = memoryview(self._memory).cast("Q")
        self._capacity = (size - RECORDS_AT) // RECORD_SIZE


class MemoryJournal(Journal):
    """The twin for simulation: the same journal in a bytearray, which outlives the simulated guest."""

    def __init__(self, *, guest: str, guest_id: int, virtual_device: int, volume_sectors: int) -> None:
        super().__init__(bytearray(RECORDS_AT))
        self.initialise(guest, guest_id, virtual_device, volume_sectors)
