"""The hypervisor's timers: one time a key, in order, and nothing piles up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.hypervisor.agenda import Agenda


@pytest.fixture
def agenda():
    return Agenda()


def due(agenda, now_ns):
    """Run what is due; the agenda must have taken each out before it runs."""
    for action in agenda.expired(now_ns):
        action()


def test_what_is_due_comes_in_the_order_of_time_and_then_of_setting(agenda):
    seen = []
    for key, at_ns in (("a", 5), ("b", 3), ("c", 5), ("d", 9)):
        agenda.set(key, at_ns, lambda key=key: seen.append(key))
    due(agenda, 5)
    assert seen == ["b", "a", "c"]
    assert agenda.next_ns == 9


def test_setting_a_key_again_replaces_its_time(agenda):
    seen = []
    agenda.set("a", 5, lambda: seen.append("old"))
    agenda.set("a", 9, lambda: seen.append("new"))
    due(agenda, 5)
    assert (seen, agenda.next_ns) == ([], 9)
    due(agenda, 9)
    assert (seen, agenda.next_ns) == (["new"], None)


def test_what_is_cancelled_does_not_come(agenda):
    agenda.set("a", 5, lambda: pytest.fail("cancelled"))
    agenda.cancel("a")
    agenda.cancel("never set")
    assert agenda.next_ns is None
    due(agenda, 9)


def test_an_action_may_set_its_key_again_and_cancel_another(agenda):
    seen = []

    def again():
        seen.append("a")
        agenda.cancel("b")
        agenda.set("a", 10, lambda: seen.append("later"))

    agenda.set("a", 5, again)
    agenda.set("b", 5, lambda: seen.append("b"))
    due(agenda, 5)
    assert (seen, agenda.next_ns, agenda.keys()) == (["a"], 10, ["a"])


def test_a_guest_that_sets_a_far_timer_for_ever_costs_no_memory(agenda):
    for at_ns in range(10_000):
        agenda.set("far", 1 << 60 | at_ns, lambda: None)
    assert len(agenda._heap) < 100


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20) | st.none())))
def test_the_next_time_is_the_least_of_all(steps):
    agenda, model = Agenda(), {}
    for key, at_ns in steps:
        if at_ns is None:
            agenda.cancel(key)
            model.pop(key, None)
        else:
            agenda.set(key, at_ns, lambda: None)
            model[key] = at_ns
        assert agenda.next_ns == min(model.values(), default=None)
