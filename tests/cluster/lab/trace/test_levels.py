"""A level as it is drawn: for each millisecond in which it changed its highest, and its last."""

import pytest

from cluster.lab.trace.perfetto import COUNTER_NS as MS
from cluster.lab.trace.perfetto import levels


@pytest.mark.parametrize(
    ("changes", "drawn"),
    [
        ([], []),
        ([(5, 1)], [(5, 1)]),
        ([(5, 1), (7, 1)], [(5, 2)]),
        ([(5, 1), (7, 1), (9, -1)], [(5, 2), (9, 1)]),
        ([(9, -1), (5, 1)], [(5, 1), (9, 0)]),
        ([(5, -1), (5, 1)], [(5, 1), (5, 0)]),
        ([(5, 1), (MS + 1, 1), (2 * MS, -2)], [(5, 1), (MS + 1, 2), (2 * MS, 0)]),
        ([(5, 3), (MS + 1, -1), (MS + 2, 1)], [(5, 3), (MS + 1, 3)]),
    ],
)
def test_a_level_is_drawn_from_its_changes(
    changes: list[tuple[int, int]], drawn: list[tuple[int, int]]
) -> None:
    assert list(levels(changes)) == drawn
