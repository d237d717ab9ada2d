"""What a journal says of times: when its disk was waited for in vain, and what was written when.

Rules: only writes and flushes have records; of reads the header knows the longest wait that any request met.
So a wait between two records that is longer than that was ended by a read, and is none. What a guest left
unanswered when it died is waited for until something that was issued later succeeds.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from actors.abi.types import SECTOR_SIZE
from actors.notebook.journal_header import Word
from actors.notebook.journal_reader import JournalReader
from actors.notebook.journal_record import Record

SHORTEST_NS: Final = 1_000_000
"""What is waited for less long than this is no outage that anybody would look at."""
_NEVER: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Wait:
    """A time with work and without a success; `ended_ns` is None if it never ended."""

    began_ns: int
    ended_ns: int | None


class JournalHistory:
    """The times of one journal, taken when this is made. JournalError if it ends before its last record."""

    def __init__(self, journal: JournalReader) -> None:
        self._longest_ns = journal.word(Word.LONGEST_GAP_NS)
        self._longest_end_ns = journal.word(Word.LONGEST_GAP_END_NS)
        self._unserved = journal.wanted or journal.ended_in_error
        self._issued = array("Q")
        self._answered = array("Q")
        self._written: list[tuple[int, int]] = []
        successes, unanswered = self._take(journal.records())
        self._successes = array("Q", sorted(each for each in successes if each != _NEVER))
        self._answered = array("Q", sorted([*self._answered, *_given_up(successes, unanswered)]))
        self._written.sort()
        self._written_ns = array("Q", (at_ns for at_ns, _ in self._written))

    def _take(self, records: Iterator[Record]) -> tuple["array[int]", list[int]]:
        """When each record succeeded, in the order of issue; the places of those that nobody answered."""
        successes, unanswered = array("Q"), []
        for place, record in enumerate(records):
            self._issued.append(record.issued_ns)
            successes.append(record.answered_ns if record.acknowledged else _NEVER)
            if not record.answered_ns:
                unanswered.append(place)
                continue
            self._answered.append(record.answered_ns)
            if record.acknowledged and not record.is_flush:
                self._written.append((record.answered_ns, record.sectors * SECTOR_SIZE))
        return successes, unanswered

    @property
    def last_ns(self) -> int:
        """The last time that is in it; 0 if nothing is."""
        return max(
            self._issued[-1:].tolist() + [each for each in self._answered[-1:] if each != _NEVER], default=0
        )

    def waits(self) -> list[Wait]:
        """Every wait of `SHORTEST_NS` or more that is known, in order."""
        found = [each for each in self._between() if not self._is_longest(each)]
        if self._longest_ns >= SHORTEST_NS:
            found.append(Wait(self._longest_end_ns - self._longest_ns, self._longest_end_ns))
        last_ns = self._successes[-1] if self._successes else 0
        if self._in_flight(_NEVER - 1) or (self._unserved and self._issued):
            began_ns = self._waiting_since(last_ns)
            found.append(Wait(last_ns if began_ns is None else began_ns, None))
        return sorted(found, key=lambda each: each.began_ns)

    def written_bytes(self, began_ns: int, width_ns: int, count: int) -> list[int]:
        """The bytes of the writes that were acknowledged in each of `count` spans of `width_ns`."""
        found = [0] * count
        first = bisect_left(self._written_ns, began_ns)
        end = bisect_left(self._written_ns, began_ns + width_ns * count)
        for at_ns, size in self._written[first:end]:
            found[(at_ns - began_ns) // width_ns] += size
        return found

    def _between(self) -> Iterator[Wait]:
        """The waits between two successes."""
        before_ns = 0
        for at_ns in self._successes:
            if at_ns - before_ns >= SHORTEST_NS:
                began_ns = self._waiting_since(before_ns)
                if began_ns is not None and SHORTEST_NS <= at_ns - began_ns <= self._longest_ns:
                    yield Wait(began_ns, at_ns)
            before_ns = at_ns

    def _is_longest(self, wait: Wait) -> bool:
        """Whether it is the one, or a part of the one, that the header knows better."""
        began_ns = self._longest_end_ns - self._longest_ns
        return wait.ended_ns is not None and wait.began_ns < self._longest_end_ns and wait.ended_ns > began_ns

    def _waiting_since(self, success_ns: int) -> int | None:
        """Since when something has been waited for after a success; None if nothing ever was."""
        if self._in_flight(success_ns):
            return success_ns
        later = bisect_right(self._issued, success_ns)
        return self._issued[later] if later < len(self._issued) else None

    def _in_flight(self, at_ns: int) -> int:
        return bisect_right(self._issued, at_ns) - bisect_right(self._answered, at_ns)


def _given_up(successes: Sequence[int], unanswered: Sequence[int]) -> Iterator[int]:
    """For each record that nobody answered when the first later one succeeded."""
    earliest, place = _NEVER, len(successes)
    for each in reversed(unanswered):
        while place > each:
            place -= 1
            earliest = min(earliest, successes[place])
        yield earliest
