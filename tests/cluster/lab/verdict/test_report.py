"""What a report says of a run: its guests, its contract as JSON, its exit code."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from cluster.lab.experiment.breaking.fault_target import SPARED, FaultTarget
from cluster.lab.experiment.lives import Lives
from cluster.lab.verdict.check import Verdict
from tests.cluster.lab.verdict.judged_run import NEVER, Load, Run, die, gap, predicting, verdict_of


def test_a_run_in_which_all_went_well_has_held(run: Run) -> None:
    report = run.report()

    assert report.verdict is Verdict.held
    assert report.exit_code == 0


def test_run_json_has_exactly_the_keys_of_the_contract(load: Load) -> None:
    data = json.loads(predicting(load, "{survivors: all, lost: 0}").report().to_json())

    assert list(data) == [
        *("schema", "verdict", "driver", "seed", "cut_short", "config", "hosts"),
        *("clock_gaps", "faults", "fault_targets", "guests", "talks", "checks", "expected"),
    ]
    assert (data["schema"], data["verdict"], data["driver"], data["seed"]) == (1, "held", "simulated", 1)
    assert list(data["config"]) == ["path", "sha256"]
    assert data["hosts"] == [
        {
            "name": "host0",
            "architecture": "restartable-dom0",
            "hwdom": "restart",
            "spare": "none",
            "xenstore": "dom0",
            "xenstore_restart": "lose",
            "reconnect": "renegotiate",
            "frontends": ["reconnect"],
            "drivers_end_machine": False,
            "device_models": False,
            "virtualised_dom0": False,
            "links": "hypervisor",
            "boots": 1,
            "dom0_boots": 2,
            "driver_domains": [],
        }
    ]
    assert data["faults"] == [
        {
            "id": "1",
            "kind": "crash",
            "target": "host0/dom0",
            "injected_at_ns": 2000,
            "detected_at_ns": 2500,
            "recovered_at_ns": 4000,
            "destroyed": False,
            "never_fired": None,
        }
    ]
    assert data["guests"][0] == {
        "address": "host0/dom1",
        "name": "web-0",
        "survived": True,
        "came_back": True,
        "boots": 1,
        "outage_ns": {"max": 100, "p99": 100, "p50": 100},
        "requests": {"issued": 4, "completed": 4, "errors": 0, "in_flight": 0},
        "connections": dict.fromkeys(
            (
                *("opened", "established", "lived", "reset"),
                *("timed_out", "refused", "given_up", "abandoned"),
            )
        ),
        "silence_max_ns": None,
        "writes": {
            "acknowledged": 4,
            "stable": 4,
            "lost": 0,
            "stale": 0,
            "torn": 0,
            "misdirected": 0,
            "unacknowledged": 0,
        },
    }
    assert all(list(each) == ["name", "verdict", "detail"] for each in data["checks"])
    assert data["expected"] == [
        {"text": "survivors all: 2 of 2", "verdict": "held"},
        {"text": "at most 0 lost: 0", "verdict": "held"},
        {"text": "no errors, as no fault of the run promises any: 0", "verdict": "held"},
    ]


def test_an_interrupted_run_is_unknown(run: Run) -> None:
    run.interrupted = True
    run.unknown.append("interrupted")

    report = run.report()

    assert report.verdict is Verdict.unknown
    assert report.guests[0].survived is None


def test_a_run_that_is_interrupted_before_its_guests_boot_is_unknown(load: Load) -> None:
    run = predicting(load, "{survivors: all}")
    run.interrupted = True
    run.unknown.append("interrupted")
    for guest in run.guests:
        guest.lives = Lives()

    report = run.report()

    assert [each.survived for each in report.guests] == [None, None]
    assert report.verdict is Verdict.unknown


def test_a_guest_that_never_came_back_has_no_outage_but_a_failure(run: Run) -> None:
    run.journal("web-1").set_wanted(wanted=True)
    run.journal("web-1").record_read(5000)

    report = run.report()

    guest = report.to_dict()["guests"][1]  # type: ignore[index]
    assert guest["survived"] is False
    assert guest["outage_ns"] == {"max": None, "p99": None, "p50": None}
    assert guest["requests"]["in_flight"] == 1
    assert verdict_of(report, "liveness") is Verdict.failed


def test_a_guest_that_died_and_booted_again_did_not_survive(run: Run) -> None:
    die(run.guest("web-0"))

    report = run.report()

    assert report.guests[0].survived is False
    assert report.guests[0].came_back is True
    assert report.verdict is Verdict.held


def test_a_guest_that_left_in_order_and_booted_again_survived(run: Run) -> None:
    guest = run.guest("web-0")
    guest.lives.end()
    guest.start(5)

    report = run.report()

    assert report.guests[0].survived is True
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    assert "yes, 2 boots" in out.getvalue()


def test_a_guest_whose_last_answer_was_an_error_never_came_back(run: Run) -> None:
    run.journal("web-1").record_failure(run.journal("web-1").record_read(3200), 3250)

    report = run.report()

    assert [each.survived for each in report.guests] == [True, False]
    assert report.guests[1].outage_max_ns is None
    assert verdict_of(report, "liveness") is Verdict.failed
    console = Console(file=io.StringIO(), width=80)
    report.print_summary(console)
    assert "never did I/O again: web-1" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_longest_outage_is_that_which_was_seen_from_outside(run: Run) -> None:
    run.journal("web-1").set_wanted(wanted=True)
    run.journal("web-1").set_due(5000)
    run.guest("web-1").look(9000)
    run.journal("web-1").set_wanted(wanted=False)

    assert [each.outage_max_ns for each in run.report().guests] == [100, 4000]


def test_a_fault_that_never_fired_is_in_the_report_and_leaves_the_verdict_unknown(run: Run) -> None:
    run.unfired = [NEVER]

    report = run.report()

    assert (report.verdict, report.exit_code) == (Verdict.unknown, 2)
    assert verdict_of(report, "faults") is Verdict.unknown
    assert report.to_dict()["faults"][1] == {  # type: ignore[index]
        "id": "2",
        "kind": "crash",
        "target": "host0/dom0",
        "injected_at_ns": None,
        "detected_at_ns": None,
        "recovered_at_ns": None,
        "destroyed": False,
        "never_fired": NEVER.why,
    }
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    assert "2 crash  host0/dom0     never fired" in out.getvalue()
    assert f"2 never fired: {NEVER.why}" in out.getvalue()


def test_an_optional_fault_that_never_fired_is_told_and_changes_nothing(run: Run) -> None:
    run.unfired = [replace(NEVER, optional=True)]

    report = run.report()

    assert report.verdict is Verdict.held
    assert [each["id"] for each in report.to_dict()["faults"]] == ["1", "2"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("skipped", "verdict"), [("it does not run", Verdict.unknown), (SPARED, Verdict.held), ("", Verdict.held)]
)
def test_a_fault_that_could_not_be_done_never_fired_either(run: Run, skipped: str, verdict: Verdict) -> None:
    target = FaultTarget(1, 1, "crash", "host0/dom0", "at 2 s", 2000, skipped=skipped, label="1")
    run.fault_targets = [target]

    report = run.report()

    assert report.verdict is verdict
    told = [each["never_fired"] for each in report.to_dict()["faults"]]  # type: ignore[attr-defined]
    assert told == ([None, skipped] if skipped else [None])


def test_a_gap_of_the_clock_is_in_run_json_and_in_the_summary(run: Run) -> None:
    run.driver, run.clock_gaps = "live", [gap("workload", 2, ("2.3",))]

    report = run.report()

    assert report.to_dict()["clock_gaps"] == [
        {
            "phase": "workload",
            "began_at_ns": 1000,
            "ended_at_ns": 10_000_001_000,
            "suspended_ns": 0,
            "lasted_ns": 10_000_000_000,
            "guests": 2,
            "faults": ["2.3"],
            "alone": False,
        }
    ]
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    assert "clock gap 10 s (workload): this machine did not run" in out.getvalue()


def test_a_supervisor_that_alone_did_not_run_takes_nothing_from_the_guests(load: Load) -> None:
    run = predicting(load, "{outage_max: 1s}")
    run.driver, run.clock_gaps = "live", [replace(gap("workload", 2), met_by_others=False)]

    report = run.report()

    assert report.verdict is Verdict.held
    (detail,) = [each.detail for each in report.checks if each.name == "host clock"]
    assert detail == "a gap of 10 s (workload), of the supervisor alone, when nothing was measured"
    out = io.StringIO()
    report.print_summary(Console(file=out, width=160, color_system=None))
    assert "clock gap 10 s (workload): the supervisor alone did not run" in out.getvalue()
