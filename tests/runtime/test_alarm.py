"""The alarm clock of a live actor: when it is due is what was wanted when it was set."""

from actors.runtime.alarm import Alarm


def test_it_is_due_when_that_was_wanted_at_the_time_it_was_set() -> None:
    wanted: list[int | None] = [5]
    alarm = Alarm(lambda: wanted[-1], lambda: 0, lambda: None)
    assert alarm.due_ns is None
    alarm.set()
    wanted.append(9)
    assert alarm.due_ns == 5
    alarm.set()
    assert alarm.due_ns == 9


def test_it_is_not_due_when_nothing_is_wanted_or_it_is_stopped() -> None:
    wanted: list[int | None] = [5]
    alarm = Alarm(lambda: wanted[-1], lambda: 0, lambda: None)
    alarm.set()
    alarm.stop()
    assert alarm.due_ns is None
    alarm.set()
    wanted.append(None)
    alarm.set()
    assert alarm.due_ns is None
