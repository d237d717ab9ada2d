from cluster.lab.config.resolved import ResolvedFault, Trigger
from cluster.lab.experiment.breaking.schedule import Schedule

MS = 1_000_000
ONCE = ResolvedFault("crash", ("host0/dom0",), 5 * MS)
OFTEN = ResolvedFault("crash", ("host0/dom0",), 10 * MS, every_ns=3 * MS, count=3)
CONNECTED = Trigger("frontend", "host0/web-0/xvda", "Connected", nth=2)
SEEN = ("frontend", "host0/web-0/xvda", "Connected")


def begun(faults: list[ResolvedFault], now_ns: int) -> Schedule:
    schedule = Schedule(faults)
    schedule.begin(now_ns)
    return schedule


def test_times_count_from_the_start_of_the_workload() -> None:
    schedule = begun([ONCE], 100 * MS)

    assert schedule.next_due_ns() == 105 * MS
    assert schedule.take_due(105 * MS - 1, recovering=False) == []
    assert schedule.take_due(105 * MS, recovering=False) == [ONCE]
    assert schedule.is_empty
    assert schedule.next_due_ns() is None


def test_a_first_fault_comes_in_its_time_whatever_else_recovers() -> None:
    schedule = begun([ONCE, OFTEN], 0)

    assert schedule.take_due(10 * MS, recovering=True) == [ONCE, OFTEN]


def test_a_repeated_fault_waits_for_the_recovery_and_then_for_its_interval() -> None:
    schedule = begun([OFTEN], 0)
    assert schedule.take_due(10 * MS, recovering=False) == [OFTEN]

    assert schedule.take_due(50 * MS, recovering=True) == []
    schedule.postpone(60 * MS)
    assert schedule.take_due(63 * MS - 1, recovering=False) == []
    assert schedule.take_due(63 * MS, recovering=False) == [OFTEN]
    assert schedule.take_due(66 * MS, recovering=False) == [OFTEN]
    assert schedule.is_empty


def test_a_recovery_does_not_postpone_what_has_not_begun() -> None:
    schedule = begun([OFTEN], 0)
    schedule.postpone(8 * MS)

    assert schedule.next_due_ns() == 10 * MS


def test_a_trigger_counts_how_often_it_was_so_and_then_waits() -> None:
    fault = ResolvedFault("crash", ("host0/dom0",), None, trigger=CONNECTED, after_ns=2 * MS)
    schedule = begun([fault], 0)

    assert schedule.is_empty, "nobody knows if it will come"
    assert not schedule.saw(*SEEN, 10 * MS)
    assert not schedule.saw("backend", *SEEN[1:], 11 * MS)
    assert schedule.next_due_ns() is None
    assert schedule.saw(*SEEN, 20 * MS)
    assert (schedule.awaits("frontend"), schedule.awaits("backend")) == (True, False)
    assert not schedule.is_empty
    assert schedule.take_due(22 * MS - 1, recovering=False) == []
    assert schedule.take_due(22 * MS, recovering=True) == [fault]
    assert schedule.unfired == []


def test_a_trigger_of_the_workload_is_deaf_before_it() -> None:
    since_boot = Trigger(*SEEN, since_boot=True)
    faults = [
        ResolvedFault("crash", ("host0/dom0",), None, number=1, trigger=Trigger(*SEEN)),
        ResolvedFault("crash", ("host0/dom0",), None, number=2, trigger=since_boot),
    ]
    schedule = Schedule(faults)

    schedule.saw(*SEEN, 1 * MS)

    assert schedule.take_due(1 * MS, recovering=False) == [faults[1]]
    assert [each.label for each in schedule.unfired] == ["1"]


def test_a_counted_trigger_fires_each_time() -> None:
    fault = ResolvedFault("crash", ("host0/dom0",), None, count=2, trigger=Trigger(*SEEN))
    schedule = begun([fault], 0)

    for at_ns in (5 * MS, 6 * MS, 7 * MS):
        schedule.saw(*SEEN, at_ns)
        expected = [fault] if at_ns < 7 * MS else []
        assert schedule.take_due(at_ns, recovering=False) == expected


def why(schedule: Schedule, end_ns: int) -> list[tuple[str, str]]:
    schedule.end(end_ns)
    return [(each.label, each.why) for each in schedule.unfired]


def test_what_never_came_says_what_it_waited_for() -> None:
    waiting = {"kind": "crash", "targets": ("host0/dom0",), "at_ns": None}
    faults = [
        ResolvedFault("crash", ("host0/dom0",), 5 * MS, number=1),
        ResolvedFault(**waiting, number=2, trigger=Trigger("fault", "1", "recovered")),
        ResolvedFault(**waiting, number=3, trigger=CONNECTED),
        ResolvedFault(**waiting, number=4, trigger=Trigger(*SEEN), after_ns=9 * MS),
        ResolvedFault(**waiting, number=5, trigger=Trigger("frontend", "a/b/xvda", "Closed"), optional=True),
    ]
    schedule = begun(faults, 0)
    schedule.saw(*SEEN, 1 * MS)

    assert why(schedule, 4 * MS) == [
        ("1", "at 5 ms: the run was over before"),
        ("2", "when fault 1 is recovered: that was never so"),
        ("3", "when frontend host0/web-0/xvda is Connected, time 2: that was so once, and not again"),
        (
            "4",
            "when frontend host0/web-0/xvda is Connected: that was so, "
            "and the run was over before another 9 ms had passed",
        ),
        ("5", "when frontend a/b/xvda is Closed: that was never so"),
    ]
    assert [each.optional for each in schedule.unfired] == [False] * 4 + [True]


def test_what_is_left_of_a_repeated_fault_is_numbered_as_its_times_are() -> None:
    often = ResolvedFault("crash", ("host0/dom0",), 10 * MS, every_ns=3 * MS, count=50, number=2)
    twice = ResolvedFault("crash", ("host0/dom0",), None, count=2, number=3, trigger=Trigger(*SEEN))
    schedule = begun([often, twice], 0)
    schedule.saw(*SEEN, 10 * MS)
    assert schedule.take_due(10 * MS, recovering=False) == [often, twice]
    assert schedule.take_due(13 * MS, recovering=True) == []

    assert why(schedule, 20 * MS) == [
        ("2.2-2.50", "the one before it had not recovered"),
        ("3.2", "when frontend host0/web-0/xvda is Connected: that was so once, and not again"),
    ]


def test_without_a_workload_no_time_begins() -> None:
    assert why(Schedule([ONCE]), 5 * MS) == [("0", "at 5 ms: the guests never began to work")]


def test_what_is_to_come_says_when_as_far_as_that_is_known() -> None:
    waiting = ResolvedFault("hang", ("host0/dom0",), None, number=3, trigger=CONNECTED)
    once = ResolvedFault("crash", ("host0/dom0",), 5 * MS, number=1)
    often = ResolvedFault("crash", ("host0/dom0",), 10 * MS, every_ns=3 * MS, count=3, number=2)
    schedule = Schedule([once, often, waiting])
    assert [due for _, due in schedule.coming] == [None] * 3, "the workload has not begun"

    schedule.begin(100 * MS)
    told = [(each.label, each.why, due) for each, due in schedule.coming]
    assert told == [
        ("1", "at 5 ms", 105 * MS),
        ("2.1-2.3", "at 10 ms", 110 * MS),
        ("3", "when frontend host0/web-0/xvda is Connected, time 2", None),
    ]

    schedule.take_due(110 * MS, recovering=False)
    assert next((each.label, each.why, due) for each, due in schedule.coming) == (
        "2.2-2.3",
        "3 ms after the one before it",
        113 * MS,
    )
    schedule.end(120 * MS)
    assert schedule.coming == []
