"""The latencies of a guest, put together for Prometheus."""

import pytest

from actors.notebook.journal import MemoryJournal
from cluster.running.metrics.guest_metrics import BOUNDS, latency_histogram

US = 1_000


@pytest.fixture
def journal() -> MemoryJournal:
    journal = MemoryJournal(guest="host0/web-0", guest_id=1, virtual_device=51712, volume_sectors=2048)
    journal.begin_boot()
    return journal


def read(journal: MemoryJournal, latency_us: int) -> None:
    journal.record_read_done(journal.record_read(0), 8, latency_us * US)


def test_a_journal_without_a_request_has_every_bound_and_nothing_in_them(journal: MemoryJournal) -> None:
    found = latency_histogram(journal)
    assert (found.bounds, found.counts, found.sum) == (BOUNDS, [0] * len(BOUNDS), 0)


@pytest.mark.parametrize(
    ("latency_us", "bound"),
    [(50, 1e-4), (200, 2.5e-4), (900, 1e-3), (2_000, 2.5e-3), (80_000, 0.1), (9_000_000, 10)],
)
def test_a_request_counts_at_every_bound_from_its_latency_on(
    journal: MemoryJournal, latency_us: int, bound: float
) -> None:
    read(journal, latency_us)
    counts = dict(zip(BOUNDS, latency_histogram(journal).counts, strict=True))
    assert counts == {each: int(each >= bound) for each in BOUNDS}


def test_what_took_longer_than_all_bounds_counts_at_the_last_one_alone(journal: MemoryJournal) -> None:
    read(journal, 60_000_000)
    assert latency_histogram(journal).counts == [*[0] * (len(BOUNDS) - 1), 1]


def test_counts_add_up(journal: MemoryJournal) -> None:
    for latency_us in (50, 200, 200, 60_000_000):
        read(journal, latency_us)
    found = latency_histogram(journal)
    assert (found.counts[0], found.counts[1], found.counts[-2], found.counts[-1]) == (1, 3, 3, 4)
    assert found.sum == pytest.approx(60.00045)
