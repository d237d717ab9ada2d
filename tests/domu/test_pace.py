import pytest

from actors.domu.pace import Pace

S = 1_000_000_000


def taken(pace: Pace, now_ns: int) -> int:
    count = 0
    while pace.take(now_ns):
        count += 1
    return count


def test_the_first_request_is_due_at_once_and_each_next_one_an_interval_later() -> None:
    pace = Pace(4.0, 5 * S)
    assert taken(pace, 5 * S) == 1
    assert pace.due_ns == 5 * S + S // 4
    assert taken(pace, pace.due_ns - 1) == 0
    assert taken(pace, pace.due_ns) == 1


def test_who_comes_late_catches_up() -> None:
    pace = Pace(4.0, 0)
    assert taken(pace, S // 2) == 3
    assert pace.due_ns == 3 * S // 4


@pytest.mark.parametrize("rate", [1.0, 4.0, 100.0])
def test_of_an_outage_at_most_a_second_is_made_up_for(rate: float) -> None:
    pace = Pace(rate, 0)
    assert taken(pace, 60 * S) == rate + 1
    assert pace.due_ns == 60 * S + S // rate
