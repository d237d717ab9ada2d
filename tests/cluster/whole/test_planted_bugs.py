"""Bugs that are switched on, to see that the check that should find each of them does.

Every scenario here holds without its bug: that is asserted, too.
"""

from dataclasses import dataclass

import pytest

from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.drivers import simulated
from cluster.studies.campaign.planted import planted

POWER_CUT_NS = 500_000_000


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug, the check that must find it, a word of what it says, and how large the disks are for it."""

    name: str
    check: str
    says: str
    size: str = "64KiB"


BUGS = [
    Bug("skip-replay", "ledger", "lost", "4MiB"),
    Bug("forget-replay", "liveness", "never did I/O again"),
    Bug("acknowledge-early", "ledger", "lost", "4MiB"),
    Bug("write-astray", "ledger", "misdirected"),
    Bug("tear-write", "ledger", "torn"),
    Bug("replay-out-of-order", "ledger", "stale"),
    Bug("read-astray", "read back", "web-0"),
    Bug("leak-mapping", "leaks", "grants_mapped"),
    Bug("leak-port", "leaks", "ports"),
]


@pytest.fixture
def battered(scenarios, variant):
    """Small disks, slow writes, a dom0 that dies twice, and no prediction of who survives."""
    return variant(
        scenarios["renegotiate-dom0-crash"],
        name="battered",
        guest={"disks": [{"vdev": "xvda", "size": "64KiB"}]},
        work={"rate": "200/s"},
        latency={"read": "2ms", "write": "20ms"},
        faults=({"kind": "crash", "target": "host0/dom0", "at": "100ms", "every": "50ms", "count": 2},),
        settle="2s",
        survivors=None,
    )


def test_the_scenario_of_the_bugs_holds_without_them(battered, laboratory) -> None:
    run = laboratory.simulate(battered)

    assert run.report.verdict.value == "held", run.story()
    assert [each.verdict.value for each in run.report.checks] == ["held"] * len(run.report.checks)


@pytest.mark.parametrize("bug", BUGS, ids=[each.name for each in BUGS])
def test_a_planted_bug_is_found(bug: Bug, battered, variant, laboratory) -> None:
    disks = {"disks": [{"vdev": "xvda", "size": bug.size}]}

    with planted(bug.name):
        run = laboratory.simulate(variant(battered, guest=disks), invariants=False)

    assert run.report.verdict.value == "failed", run.story()
    (found,) = [each for each in run.report.checks if each.name == bug.check]
    assert found.verdict.value == "failed", run.story()
    assert bug.says in found.detail


@pytest.mark.parametrize("bug", ["", "stale-handover"])
def test_a_record_of_what_nobody_serves_any_more_is_found(scenarios, variant, laboratory, bug: str) -> None:
    gone = {"kind": "frontend-disconnect", "target": "host0/web-0/xvda", "at": "100ms", "duration": "1s"}
    scenario = variant(scenarios["spare-warm"], name="stale", faults=(gone,), survivors=None)

    with planted(bug):
        if bug:
            with pytest.raises(AssertionError, match="tells of"):
                laboratory.simulate(scenario)
        else:
            laboratory.simulate(scenario)


class CutOff(Supervisor):
    """An experiment whose power is cut while the guests write."""

    def handle(self, event: object, now_ns: int) -> list:
        if now_ns >= POWER_CUT_NS:
            self.abort()
        return super().handle(event, now_ns)


@pytest.fixture
def power_cut(scenarios, variant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(simulated, "Supervisor", CutOff)
    work = {"rate": "400/s", "flush_every": 4, "read_share": 0}
    scenario = scenarios["renegotiate-dom0-crash"]
    return variant(scenario, name="power-cut", faults=(), work=work, duration="2s", latency={})


def test_what_was_flushed_outlives_a_cut_of_the_power(power_cut, laboratory) -> None:
    run = laboratory.simulate(power_cut, invariants=False)

    assert run.check("ledger") == "held", run.story()
    assert "vanished" in run.story()
    assert run.report.verdict.value == "unknown"


def test_a_dropped_flush_is_found_after_a_cut_of_the_power(power_cut, laboratory) -> None:
    with planted("drop-flush"):
        run = laboratory.simulate(power_cut, invariants=False)

    assert run.check("ledger") == "failed", run.story()
    assert run.report.verdict.value == "failed"
