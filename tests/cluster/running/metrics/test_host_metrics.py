"""How long recoveries took, put together for Prometheus."""

import pytest

from cluster.running.metrics.host_metrics import RECOVERY_BOUNDS, _histogram


@pytest.mark.parametrize(
    ("durations", "counted"),
    [
        ([], {}),
        ([0.0], {0.01: 1}),
        ([0.01], {0.01: 1}),
        ([0.011], {0.025: 1}),
        ([0.3, 0.4, 7.0], {0.5: 2, 10: 1}),
        ([60.0, 61.0], {60: 1, float("inf"): 1}),
    ],
)
def test_a_recovery_counts_at_every_bound_that_it_did_not_pass(
    durations: list[float], counted: dict[float, int]
) -> None:
    found = _histogram(durations)

    assert found.bounds == RECOVERY_BOUNDS
    assert found.counts == [
        sum(count for at, count in counted.items() if at <= bound) for bound in RECOVERY_BOUNDS
    ]
    assert found.sum == sum(durations)
