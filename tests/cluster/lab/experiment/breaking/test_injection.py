import pytest

from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.faults.kinds import FAULT_KINDS


@pytest.fixture
def injection() -> Injection:
    return Injection(1, "crash", "host0", "dom0", 1000, waiting_for={"a": None, "b": None})


def test_it_is_over_with_the_last_guest_that_is_answered(injection: Injection) -> None:
    injection.target_started(2000)
    injection.answered("b", 2500)
    assert injection.is_open
    injection.answered("a", 3000)

    assert not injection.is_open
    assert injection.recovered_at_ns == 3000


@pytest.mark.parametrize("at_ns", [500, 1500, 2000])
def test_an_answer_from_before_the_target_ran_again_does_not_count(injection: Injection, at_ns: int) -> None:
    injection.target_started(2000)
    injection.answered("a", at_ns)

    assert list(injection.waiting_for) == ["a", "b"]


def test_nothing_recovers_before_the_target_runs(injection: Injection) -> None:
    injection.answered("a", 5000)

    assert list(injection.waiting_for) == ["a", "b"]


def test_the_first_start_of_the_target_counts(injection: Injection) -> None:
    injection.target_started(2000)
    injection.target_started(4000)

    assert injection.restarted_at_ns == 2000


def test_a_guest_that_is_not_affected_changes_nothing(injection: Injection) -> None:
    injection.target_started(2000)
    injection.answered("c", 3000)
    injection.left("c", 3000)

    assert list(injection.waiting_for) == ["a", "b"]


def test_a_guest_that_left_is_not_waited_for(injection: Injection) -> None:
    injection.target_started(2000)
    injection.left("a", 2100)
    injection.answered("b", 2200)

    assert injection.recovered_at_ns == 2200


def test_it_is_given_up_if_all_left_before_the_target_ran(injection: Injection) -> None:
    injection.left("a", 2100)
    injection.left("b", 2200)

    assert not injection.is_open
    assert injection.recovered_at_ns is None


def test_a_late_answer_of_the_dead_one_is_no_service(injection: Injection) -> None:
    injection.target_started(2000)

    assert not injection.is_served("a", oldest_issue_ns=1500, last_success_ns=2100, now_ns=2200)
    assert injection.is_served("a", oldest_issue_ns=2500, last_success_ns=2600, now_ns=2700)


def test_a_guest_without_old_requests_is_served_when_a_new_one_is_answered(injection: Injection) -> None:
    injection.target_started(2000)

    assert not injection.is_served("a", oldest_issue_ns=0, last_success_ns=2100, now_ns=2200)
    assert not injection.is_served("a", oldest_issue_ns=2300, last_success_ns=2100, now_ns=2400)
    assert injection.is_served("a", oldest_issue_ns=0, last_success_ns=2500, now_ns=2600)


@pytest.mark.parametrize(
    ("kind", "lasting", "lifted", "turn"),
    [
        ("crash", False, False, "restarted"),
        ("kill -9", False, False, "restarted"),
        ("hang", False, False, "restarted"),
        ("hang", True, False, "restarted"),
        ("hang", True, True, "went on"),
        ("host-power-loss", True, True, "power back"),
        ("toolstack-kill", True, True, "xl started again"),
        ("frontend-disconnect", True, True, "opened again"),
        ("frontend-disconnect", False, False, ""),
        ("disk-stall", True, True, "over"),
        ("link-delay", True, True, "over"),
        ("link-heal", False, False, ""),
    ],
)
def test_what_comes_before_recovery_has_its_own_word(
    kind: str, lasting: bool, lifted: bool, turn: str
) -> None:
    known = FAULT_KINDS.get(kind)
    injection = Injection(1, kind, "host0", "dom0", 1000, mortal=known is None or known.deadly)
    injection.lasting, injection.lifted = lasting, lifted

    assert injection.turn == turn
