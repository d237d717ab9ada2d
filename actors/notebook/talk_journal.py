"""What a guest said over its network and what it heard: kept where no crash can reach it.

The journal is a file of the run directory that the guest's process maps, so SIGKILL loses nothing that was
written; in simulation it is a bytearray. One journal for each talk of a guest, one writer. Its header is in
`talk_header.py`, its rows are in `talk_rows.py`; what is written of one connection, in `talk_pen.py`.
Rules: what has come is noted as it has come, checksums are those of what has come: whoever reads the journal
can judge for himself. A gap begins with work and ends with the next sign of life of the other end; the death
of a guest does not end it, nor does that of a connection.
"""

from dataclasses import dataclass
from mmap import ACCESS_WRITE, mmap
from pathlib import Path
from typing import Final

from actors.notebook.histogram import bucket_of
from actors.notebook.journal_header import GuestState
from actors.notebook.talk_header import (
    GAPS_WORD,
    GROWTH,
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
from actors.notebook.talk_journal_reader import TalkJournalError, TalkJournalReader
from actors.notebook.talk_rows import (
    ROW_BYTES,
    ConnectionField,
    Ending,
    ExhibitField,
    RowKind,
    first_word,
)

EXHIBIT_BYTES_MAX: Final = 1 << 16
EXHIBITS_MAX: Final = 64
_ROW_WORDS: Final = ROW_BYTES // 8
_FIRST_WORD: Final = ROWS_AT // 8


@dataclass(frozen=True, slots=True)
class TalkIdentity:
    """Whose journal it is: the guest, which of its talks, what is done with whom (0 for the outside)."""

    guest: str
    guest_id: int
    talk: int
    kind: TalkKind
    role: TalkRole
    peer_id: int = 0


class TalkJournal(TalkJournalReader):
    """The journal as its guest writes it. Times are the caller's clock, in nanoseconds, and never go back."""

    def __init__(self, memory: mmap | bytearray, path: Path | None = None) -> None:
        super().__init__(memory, path)
        self._places = list(range(WAITS_MAX))

    @classmethod
    def create(cls, path: Path, identity: TalkIdentity) -> "TalkJournal":
        """Make the file (FileExistsError if there is one) and open it for writing."""
        with path.open("xb+") as file:
            file.truncate(ROWS_AT + GROWTH)
            journal = cls(mmap(file.fileno(), 0, access=ACCESS_WRITE), path)
        journal.initialise(identity)
        return journal

    @classmethod
    def in_memory(cls, identity: TalkIdentity) -> "TalkJournal":
        """The twin for simulation: it outlives the simulated guest."""
        journal = cls(bytearray(ROWS_AT))
        journal.initialise(identity)
        return journal

    def initialise(self, identity: TalkIdentity) -> None:
        """Fill in the header of an empty journal."""
        name = identity.guest.encode()
        if len(name) > NAME_BYTES_MAX:
            raise TalkJournalError(f"{identity.guest}: an address has at most {NAME_BYTES_MAX} bytes")
        self._memory[NAME_AT : NAME_AT + len(name)] = name
        words = self._words
        words[TalkWord.VERSION] = VERSION
        words[TalkWord.GUEST_ID] = identity.guest_id
        words[TalkWord.TALK] = identity.talk
        words[TalkWord.KIND] = identity.kind
        words[TalkWord.ROLE] = identity.role
        words[TalkWord.PEER_ID] = identity.peer_id
        words[TalkWord.MAGIC] = MAGIC

    def begin_boot(self) -> None:
        """The guest boots, for the first time or again: its connections went with it, a gap goes on."""
        words = self._words
        words[TalkWord.BOOTS] += 1
        self._places = list(range(WAITS_MAX))
        for place in self._places:
            words[WAITS_WORD + place] = 0
        if words[TalkWord.OPEN]:
            self._abandon()
        if words[TalkWord.WANTED] and not words[TalkWord.WAITING_SINCE_NS]:
            words[TalkWord.WAITING_SINCE_NS] = words[TalkWord.NEXT_DUE_NS]
        words[TalkWord.NEXT_DUE_NS] = 0
        words[TalkWord.STATE] = GuestState.booting

    def _abandon(self) -> None:
        for thing in list(self.things()):
            if thing.kind is RowKind.CONNECTION and thing.words[ConnectionField.ENDING] == Ending.OPEN:
                self.amend(thing.row, ConnectionField.ENDING, Ending.ABANDONED)
                self.count(TalkWord.ABANDONED)
        self._words[TalkWord.OPEN] = 0

    def set_state(self, state: GuestState) -> None:
        """Say how far the guest is."""
        self._words[TalkWord.STATE] = state

    def set_wanted(self, *, wanted: bool) -> None:
        """Whether there is anything left to do; if not, nobody waits."""
        self._words[TalkWord.WANTED] = wanted
        if not wanted:
            self._words[TalkWord.NEXT_DUE_NS] = self._words[TalkWord.WAITING_SINCE_NS] = 0

    def set_due(self, due_ns: int) -> None:
        """When there is something to do next."""
        self._words[TalkWord.NEXT_DUE_NS] = due_ns

    def count(self, word: TalkWord, more: int = 1) -> None:
        """Add to a counter of the header."""
        self._words[word] += more

    def name(self) -> int:
        """A number that no other connection or document of the run has, as long as guest ids differ."""
        words = self._words
        words[TalkWord.NAMES] += 1
        return words[TalkWord.GUEST_ID] << 32 | words[TalkWord.TALK] << 24 | words[TalkWord.NAMES]

    def begin_wait(self, now_ns: int) -> None:
        """There is work; whoever waits already goes on waiting."""
        words = self._words
        words[TalkWord.NEXT_DUE_NS] = 0
        if not words[TalkWord.WAITING_SINCE_NS]:
            words[TalkWord.WAITING_SINCE_NS] = max(1, now_ns)

    def take_place(self) -> int | None:
        """A place for what a connection waits; None if there are too many of them to be seen one by one."""
        return self._places.pop() if self._places else None

    def set_wait(self, place: int, since_ns: int) -> None:
        """Since when a connection waits, or 0."""
        self._words[WAITS_WORD + place] = since_ns

    def free_place(self, place: int) -> None:
        """The connection is gone."""
        self._words[WAITS_WORD + place] = 0
        self._places.append(place)

    def serve(self, now_ns: int, *, busy: bool) -> None:
        """A sign of life of the other end; `busy`: there is more that waits for one."""
        words = self._words
        since_ns = words[TalkWord.WAITING_SINCE_NS]
        words[TalkWord.LAST_SUCCESS_NS] = now_ns
        words[TalkWord.WAITING_SINCE_NS] = max(1, now_ns) if busy else 0
        if not since_ns:
            return
        gap_ns = now_ns - since_ns
        words[GAPS_WORD + bucket_of(gap_ns)] += 1
        self.at_most(TalkWord.LONGEST_GAP_NS, TalkWord.LONGEST_GAP_END_NS, gap_ns, now_ns)

    def at_most(self, word: TalkWord, end: TalkWord, duration_ns: int, now_ns: int) -> None:
        """A duration ends; the longest is kept, and when it ended."""
        if duration_ns > self._words[word]:
            self._words[word] = duration_ns
            self._words[end] = now_ns

    def latency(self, duration_ns: int) -> None:
        """A request was answered after so long."""
        self._words[LATENCIES_WORD + bucket_of(duration_ns)] += 1
        self._words[TalkWord.LATENCY_SUM_NS] += duration_ns

    def append(self, words: tuple[int, ...]) -> int:
        """Write a thing of whole rows, then count them; its first row."""
        row = self._words[TalkWord.ROWS]
        rows = len(words) // _ROW_WORDS
        while row + rows > self._capacity:
            self._grow()
        at = _FIRST_WORD + row * _ROW_WORDS
        for index, word in enumerate(words):
            self._words[at + index] = word
        self._words[TalkWord.ROWS] = row + rows
        return row

    def amend(self, row: int, field: int, value: int) -> None:
        """Change a word of a thing that may change."""
        self._words[_FIRST_WORD + row * _ROW_WORDS + field] = value

    def amended(self, row: int, field: int) -> int:
        """A word of a thing."""
        return self._words[_FIRST_WORD + row * _ROW_WORDS + field]

    def exhibit(self, row: int, offset: int, data: bytes) -> None:
        """Keep bytes as they came, for whoever judges: they belong to `row`, at `offset`."""
        data = data[:EXHIBIT_BYTES_MAX]
        rows = 1 + -(-len(data) // ROW_BYTES)
        head = [0] * _ROW_WORDS
        head[ExhibitField.KIND] = first_word(RowKind.EXHIBIT, rows)
        head[ExhibitField.ROW], head[ExhibitField.OFFSET], head[ExhibitField.SIZE] = row, offset, len(data)
        padded = memoryview(data + bytes(-len(data) % ROW_BYTES)).cast("Q").tolist()
        self.append((*head, *padded))

    def _grow(self) -> None:
        self._words.release()
        if isinstance(self._memory, mmap):
            self._memory.resize(len(self._memory) + GROWTH)
        else:
            self._memory.extend(bytes(max(len(self._memory), ROWS_AT)))
        self._words = memoryview(self._memory).cast("Q")
        self._capacity = (len(self._memory) - ROWS_AT) // ROW_BYTES
