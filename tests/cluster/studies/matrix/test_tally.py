import pytest

from cluster.studies.matrix.measures import Fates
from cluster.studies.matrix.tally import percentile, wilson


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 40, 0.0, 0.0876), (40, 40, 0.9124, 1.0), (20, 40, 0.3520, 0.6480), (1, 1, 0.2065, 1.0)],
)
def test_the_interval_of_a_share(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx([low, high], abs=1e-4)


def test_of_nothing_there_is_no_interval() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (50, 5), (51, 6), (99, 10), (100, 10)])
def test_a_percentile_is_a_value_that_was_there(percent: int, value: int) -> None:
    assert percentile([3, 1, 2, 4, 5, 7, 6, 10, 9, 8], percent) == value


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile([], 50) is None


@pytest.mark.parametrize(
    ("guests", "survived", "broken", "word"),
    [(4, 4, 0, "lives"), (4, 0, 0, "dies"), (4, 0, 4, "hangs"), (4, 2, 2, "mixed"), (4, 3, 0, "mixed"),
     (0, 0, 0, "unknown")],
)  # fmt: skip
def test_what_became_of_guests_in_a_word(guests: int, survived: int, broken: int, word: str) -> None:
    assert Fates(guests=guests, survived=survived, broken=broken).word == word
