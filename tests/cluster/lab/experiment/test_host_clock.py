"""A gap of the host's clock: seen in a turn that comes late, or in what the machine slept."""

import pytest

from actors.runtime.machine import StoodStill
from cluster.lab.experiment.host_clock import ClockGap, HostClock

MS = 1_000_000
S = 1000 * MS


class Machine:
    """A machine that has been suspended for as long as a test says."""

    def __init__(self) -> None:
        self.suspended_ns = 7 * S
        self.clock = HostClock(lambda: self.suspended_ns)


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    assert machine.clock.look(100 * S, 0) is None, "nothing is known of what was before the first turn"
    return machine


def test_a_turn_in_its_time_is_no_gap(machine: Machine) -> None:
    assert machine.clock.look(100 * S + 20 * MS, 100 * S + 20 * MS) is None
    assert machine.clock.look(100 * S + 21 * MS, 100 * S + 40 * MS) is None


def test_a_turn_that_is_a_little_late_is_no_gap(machine: Machine) -> None:
    assert machine.clock.look(101 * S + 20 * MS, 100 * S + 20 * MS) is None


def test_a_turn_that_is_very_late_ends_a_gap(machine: Machine) -> None:
    machine.suspended_ns += 442  # as two clocks are read one after the other
    assert machine.clock.look(110 * S, 100 * S + 20 * MS) == (100 * S, 0)
    assert machine.clock.look(110 * S + 1 * MS, 100 * S + 20 * MS) is None, "it has been told"
    assert machine.clock.look(110 * S + 20 * MS, 110 * S + 20 * MS) is None


def test_a_long_time_for_which_no_turn_was_wanted_is_no_gap(machine: Machine) -> None:
    assert machine.clock.look(900 * S, 900 * S) is None
    assert machine.clock.look(2000 * S, None) is None


def test_what_the_machine_slept_is_a_gap_although_its_turn_is_in_time(machine: Machine) -> None:
    machine.suspended_ns += 3600 * S

    assert machine.clock.look(100 * S + 20 * MS, 100 * S + 20 * MS) == (100 * S, 3600 * S)
    assert machine.clock.look(100 * S + 40 * MS, 100 * S + 40 * MS) is None


@pytest.mark.parametrize(
    ("guests", "faults", "measured"), [(0, (), False), (2, (), True), (0, ("2.3",), True)]
)
def test_a_gap_says_how_long_it_was_and_whether_something_was_measured(
    guests: int, faults: tuple[str, ...], measured: bool
) -> None:
    gap = ClockGap("workload", 100 * S, 102 * S, 8 * S, guests, faults)

    assert (gap.lasted_ns, str(gap), gap.is_measured) == (10 * S, "10 s (workload)", measured)


@pytest.mark.parametrize(
    ("began_ns", "ended_ns", "alone"),
    [(90, 101, False), (101, 110, False), (80, 100, True), (110, 120, True)],
)
def test_a_gap_is_the_supervisors_own_until_somebody_else_has_met_it(
    began_ns: int, ended_ns: int, alone: bool
) -> None:
    gap = ClockGap("workload", 100, 110, 0, 2, ())
    assert (gap.alone, gap.is_measured) == (True, False)

    gap = gap.met(StoodStill(began_ns, ended_ns))

    assert (gap.alone, gap.stopped_guests) == (alone, 0 if alone else 2)


def test_what_was_seen_late_of_a_fault_is_unknown_even_if_all_others_ran() -> None:
    assert ClockGap("workload", 100, 110, 0, 2, ("1",)).is_measured


def test_a_suspended_machine_needs_no_other_witness() -> None:
    assert not ClockGap("workload", 100, 110, 8 * S, 2, ()).alone
