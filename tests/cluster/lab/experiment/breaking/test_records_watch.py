"""Who still waits for the end of a fault is looked at now and then, not at everything that is said."""

from signal import SIGKILL

import pytest

from actors.messages import DomainEvent
from actors.runtime.machine import ProcessEnded
from cluster.lab.experiment.breaking.records import WATCH_NS, WATCH_NS_PER_GUEST
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.phases import IDLE_NS
from tests.cluster.lab.experiment.conducted import Experiment, S

MS = S // 1000
CRASHED = 3
ASKED = -1
"""The ticket of the request that each guest has issued."""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The guests whose answers were looked for."""
    found: list[int] = []
    real = GuestRecord.oldest_issue_ns.fget
    assert real is not None

    def counted(guest: GuestRecord) -> int:
        found.append(guest.guest_id)
        return real(guest)

    monkeypatch.setattr(GuestRecord, "oldest_issue_ns", property(counted))
    return found


@pytest.fixture
def recovering(with_fault: Experiment) -> Experiment:
    """Both guests wait for the new dom0, which runs since now."""
    for (journal,) in with_fault.boot().journals.values():
        assert journal.record_read(with_fault.now_ns) == ASKED
    with_fault.tick(2 * S)
    with_fault.give(ProcessEnded("host0/dom0", SIGKILL))
    with_fault.start(0, incarnation=2)
    return with_fault


def served(experiment: Experiment, guest_id: int) -> None:
    (journal,) = experiment.journals[guest_id]
    journal.record_read_done(ASKED, 8, experiment.now_ns)


def test_messages_are_no_reason_to_look_at_those_who_wait(looks: list[int], recovering: Experiment) -> None:
    assert looks == [1, 2], "at once when the target runs again"
    recovering.now_ns += WATCH_NS - 1
    for _ in range(10):
        recovering.say(DomainEvent(7, 1, "ready", 0))
    assert looks == [1, 2]
    assert recovering.supervisor.next_deadline_ns() <= recovering.now_ns + MS, "nor are they put off"
    recovering.tick(1)
    assert looks == [1, 2] * 2


def test_who_has_been_answered_is_not_looked_at_again(looks: list[int], recovering: Experiment) -> None:
    recovering.now_ns += MS
    served(recovering, 1)
    recovering.tick(WATCH_NS)
    looks.clear()
    served_at_ns = recovering.now_ns + MS
    recovering.tick(MS)
    served(recovering, 2)
    recovering.tick(WATCH_NS)

    assert looks == [2]
    assert recovering.supervisor.injections[0].recovered_at_ns == served_at_ns, "not when it was seen"


def test_what_becomes_of_a_guest_is_seen_at_once(looks: list[int], recovering: Experiment) -> None:
    recovering.now_ns += MS
    recovering.say(DomainEvent(1, 1, "shutdown", CRASHED))

    assert looks == [1, 2] * 2


def test_a_run_that_has_no_power_is_looked_at_no_more_often_than_before(recovering: Experiment) -> None:
    recovering.supervisor.abort()
    recovering.tick(WATCH_NS)
    assert recovering.supervisor.phase == "off"
    assert recovering.supervisor.next_deadline_ns() == recovering.now_ns + WATCH_NS


def test_an_outage_that_no_answer_has_ended_is_known_to_the_last_look(recovering: Experiment) -> None:
    guest = recovering.supervisor.lab.guests[1]
    recovering.tick(IDLE_NS)
    recovering.now_ns += WATCH_NS
    recovering.supervisor.go_down()
    recovering.tick(20 * S)
    while recovering.supervisor.breakable:
        recovering.tick(20 * S)

    assert guest.outage_seen_ns == recovering.now_ns - S


def test_many_are_looked_at_less_often() -> None:
    assert WATCH_NS_PER_GUEST * 100 == WATCH_NS
