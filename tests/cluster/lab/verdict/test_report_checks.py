"""The checks of every run, whatever was predicted of it."""

import hashlib

import pytest

from actors.hypervisor.statistics import HypervisorStatistics
from actors.notebook.journal_header import Word
from cluster.lab.experiment.host_clock import ClockGap
from cluster.lab.verdict.check import Verdict
from cluster.lab.verdict.run_facts import HostFacts
from tests.cluster.blank_records import blank
from tests.cluster.lab.verdict.judged_run import CLEAN, SECTORS, Run, gap, verdict_of


def test_a_lost_write_fails_the_run(run: Run) -> None:
    run.images["web-1"][8 * 512 : 16 * 512] = bytes(4096)

    report = run.report()

    assert verdict_of(report, "ledger") is Verdict.failed
    assert "host0/web-1 vbd 51712 sector 8: write 2 is lost" in report.to_json()
    assert report.exit_code == 1


def test_an_image_that_cannot_be_read_makes_the_verdict_unknown(run: Run) -> None:
    del run.images["web-1"][512:]

    report = run.report()

    assert verdict_of(report, "ledger") is Verdict.unknown
    assert report.to_dict()["guests"][1]["writes"]["lost"] is None  # type: ignore[index]
    assert report.exit_code == 2


def test_a_failure_weighs_more_than_what_is_unknown(run: Run) -> None:
    del run.images["web-1"][512:]
    run.failures.append("host0/sda ended by itself (status 1)")

    report = run.report()

    assert verdict_of(report, "processes") is Verdict.failed
    assert report.exit_code == 1


def test_an_interrupted_run_may_have_lost_what_was_not_flushed(run: Run) -> None:
    run.images["web-1"][:] = bytes(SECTORS * 512)
    run.interrupted = True
    run.unknown.append("interrupted")

    report = run.report()

    assert verdict_of(report, "ledger") is Verdict.held
    assert report.verdict is Verdict.unknown


def test_requests_of_a_boot_that_ended_count_as_never_answered(run: Run) -> None:
    journal = run.journal("web-0")
    journal.record_read(5000)
    journal.begin_boot()

    report = run.report()

    assert (report.guests[0].issued, report.guests[0].completed, report.guests[0].in_flight) == (5, 4, 1)
    assert verdict_of(report, "conservation") is Verdict.held


def test_a_request_that_was_answered_twice_fails_the_run(run: Run) -> None:
    journal = run.journal("web-0")
    journal._words[Word.COMPLETED] += 1

    assert verdict_of(run.report(), "conservation") is Verdict.failed


def test_a_read_that_gave_something_else_fails_the_run(run: Run) -> None:
    run.journal("web-0").record_mismatch()

    assert verdict_of(run.report(), "read back") is Verdict.failed


@pytest.mark.parametrize("key", ["grants_mapped", "frames_lingering", "foreign_frames"])
def test_what_is_left_over_fails_the_run(run: Run, key: str) -> None:
    run.hosts["host0"] = HostFacts(1, 2, "", blank(HypervisorStatistics, **{key: 3}))

    report = run.report()

    assert verdict_of(report, "leaks") is Verdict.failed
    assert f"host0: {key} 3" in report.to_json()


def test_what_was_not_counted_is_unknown(run: Run) -> None:
    run.hosts["host0"] = HostFacts(1, 2, "", None)

    assert run.report().verdict is Verdict.unknown


def test_on_a_halted_host_nothing_is_left_to_count(run: Run) -> None:
    run.hosts["host0"] = HostFacts(1, 1, "dom0 crashed", None)

    assert verdict_of(run.report(), "leaks") is Verdict.held


def test_a_digest_is_compared_with_the_image(run: Run) -> None:
    digest = hashlib.sha256(run.images["web-0"]).digest()
    run.journal("web-0").set_digest(digest)
    run.journal("web-1").set_digest(digest)

    report = run.report()

    assert verdict_of(report, "sha256 web-0 xvda") is Verdict.held
    assert verdict_of(report, "sha256 web-1 xvda") is Verdict.failed


@pytest.mark.parametrize(
    ("gaps", "verdict", "detail"),
    [
        ([], Verdict.held, "this machine ran all the time"),
        ([gap("shutdown")], Verdict.held, "a gap of 10 s (shutdown), when nothing was measured"),
        (
            [gap("workload", 2, ("2.3",)), gap("off")],
            Verdict.unknown,
            "a gap of 10 s (workload), 10 s (off): nothing is known of "
            "outages of 2 guests, times of fault 2.3",
        ),
        (
            [gap("settle", 0, ("1",))],
            Verdict.unknown,
            "a gap of 10 s (settle): nothing is known of times of fault 1",
        ),
    ],
)
def test_what_was_measured_over_a_gap_of_the_clock_is_unknown(
    run: Run, gaps: list[ClockGap], verdict: Verdict, detail: str
) -> None:
    run.driver, run.clock_gaps = "live", gaps

    report = run.report()

    assert report.verdict is verdict
    assert [each.detail for each in report.checks if each.name == "host clock"] == [detail]


def test_virtual_time_has_no_gaps_to_look_for(run: Run) -> None:
    assert "host clock" not in [each.name for each in run.report().checks]


def test_of_a_run_that_was_cut_short_is_known_what_can_be_read_and_no_more(run: Run) -> None:
    run.cut_short = "workload"
    run.journal("web-0")._words[Word.COMPLETED] -= 1

    report = run.report()

    found = {each.name: (each.verdict, each.detail) for each in report.checks}
    assert found["course"] == (
        Verdict.unknown,
        "the run was cut short: everything ended in its phase 'workload'",
    )
    assert found["conservation"] == (
        Verdict.unknown,
        "web-0: 4 issued, 3 answered, 0 not; all ended while they counted",
    )
    assert found["processes"] == (Verdict.unknown, "not seen to the end")
    assert found["ledger"][0] is Verdict.held
    assert report.exit_code == 2


def test_what_could_not_be_rebuilt_after_a_store_was_lost_is_told_and_fails_nothing(run: Run) -> None:
    run.hosts["host0"] = HostFacts(1, 2, "", CLEAN, not_rebuilt=("pending requests", "watches"))

    report = run.report()

    assert verdict_of(report, "xenstore") is Verdict.held
    assert "host0: lost and rebuilt, but for: pending requests; watches" in report.to_json()


@pytest.mark.parametrize(("ports", "verdict"), [(2, Verdict.held), (3, Verdict.failed)])
def test_a_port_more_than_dom0_needs_is_left_over(run: Run, ports: int, verdict: Verdict) -> None:
    run.hosts["host0"] = HostFacts(1, 2, "", blank(HypervisorStatistics, ports=ports))

    assert verdict_of(run.report(), "leaks") is verdict
