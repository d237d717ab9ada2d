import pytest

from actors.notebook.journal import MemoryJournal
from cluster.running.metrics.outage_counts import LENGTHS, outage_counts

MS = 1_000_000


@pytest.fixture
def journal() -> MemoryJournal:
    journal = MemoryJournal(guest="host0/web-0", guest_id=1, virtual_device=51712, volume_sectors=2048)
    journal.begin_boot()
    return journal


def test_every_length_is_there_before_any_outage(journal: MemoryJournal) -> None:
    assert outage_counts(journal) == dict.fromkeys(LENGTHS, 0)


@pytest.mark.parametrize(
    ("waited_ms", "length"),
    [
        (5, None),
        (80, None),
        (150, "0.1 to 1 s"),
        (900, "0.1 to 1 s"),
        (1000, "1 to 5 s"),
        (4500, "1 to 5 s"),
        (5000, "5 to 30 s"),
        (31_000, "30 s or more"),
        (10_000_000, "30 s or more"),
    ],
)
def test_an_outage_that_is_over_is_counted_by_its_length(
    journal: MemoryJournal, waited_ms: int, length: str | None
) -> None:
    ticket = journal.record_read(0)
    assert not any(outage_counts(journal).values()), "it is not over yet"

    journal.record_read_done(ticket, 8, waited_ms * MS)

    assert outage_counts(journal) == {each: int(each == length) for each in LENGTHS}
