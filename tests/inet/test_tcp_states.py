"""The states of a connection, and what each does with what should not come."""

import errno

import pytest

from actors.inet.states import TRANSITIONS, State, Step
from actors.inet.tcb import TcpEvent
from actors.inet.tcp_options import TcpOptions
from actors.inet.tcp_segment import ACK, FIN, PSH, RST, SYN
from actors.inet.tcp_settings import DELAYED_ACK_NS
from tests.inet.puppet import OURS, THEIRS, Puppet, flags_of

SECOND = 10**9
SYNCHRONISED = [
    State.ESTABLISHED,
    State.FIN_WAIT_1,
    State.FIN_WAIT_2,
    State.CLOSING,
    State.CLOSE_WAIT,
    State.LAST_ACK,
    State.TIME_WAIT,
]


def test_opening() -> None:
    puppet = Puppet()
    puppet.connection.connect(OURS, 0)
    assert [(each.sequence, each.flags, each.options.mss) for each in puppet.out] == [(OURS, SYN, 1000)]
    answers = puppet.give(SYN | ACK, THEIRS, OURS + 1, options=TcpOptions(mss=500))
    assert [(each.sequence, each.acknowledgement, each.flags) for each in answers] == [
        (OURS + 1, THEIRS + 1, ACK)
    ]
    assert puppet.state is State.ESTABLISHED
    assert puppet.heard == [TcpEvent.CONNECTED]
    assert [len(each.payload) for each in puppet.send(1000)] == [500, 500]


def test_accepting() -> None:
    puppet = Puppet().reach(State.SYN_RECEIVED)
    assert flags_of(puppet.give(SYN, THEIRS, 0)) == [SYN | ACK]
    assert puppet.give(ACK) == []
    assert puppet.state is State.ESTABLISHED


def test_opening_at_once() -> None:
    puppet = Puppet().reach(State.SYN_SENT)
    answers = puppet.give(SYN, THEIRS, 0, options=puppet.syn_options())
    assert [(each.sequence, each.acknowledgement, each.flags) for each in answers] == [
        (OURS, THEIRS + 1, SYN | ACK)
    ]
    assert puppet.state is State.SYN_RECEIVED
    puppet.give(SYN | ACK, THEIRS, OURS + 1)
    assert puppet.state is State.ESTABLISHED
    assert [len(each.payload) for each in puppet.send(10)] == [10]


def test_closing_first() -> None:
    puppet = Puppet().open()
    puppet.connection.shutdown(0)
    assert flags_of(puppet.out) == [FIN | ACK]
    assert puppet.state is State.FIN_WAIT_1
    puppet.give(ACK, acknowledgement=OURS + 2)
    assert puppet.state is State.FIN_WAIT_2
    assert flags_of(puppet.give(FIN | ACK, acknowledgement=OURS + 2)) == [ACK]
    assert puppet.state is State.TIME_WAIT
    assert puppet.deadlines(5) == [60 * SECOND]
    assert puppet.state is State.CLOSED
    assert puppet.heard == [TcpEvent.CONNECTED, TcpEvent.FINISHED, TcpEvent.CLOSED]
    assert puppet.connection.error is None


def test_closing_second() -> None:
    puppet = Puppet().open()
    assert puppet.give(FIN | ACK) == []
    assert puppet.state is State.CLOSE_WAIT
    assert [each.acknowledgement for each in puppet.at(DELAYED_ACK_NS)] == [THEIRS + 2]
    assert len(puppet.send(10)) == 1
    puppet.give(ACK, THEIRS + 2, OURS + 11)
    puppet.connection.shutdown(0)
    assert puppet.state is State.LAST_ACK
    puppet.give(ACK, THEIRS + 2, OURS + 12)
    assert puppet.state is State.CLOSED
    assert puppet.connection.error is None


def test_closing_at_once() -> None:
    puppet = Puppet().open()
    puppet.connection.shutdown(0)
    puppet.give(FIN | ACK)
    assert puppet.state is State.CLOSING
    puppet.give(ACK, THEIRS + 2, OURS + 2)
    assert puppet.state is State.TIME_WAIT


def test_a_fin_that_acknowledges_ours_skips_fin_wait_2() -> None:
    puppet = Puppet().reach(State.FIN_WAIT_1)
    puppet.give(FIN | ACK, acknowledgement=OURS + 2)
    assert puppet.state is State.TIME_WAIT


def test_a_fin_goes_with_the_last_byte_and_after_all_before_it() -> None:
    puppet = Puppet().open()
    puppet.send(500)
    puppet.send(1500)
    puppet.out.clear()
    puppet.connection.shutdown(0)
    assert [(each.sequence - OURS, len(each.payload), each.flags) for each in puppet.out] == [
        (1501, 500, FIN | PSH | ACK)
    ]


def test_a_fin_waits_for_a_window() -> None:
    puppet = Puppet().open()
    puppet.give(ACK, window=10)
    puppet.send(10)
    puppet.out.clear()
    puppet.connection.shutdown(0)
    assert puppet.out == []
    puppet.give(ACK, acknowledgement=OURS + 11, window=0)
    assert flags_of(puppet.give(ACK, acknowledgement=OURS + 11, window=1)) == [FIN | ACK]


def test_a_fin_beyond_a_gap_waits_for_what_is_missing() -> None:
    puppet = Puppet().open()
    puppet.give(FIN | ACK, THEIRS + 11, payload=b"b" * 10)
    assert puppet.state is State.ESTABLISHED
    answers = puppet.give(ACK, THEIRS + 1, payload=b"a" * 10)
    assert puppet.state is State.CLOSE_WAIT
    assert answers[-1].acknowledgement == THEIRS + 22
    assert puppet.connection.recv(100, 0) == b"a" * 10 + b"b" * 10


def test_time_wait_answers_a_fin_again_and_begins_anew() -> None:
    puppet = Puppet().reach(State.TIME_WAIT)
    puppet.at(30 * SECOND)
    assert flags_of(puppet.give(FIN | ACK, acknowledgement=OURS + 2)) == [ACK]
    assert puppet.deadlines(1) == [90 * SECOND]


def test_nobody_waits_for_ever_in_fin_wait_2() -> None:
    puppet = Puppet().reach(State.FIN_WAIT_2)
    assert puppet.connection.next_deadline_ns is None
    puppet.connection.close(0)
    assert puppet.deadlines(5) == [60 * SECOND]
    assert puppet.state is State.CLOSED


def test_closing_with_unread_data_resets() -> None:
    puppet = Puppet().open()
    puppet.give(ACK, payload=b"data")
    puppet.out.clear()
    puppet.connection.close(0)
    assert flags_of(puppet.out) == [RST | ACK]
    assert puppet.connection.error == errno.ECONNABORTED


def test_data_for_nobody_resets() -> None:
    puppet = Puppet().open()
    puppet.connection.close(0)
    assert flags_of(puppet.give(ACK, payload=b"data")) == [RST | ACK]
    assert puppet.state is State.CLOSED


@pytest.mark.parametrize("state", SYNCHRONISED)
def test_a_syn_is_challenged(state: State) -> None:
    puppet = Puppet().reach(state)
    for sequence in (THEIRS + 5000, puppet.tcb.receive.next):
        puppet.now_ns += SECOND
        assert flags_of(puppet.give(SYN, sequence)) == [ACK]
    assert puppet.state is state


@pytest.mark.parametrize("state", SYNCHRONISED)
def test_a_reset_counts_only_where_it_is_exact(state: State) -> None:
    puppet = Puppet().reach(state)
    exact = puppet.tcb.receive.next
    assert puppet.give(RST, exact + 500_000_000) == []
    assert puppet.give(RST, exact - 1) in ([], puppet.out)
    puppet.now_ns += SECOND
    assert flags_of(puppet.give(RST, exact + 1)) == [ACK]
    assert puppet.give(RST, exact + 1) == [], "challenges are limited"
    assert puppet.state is state
    assert puppet.give(RST, exact) == []
    assert puppet.state is State.CLOSED
    expected = {State.TIME_WAIT: None, State.CLOSE_WAIT: errno.EPIPE}
    assert puppet.connection.error == expected.get(state, errno.ECONNRESET)


@pytest.mark.parametrize("state", [*SYNCHRONISED, State.SYN_RECEIVED])
@pytest.mark.parametrize("distance", [-1, 1_000_000])
def test_what_is_outside_of_the_window_is_only_acknowledged(state: State, distance: int) -> None:
    puppet = Puppet().reach(state)
    expected, before = puppet.tcb.receive.next, puppet.tcb.send.una
    sequence = expected + distance - (1 if distance < 0 else 0)
    answers = puppet.give(ACK, sequence, puppet.tcb.send.nxt, b"" if distance > 0 else b"x")
    assert [each.acknowledgement for each in answers] == [expected]
    if distance > 0:
        assert (puppet.state, puppet.tcb.send.una) == (state, before)


def test_an_acknowledgement_of_what_was_never_sent_is_challenged() -> None:
    puppet = Puppet().open()
    puppet.send(10)
    assert flags_of(puppet.give(ACK, acknowledgement=OURS + 12, payload=b"injected")) == [ACK]
    assert puppet.connection.recv(10, 0) == b""
    puppet.now_ns += SECOND
    assert flags_of(puppet.give(ACK, acknowledgement=OURS - 70_000, payload=b"injected")) == [ACK]
    assert puppet.connection.recv(10, 0) == b""


def test_refusals_of_a_syn() -> None:
    puppet = Puppet().reach(State.SYN_SENT)
    assert puppet.give(ACK, acknowledgement=OURS) == []
    assert puppet.refused
    puppet.give(RST | ACK, acknowledgement=OURS + 2)
    puppet.give(RST, acknowledgement=OURS + 1)
    assert puppet.state is State.SYN_SENT
    puppet.give(RST | ACK, acknowledgement=OURS + 1)
    assert puppet.state is State.CLOSED
    assert puppet.connection.error == errno.ECONNREFUSED


def test_old_duplicates_of_a_wrong_acknowledgement_are_reset_while_opening() -> None:
    puppet = Puppet().reach(State.SYN_RECEIVED)
    puppet.give(ACK, acknowledgement=OURS + 2)
    assert puppet.refused
    assert puppet.state is State.SYN_RECEIVED


def test_old_timestamps_are_rejected() -> None:
    puppet = Puppet(timestamps=True).open()
    puppet.give(ACK, payload=b"a", options=TcpOptions(timestamps=(200, 0)))
    puppet.give(ACK, THEIRS + 2, payload=b"b", options=TcpOptions(timestamps=(199, 0)))
    assert puppet.tcb.outcome.statistics.paws_rejected == 1
    puppet.give(ACK, THEIRS + 2, payload=b"c", options=TcpOptions(timestamps=(200, 0)))
    assert puppet.connection.recv(9, 0) == b"ac"
    puppet.now_ns = 25 * 86400 * SECOND
    puppet.give(ACK, THEIRS + 3, payload=b"d", options=TcpOptions(timestamps=(10, 0)))
    assert puppet.connection.recv(9, 0) == b"d"


def test_writing_after_the_end_is_a_broken_pipe() -> None:
    puppet = Puppet().open()
    puppet.connection.shutdown(0)
    with pytest.raises(OSError, match="no more data") as refused:
        puppet.connection.send(b"x", 0)
    assert refused.value.errno == errno.EPIPE


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_every_step_has_its_entry_or_none(state: State, step: Step) -> None:
    puppet = Puppet()
    puppet.tcb.state = state
    if (state, step) in TRANSITIONS:
        puppet.tcb.step(step)
        assert puppet.state is TRANSITIONS[state, step]
    else:
        with pytest.raises(KeyError):
            puppet.tcb.step(step)
        assert puppet.state is state
