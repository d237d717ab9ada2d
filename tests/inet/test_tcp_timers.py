"""When a connection does something by itself: the exact deadlines that Linux's constants give."""

import errno
from itertools import accumulate

import pytest

from actors.inet.rto import RtoEstimator
from actors.inet.states import State
from actors.inet.tcp_segment import ACK, FIN, RST, SYN
from actors.inet.tcp_settings import DELAYED_ACK_NS
from tests.inet.puppet import OURS, THEIRS, Puppet, flags_of

MILLISECOND = 10**6
SECOND = 10**9


def milliseconds(deadlines: list[int]) -> list[int]:
    return [each // MILLISECOND for each in deadlines]


def test_a_syn_is_sent_seven_times_in_127_seconds() -> None:
    puppet = Puppet().reach(State.SYN_SENT)
    assert milliseconds(puppet.deadlines(20)) == [1000, 3000, 7000, 15_000, 31_000, 63_000, 127_000]
    assert puppet.connection.error == errno.ETIMEDOUT


def test_the_answer_to_a_syn_is_sent_six_times_in_63_seconds() -> None:
    puppet = Puppet().reach(State.SYN_RECEIVED)
    assert milliseconds(puppet.deadlines(20)) == [1000, 3000, 7000, 15_000, 31_000, 63_000]
    assert puppet.state is State.CLOSED


def test_data_is_sent_again_fifteen_times_in_924_600_ms() -> None:
    puppet = Puppet().open()
    puppet.send(10)
    expected = list(accumulate([200 << times for times in range(10)] + [120_000] * 6))
    sent = []
    for due_ms in expected[:-1]:
        assert puppet.connection.next_deadline_ns == due_ms * MILLISECOND
        sent += [each.sequence for each in puppet.at(due_ms * MILLISECOND)]
    assert sent == [OURS + 1] * 15
    assert milliseconds(puppet.deadlines(9)) == [924_600]
    assert puppet.connection.error == errno.ETIMEDOUT


def test_an_acknowledgement_ends_the_backoff() -> None:
    puppet = Puppet().open()
    puppet.send(10)
    puppet.at(1400 * MILLISECOND)
    puppet.give(ACK, acknowledgement=OURS + 6)
    assert puppet.connection.next_deadline_ns == 1600 * MILLISECOND


def test_a_lost_syn_without_a_measurement_makes_the_first_timeout_three_seconds() -> None:
    puppet = Puppet().reach(State.SYN_SENT)
    puppet.at(SECOND)
    puppet.give(SYN | ACK, THEIRS, OURS + 1, options=puppet.syn_options())
    assert puppet.tcb.recovery.congestion.window == 1000, "and the first window one segment"
    puppet.send(10)
    assert puppet.connection.next_deadline_ns == 4 * SECOND


def test_the_estimator_follows_rfc_6298() -> None:
    rto = RtoEstimator()
    assert rto.timeout_ns == SECOND
    rto.sample(400 * MILLISECOND)
    assert rto.timeout_ns == (400 + 4 * 200) * MILLISECOND
    rto.sample(800 * MILLISECOND)
    assert rto.smoothed_ns == 450 * MILLISECOND
    assert rto.variance_ns == 250 * MILLISECOND
    assert rto.timeout_ns == 1450 * MILLISECOND
    rto.backoff = 30
    assert rto.timeout_ns == 120 * SECOND
    steady = RtoEstimator()
    for _ in range(100):
        steady.sample(10 * MILLISECOND)
    assert steady.timeout_ns == 210 * MILLISECOND


def test_a_round_trip_is_not_taken_from_what_was_sent_twice() -> None:
    puppet = Puppet().open()
    puppet.send(10)
    puppet.at(300 * MILLISECOND)
    puppet.give(ACK, acknowledgement=OURS + 11)
    assert puppet.tcb.recovery.rto.smoothed_ns == 0


def test_timestamps_measure_what_was_sent_twice() -> None:
    puppet = Puppet(timestamps=True).open()
    puppet.send(10)
    puppet.at(200 * MILLISECOND)
    again = puppet.out[-1].options.timestamps
    assert again is not None
    puppet.now_ns += 80 * MILLISECOND
    puppet.give(
        ACK, acknowledgement=OURS + 11, options=puppet.syn_options()._replace(timestamps=(100, again[0]))
    )
    assert puppet.tcb.recovery.rto.smoothed_ns == 10 * MILLISECOND


def test_one_segment_is_acknowledged_after_40_ms_and_more_at_once() -> None:
    puppet = Puppet().open()
    assert puppet.give(ACK, payload=bytes(1000)) == []
    assert milliseconds(puppet.deadlines(1)) == [40]
    assert puppet.out[-1].acknowledgement == THEIRS + 1001
    assert puppet.give(ACK, THEIRS + 1001, payload=bytes(1000)) == []
    assert len(puppet.give(ACK, THEIRS + 2001, payload=bytes(1000))) == 1
    assert puppet.connection.next_deadline_ns is None


def test_an_acknowledgement_rides_on_data() -> None:
    puppet = Puppet().open()
    puppet.give(ACK, payload=b"ask")
    assert [each.acknowledgement for each in puppet.send(5)] == [THEIRS + 4]
    assert puppet.connection.next_deadline_ns == 200 * MILLISECOND


def test_a_closed_window_is_asked_about_for_as_long_as_it_is_answered() -> None:
    puppet = Puppet().open()
    puppet.give(ACK, window=0)
    assert puppet.send(10) == []
    due_ms = 0
    for times in range(25):
        due_ms += min(200 << times, 120_000)
        assert puppet.connection.next_deadline_ns == due_ms * MILLISECOND
        probes = puppet.at(due_ms * MILLISECOND)
        assert [(each.sequence, len(each.payload), each.flags) for each in probes] == [(OURS, 0, ACK)]
        puppet.give(ACK, window=0)
    answers = puppet.give(ACK, window=5)
    assert [len(each.payload) for each in answers] in ([], [5])


def test_a_closed_window_that_is_never_answered_for_ends_the_connection() -> None:
    puppet = Puppet().open()
    puppet.give(ACK, window=0)
    puppet.send(10)
    assert milliseconds(puppet.deadlines(99))[-1] == 924_600
    assert puppet.connection.error == errno.ETIMEDOUT


def test_a_window_that_opens_lets_data_go_at_once() -> None:
    puppet = Puppet().open()
    puppet.give(ACK, window=0)
    puppet.send(2500)
    puppet.at(200 * MILLISECOND)
    assert [len(each.payload) for each in puppet.give(ACK, window=2000)] == [1000, 1000]


def test_a_small_window_is_used_by_and_by() -> None:
    puppet = Puppet().open()
    puppet.give(ACK, window=10)
    assert puppet.send(100) == []
    assert [len(each.payload) for each in puppet.at(200 * MILLISECOND)] == [10]


@pytest.mark.parametrize("window", [0, 60_000])
def test_the_user_timeout_ends_what_waits(window: int) -> None:
    puppet = Puppet(user_timeout_ns=5 * SECOND).open()
    puppet.give(ACK, window=window)
    puppet.send(10)
    puppet.at(3 * SECOND)
    if window:
        puppet.give(ACK, acknowledgement=OURS + 6)
    else:
        puppet.give(ACK, window=0)
    ended = 8 if window else 5
    assert puppet.deadlines(99)[-1] == ended * SECOND
    assert puppet.connection.error == errno.ETIMEDOUT


def test_a_silent_peer_is_asked_nine_times() -> None:
    puppet = Puppet(keepalive=True).open()
    expected = [7200 + 75 * times for times in range(10)]
    assert [each // SECOND for each in puppet.deadlines(8)] == expected[:8]
    assert flags_of(puppet.at(expected[8] * SECOND)) == [ACK]
    assert puppet.out[0].sequence == OURS
    assert flags_of(puppet.at(expected[9] * SECOND)) == [RST | ACK]
    assert puppet.connection.error == errno.ETIMEDOUT


def test_a_peer_that_answers_lives() -> None:
    puppet = Puppet(keepalive=True).open()
    puppet.at(7200 * SECOND)
    puppet.now_ns += SECOND
    puppet.give(ACK)
    puppet.at(7275 * SECOND)
    assert puppet.connection.next_deadline_ns == (7201 + 7200) * SECOND


def test_a_fin_is_sent_again() -> None:
    puppet = Puppet().open()
    puppet.connection.shutdown(0)
    assert flags_of(puppet.at(200 * MILLISECOND)) == [FIN | ACK]
    puppet.give(ACK, acknowledgement=OURS + 2)
    assert puppet.connection.next_deadline_ns is None


def test_the_first_segments_and_those_after_a_pause_are_acknowledged_at_once() -> None:
    puppet = Puppet(quick=True).open()
    sequence = THEIRS + 1

    def answered(size: int = 100) -> bool:
        nonlocal sequence
        sent = puppet.give(ACK, sequence, payload=bytes(size))
        sequence += size
        return bool(sent)

    assert [answered() for _ in range(18)] == [True] * 16 + [False] * 2
    puppet.at(SECOND)
    assert answered()
    puppet.send(10)
    assert not answered()
    assert ACK in flags_of(puppet.at(SECOND + DELAYED_ACK_NS))
    assert answered()
    assert len(puppet.give(ACK, sequence - 100, payload=bytes(100))) == 1
