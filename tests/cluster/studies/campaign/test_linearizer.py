from cluster.studies.campaign.linearizer import IMPOSSIBLE, TimedStep, is_linearizable


def write(value: object, began: int, ended: int | None) -> TimedStep:
    return TimedStep(lambda _state: value, began, ended)


def read(value: object, began: int, ended: int | None) -> TimedStep:
    return TimedStep(lambda state: state if state == value else IMPOSSIBLE, began, ended)


def test_nothing_has_an_order() -> None:
    assert is_linearizable([], None) is True


def test_equal_values_may_be_written_by_any_of_their_writers() -> None:
    steps = [write("1", 0, 1), write("4", 2, 3), write("1", 4, 5), read("1", 6, 7)]
    assert is_linearizable(steps, None) is True
    assert is_linearizable([*steps[:2], read("1", 6, 7)], None) is False


def test_an_operation_without_an_end_may_happen_late_or_never() -> None:
    assert is_linearizable([write("a", 0, None), read(None, 1, 2), read("a", 3, 4)], None) is True
    assert is_linearizable([write("a", 0, None), read(None, 1, 2)], None) is True
    assert is_linearizable([write("a", 0, None), read("a", 1, 2), read(None, 3, 4)], None) is False


def test_a_search_that_is_too_long_finds_nothing_out() -> None:
    steps = [write(str(index), 0, 100) for index in range(12)] + [read("x", 101, 102)]
    assert is_linearizable(steps, None, steps_max=50) is None


def test_a_long_history_one_after_the_other_takes_no_search() -> None:
    steps = []
    for index in range(3000):
        steps += [write(index, 4 * index, 4 * index + 1), read(index, 4 * index + 2, 4 * index + 3)]
    assert is_linearizable(steps, None, steps_max=7000) is True
