from cluster.config import ResolvedFault
from cluster.schedule import Schedule

MS = 1_000_000
ONCE = ResolvedFault("crash", "host0", "dom0", 5 * MS)
OFTEN = ResolvedFault("crash", "host0", "dom0", 10 * MS, every_ns=3 * MS, count=3)


def test_times_count_from_the_start_of_the_workload() -> None:
    schedule = Schedule([ONCE], 100 * MS)

    assert schedule.next_due_ns() == 105 * MS
    assert schedule.take_due(105 * MS - 1, recovering=False) == []
    assert schedule.take_due(105 * MS, recovering=False) == [ONCE]
    assert schedule.is_empty
    assert schedule.next_due_ns() is None


def test_a_first_fault_comes_in_its_time_whatever_else_recovers() -> None:
    schedule = Schedule([ONCE, OFTEN], 0)

    assert schedule.take_due(10 * MS, recovering=True) == [ONCE, OFTEN]


def test_a_repeated_fault_waits_for_the_recovery_and_then_for_its_interval() -> None:
    schedule = Schedule([OFTEN], 0)
    assert schedule.take_due(10 * MS, recovering=False) == [OFTEN]

    assert schedule.take_due(50 * MS, recovering=True) == []
    schedule.postpone(60 * MS)
    assert schedule.take_due(63 * MS - 1, recovering=False) == []
    assert schedule.take_due(63 * MS, recovering=False) == [OFTEN]
    assert schedule.take_due(66 * MS, recovering=False) == [OFTEN]
    assert schedule.is_empty


def test_a_recovery_does_not_postpone_what_has_not_begun() -> None:
    schedule = Schedule([OFTEN], 0)
    schedule.postpone(8 * MS)

    assert schedule.next_due_ns() == 10 * MS
