"""Two checkers that know nothing of each other must agree on every small history."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.studies.campaign.linearizer import IMPOSSIBLE, TimedStep, is_linearizable
from cluster.studies.campaign.registers import Access, register_violation


def write(value: int, began: int, ended: int | None) -> Access:
    return Access(True, value, began, ended)


def read(value: int, began: int, ended: int | None) -> Access:
    return Access(False, value, began, ended)


def test_what_is_read_after_a_write_is_that_write() -> None:
    assert not register_violation([write(1, 0, 1), read(1, 2, 3), write(2, 4, 5), read(2, 6, 7)])


def test_a_read_of_what_was_overwritten_is_a_violation() -> None:
    history = [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)]
    assert "was there before and after" in register_violation(history) or register_violation(history)


def test_a_read_of_the_old_value_is_allowed_while_the_write_goes_on_and_not_back_again() -> None:
    overlapping = [write(1, 0, 1), write(2, 2, 9), read(1, 3, 4), read(2, 5, 6)]
    assert not register_violation(overlapping)
    assert register_violation([*overlapping, read(1, 7, 8)])


def test_a_value_that_nobody_wrote_is_a_violation() -> None:
    assert register_violation([read(5, 0, 1)]) == "a read gave 0x5, which nobody wrote"


def test_a_read_before_the_write_began_is_a_violation() -> None:
    assert "before it was written" in register_violation([read(1, 0, 1), write(1, 2, 3)])


def test_a_write_that_nobody_answered_may_have_happened_late_or_never() -> None:
    assert not register_violation([write(1, 0, None), write(2, 1, 2), read(2, 3, 4), read(1, 5, 6)])
    assert not register_violation([write(1, 0, None), write(2, 1, 2), read(2, 3, 4)])
    assert register_violation([write(1, 0, None), write(2, 1, 2), read(1, 3, 4), read(2, 5, 6)])


def test_a_register_begins_with_its_initial_value() -> None:
    assert not register_violation([read(7, 0, 1), write(1, 2, 3)], initial=7)
    assert register_violation([write(1, 2, 3), read(7, 4, 5)], initial=7)


@st.composite
def histories(draw: st.DrawFn) -> list[Access]:
    """Up to six operations whose ends lie anywhere behind their beginnings; each value is written once."""
    count = draw(st.integers(1, 6))
    times = draw(st.permutations(range(2 * count)))
    accesses, value = [], 0
    for index in range(count):
        began, ended = sorted(times[2 * index : 2 * index + 2])
        if draw(st.booleans()):
            value += 1
            accesses.append(write(value, began, draw(st.sampled_from([ended, ended, None]))))
        else:
            accesses.append(read(draw(st.integers(0, 4)), began, ended))
    return accesses


def as_steps(accesses: list[Access]) -> list[TimedStep]:
    def step(access: Access) -> TimedStep:
        if access.writes:
            return TimedStep(lambda _state: access.value, access.began, access.ended)
        return TimedStep(
            lambda state: state if state == access.value else IMPOSSIBLE, access.began, access.ended
        )

    return [step(each) for each in accesses]


@settings(max_examples=1500, deadline=None)
@given(histories())
def test_the_fast_checker_says_what_the_search_says(history: list[Access]) -> None:
    assert (register_violation(history) == "") is is_linearizable(as_steps(history), 0)
