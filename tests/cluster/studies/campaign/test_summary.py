import io

import pytest
from rich.console import Console

from cluster.studies.campaign.summary import FAILURES_SHOWN, SweepSummary


def record(seed: int, verdict: str = "held", **found: str) -> dict[str, object]:
    return {
        "seed": seed,
        "verdict": verdict,
        "failed": found if verdict == "failed" else {},
        "unknown": found if verdict == "unknown" else {},
        "faults": [["crash", "host0/dom0"], ["crash", "host0/web-0"]],
        "states": ["vbd frontend Connected"],
    }


def printed(*records: dict[str, object]) -> list[str]:
    summary, console = SweepSummary(), Console(file=io.StringIO(), width=100)
    for each in records:
        summary.add(each)
    with console.capture() as capture:
        summary.print(console, lambda seed: f"replay {seed}")
    return [line.strip() for line in capture.get().splitlines() if line.strip()]


def test_trials_are_counted_and_not_faults() -> None:
    lines = [each.split() for each in printed(record(1), record(2), record(3, "failed", ledger="lost"))]

    assert ["crash", "3", "1", "0"] in lines
    assert ["frontend", "Connected", "3", "1", "0"] in lines
    assert ["ledger", "1", "1", "0"] in lines
    assert lines[-1] == ["3", "seeds:", "2", "held,", "1", "failed,", "0", "unknown"]


def test_a_seed_that_did_not_hold_is_told_with_its_replay_lowest_first() -> None:
    bad = [record(seed, "failed", ledger="lost") for seed in range(FAILURES_SHOWN + 3, 0, -1)]
    lines = printed(*bad, record(99, "unknown", course="late"))

    told = [each for each in lines if each.startswith("replay")]
    assert told == [f"replay {seed}" for seed in range(1, FAILURES_SHOWN + 1)]
    assert "and 4 more, in the results" in lines
    assert lines[-1] == "14 seeds: 0 held, 13 failed, 1 unknown"


@pytest.mark.parametrize(("count", "rate"), [(300, "1.00%"), (3, "99.87%")])
def test_that_nothing_failed_bounds_the_rate(count: int, rate: str) -> None:
    lines = printed(*(record(seed) for seed in range(count)))

    assert lines[-2:] == [
        f"{count} seeds: {count} held, 0 failed, 0 unknown",
        f"with 95 % confidence fewer than {rate} of schedules fail",
    ]


def test_of_nothing_nothing_is_known() -> None:
    assert printed() == ["0 seeds: 0 held, 0 failed, 0 unknown"]
