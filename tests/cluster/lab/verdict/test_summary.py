"""What a person is told of a run."""

import io

from rich.console import Console

from tests.cluster.lab.verdict.judged_run import Load, Run, predicting


def test_a_person_is_told_the_policy_the_fault_the_guests_and_the_verdict(load: Load) -> None:
    run = predicting(load, "{survivors: all, lost: 0}")
    out = io.StringIO()
    run.report().print_summary(Console(file=out, width=160, color_system=None))

    text = out.getvalue()
    for expected in (
        "host0 restartable-dom0 (hwdom restart, xenstore dom0, reconnect renegotiate, frontends reconnect): ",
        "crash",
        "host0/dom0",
        "500 ns",
        "web-1",
        "at most 0 lost: 0",
        "verdict: held (seed 1, simulated driver)",
    ):
        assert expected in text


def test_the_summary_names_a_guest_that_never_came_back(run: Run) -> None:
    run.journal("web-1").record_read(5000)
    out = io.StringIO()
    run.report().print_summary(Console(file=out, width=160, color_system=None))

    assert "never came back" in out.getvalue()
