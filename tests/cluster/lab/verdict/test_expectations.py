"""What was predicted of a run, and what came of it."""

import pytest

from cluster.lab.verdict.check import Verdict
from tests.cluster.lab.verdict.judged_run import NEVER, Load, Run, die, gap, predicting


def test_that_guests_hang_can_be_predicted(load: Load) -> None:
    run = predicting(load, "{survivors: none}")
    for guest in run.guests:
        run.journal(guest.name).set_wanted(wanted=True)
        run.journal(guest.name).record_read(5000)

    assert run.report().verdict is Verdict.held


EXPECTATIONS: list[tuple[str, str, Verdict]] = [
    ("{}", "no errors, as no fault of the run promises any: 1", Verdict.failed),
    ("{survivors: all}", "survivors all: 1 of 2", Verdict.failed),
    ("{survivors: 1}", "survivors 1: 1 of 2", Verdict.held),
    ("{survivors: none}", "survivors none: 1 of 2", Verdict.failed),
    ("{outage_max: 1us}", "outage at most 1 us: 100 ns", Verdict.held),
    ("{outage_max: 99ns}", "outage at most 99 ns: 100 ns", Verdict.failed),
    ("{lost: 0}", "at most 0 lost: 1", Verdict.failed),
    ("{lost: 1}", "at most 1 lost: 1", Verdict.held),
    ("{stale: 0}", "at most 0 stale: 0", Verdict.held),
    ("{errors: 0}", "at most 0 errors: 1", Verdict.failed),
    ("{errors: 1}", "at most 1 errors: 1", Verdict.held),
]


@pytest.mark.parametrize(("expect", "text", "verdict"), EXPECTATIONS, ids=[row[0] for row in EXPECTATIONS])
def test_predictions_are_judged(load: Load, expect: str, text: str, verdict: Verdict) -> None:
    run = predicting(load, expect)
    die(run.guest("web-0"))
    run.images["web-1"][8 * 512 : 16 * 512] = bytes(4096)
    run.journal("web-1").record_failure(run.journal("web-1").record_read(3100), 3150)
    run.journal("web-1").record_read_done(run.journal("web-1").record_read(3160), 8, 3200)

    found = run.report().expected

    assert (text, verdict) in [(each.text, each.verdict) for each in found]


@pytest.mark.parametrize(("kind", "judged"), [("crash", 1), ("disk-error", 0), ("frontend-disconnect", 0)])
def test_that_no_request_fails_is_predicted_unless_a_fault_promises_it(
    run: Run, kind: str, judged: int
) -> None:
    run.injections[0].kind = kind

    assert len(run.report().expected) == judged


def test_a_prediction_about_an_interrupted_run_is_unknown(load: Load) -> None:
    run = predicting(load, "{survivors: all, outage_max: 1s}")
    run.interrupted = True

    assert [each.verdict for each in run.report().expected] == [Verdict.unknown] * 3


@pytest.mark.parametrize(
    ("expect", "verdict"),
    [
        ("{survivors: none}", Verdict.unknown),
        ("{survivors: 1}", Verdict.unknown),
        ("{survivors: 2}", Verdict.unknown),
        ("{outage_max: 99ns}", Verdict.failed),
        ("{outage_max: 100ns}", Verdict.unknown),
        ("{lost: 0}", Verdict.unknown),
    ],
)
def test_a_prediction_that_came_true_without_a_fault_is_unknown(
    load: Load, expect: str, verdict: Verdict
) -> None:
    run = predicting(load, expect)
    run.unfired = [NEVER]

    assert run.report().expected[0].verdict is verdict


def test_more_deaths_than_predicted_are_a_failure_even_without_a_fault(load: Load) -> None:
    run = predicting(load, "{survivors: all}")
    run.unfired = [NEVER]
    die(run.guest("web-0"))

    assert run.report().expected[0].verdict is Verdict.failed


@pytest.mark.parametrize("expect", ["{outage_max: 99ns}", "{outage_max: 1s}"])
def test_an_outage_over_a_gap_of_the_clock_is_not_judged(load: Load, expect: str) -> None:
    run = predicting(load, expect)
    run.driver, run.clock_gaps = "live", [gap("workload", 2)]

    assert run.report().expected[0].verdict is Verdict.unknown
