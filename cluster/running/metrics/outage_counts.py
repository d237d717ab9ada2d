"""How many outages have ended, by their length: what was over before the next scrape has been counted.

Rules: they come out of the journals, disk by disk, and outlive everybody. A length within 1/16 below a bound
may count above it.
"""

from typing import Final

from actors.notebook.histogram import bucket_of
from actors.notebook.journal_reader import JournalReader

LENGTHS: Final = {"0.1 to 1 s": 0.1, "1 to 5 s": 1, "5 to 30 s": 5, "30 s or more": 30}
"""What an outage counts as, and from how many seconds on."""
_EDGES: Final = [bucket_of(int(seconds * 1e9)) for seconds in LENGTHS.values()]


def outage_counts(journal: JournalReader) -> dict[str, int]:
    """The outages of one disk that have ended, by length; every length is there."""
    gaps = journal.gaps()
    ends = [*_EDGES[1:], len(gaps)]
    return {length: sum(gaps[start:end]) for length, start, end in zip(LENGTHS, _EDGES, ends, strict=True)}
