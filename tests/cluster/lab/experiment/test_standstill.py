"""An experiment on a machine that stands still now and then."""

from collections.abc import Callable

import pytest

from actors.runtime.machine import (
    DeadlinePassed,
    Effect,
    Freeze,
    StoodStill,
)
from cluster.lab.config.resolved import ResolvedCluster, ResolvedFault
from cluster.lab.experiment.host_clock import HostClock
from tests.cluster.lab.experiment.conducted import Experiment, S


class SleepyExperiment(Experiment):
    """One whose machine may stand still: time passes in the steps in which the supervisor wants its turns."""

    def __init__(self, cluster: ResolvedCluster) -> None:
        super().__init__(cluster, HostClock(lambda: 0))

    def tick(self, later_ns: int = 0) -> list[Effect]:
        until_ns, effects = self.now_ns + later_ns, []
        while (due_ns := self.supervisor.next_deadline_ns()) is not None and due_ns < until_ns:
            self.now_ns = max(due_ns, self.now_ns)
            effects += self.give(DeadlinePassed())
        self.now_ns = until_ns
        return effects + self.give(DeadlinePassed())

    def stand_still(self, time_ns: int) -> list[Effect]:
        self.now_ns += time_ns
        return self.give(DeadlinePassed())


@pytest.fixture
def sleepy(load: Callable[..., ResolvedCluster]) -> SleepyExperiment:
    return SleepyExperiment(load())


def test_time_in_which_nothing_ran_passes_neither_for_the_phase_nor_for_faults(
    sleepy: SleepyExperiment,
) -> None:
    sleepy.boot()

    sleepy.stand_still(10 * S)
    assert (sleepy.supervisor.phase, sleepy.faults) == ("workload", [])
    sleepy.tick(S - S // 10)
    assert sleepy.faults == []
    sleepy.tick(S // 5)
    assert sleepy.faults == [("crash", "dom0")]


def test_a_fault_that_is_there_while_nothing_runs_lasts_as_long_as_it_should(
    sleepy: SleepyExperiment,
) -> None:
    sleepy.boot()
    (stall,) = sleepy.supervisor.inject(
        ResolvedFault("disk-stall", ("host0/sda",), None, duration_ns=500_000_000)
    )
    assert stall.injection is not None
    sleepy.tick(S // 10)

    sleepy.stand_still(10 * S)

    assert stall.injection.is_there
    sleepy.tick(S // 2)
    assert not stall.injection.is_there


def test_a_gap_of_the_clock_is_told_with_what_was_under_way(sleepy: SleepyExperiment) -> None:
    sleepy.boot().tick(2 * S)
    sleepy.stand_still(10 * S)

    (gap,) = sleepy.supervisor.lab.outcome.clock_gaps
    assert (gap.phase, gap.guests, gap.faults, gap.alone) == ("workload", 2, ("1",), True)
    assert gap.ended_ns == sleepy.now_ns
    said = [text for what, text in sleepy.seen if what == "clock gap"]
    assert said == [f"{gap}: this machine, or at least the supervisor, did not run"]
    assert sleepy.faults == [("crash", "dom0")]

    sleepy.give(StoodStill(gap.began_ns + 5, gap.ended_ns + 5))
    assert [each.alone for each in sleepy.supervisor.lab.outcome.clock_gaps] == [False]


def test_what_the_experiment_has_stopped_stays_so_when_all_is_let_go_on(sleepy: SleepyExperiment) -> None:
    sleepy.boot()
    sleepy.supervisor.inject(ResolvedFault("hang", ("host0/web-1",), None))
    sleepy.tick()

    assert [each for each in sleepy.stand_still(10 * S) if isinstance(each, Freeze)] == [Freeze("host0/dom2")]


def test_one_process_that_stands_still_is_no_gap(sleepy: SleepyExperiment) -> None:
    sleepy.boot().tick(3 * S)

    assert sleepy.supervisor.lab.outcome.clock_gaps == []
