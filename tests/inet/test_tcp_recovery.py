"""What is lost is sent again before the timer says so, and what is sent keeps to the windows."""

import pytest

from actors.inet.tcp_options import TcpOptions
from actors.inet.tcp_segment import ACK, PSH, Segment
from tests.inet.puppet import OURS, THEIRS, Puppet

MILLISECOND = 10**6
FIRST = OURS + 1


def spans(segments: list[Segment]) -> list[tuple[int, int]]:
    """Of data, in bytes from the first."""
    return [(each.sequence - FIRST, each.sequence - FIRST + len(each.payload)) for each in segments]


def sacked(puppet: Puppet, acknowledged: int, *blocks: tuple[int, int]) -> list[tuple[int, int]]:
    options = TcpOptions(sack=tuple((FIRST + start, FIRST + end) for start, end in blocks))
    return spans(puppet.give(ACK, acknowledgement=FIRST + acknowledged, options=options))


def test_ten_segments_go_first_and_one_more_for_each_that_arrives() -> None:
    puppet = Puppet().open()
    assert spans(puppet.send(40_000)) == [(each, each + 1000) for each in range(0, 10_000, 1000)]
    assert sacked(puppet, 2000) == [(each, each + 1000) for each in range(10_000, 14_000, 1000)]


def test_the_third_sack_above_a_hole_sends_it_again_and_only_it() -> None:
    puppet = Puppet().open()
    puppet.send(10_000)
    assert sacked(puppet, 1000, (2000, 3000)) == []
    assert sacked(puppet, 1000, (2000, 4000)) == []
    assert sacked(puppet, 1000, (2000, 5000)) == [(1000, 2000)]
    assert puppet.tcb.recovery.congestion.window == 5000
    assert sacked(puppet, 1000, (2000, 6000)) == []
    assert sacked(puppet, 6000) == []
    assert sacked(puppet, 10_000) == []
    assert puppet.tcb.outcome.statistics.retransmitted == 1
    assert puppet.tcb.recovery.point is None


def test_two_holes_are_both_filled() -> None:
    puppet = Puppet().open()
    puppet.send(10_000)
    answers = sacked(puppet, 0, (7000, 9000), (4000, 6000), (1000, 3000))
    assert answers == [(0, 1000), (3000, 4000)]
    assert sacked(puppet, 3000, (7000, 10_000), (4000, 6000)) == [(6000, 7000)]


def test_a_sack_of_nonsense_is_ignored() -> None:
    puppet = Puppet().open()
    puppet.send(10_000)
    for block in ((0, 1000), (5000, 4000), (9000, 11_000), (-5000, -4000), (3000, 3000), (-10, 500)):
        assert sacked(puppet, 0, block) == []
    assert not puppet.tcb.recovery.scoreboard.sacked


def test_three_duplicates_do_it_without_sack_and_a_partial_acknowledgement_shows_the_next() -> None:
    puppet = Puppet(sack=False).open()
    puppet.send(10_000)
    for _ in range(2):
        assert spans(puppet.give(ACK)) == []
    assert spans(puppet.give(ACK)) == [(0, 1000)]
    assert puppet.tcb.recovery.congestion.window == 5000
    assert sacked(puppet, 4000) == [(4000, 5000)]
    assert sacked(puppet, 10_000) == []
    assert puppet.tcb.recovery.point is None


def test_duplicates_with_data_or_another_window_are_none() -> None:
    puppet = Puppet(sack=False).open()
    puppet.send(10_000)
    for times in range(6):
        puppet.give(ACK, THEIRS + 1 + times, payload=b"x")
        puppet.give(ACK, THEIRS + 2 + times, window=50_000 + times)
    assert puppet.tcb.outcome.statistics.fast_retransmits == 0


def test_a_timeout_sends_all_that_was_not_sacked_slowly() -> None:
    puppet = Puppet().open()
    puppet.send(5000)
    sacked(puppet, 0, (2000, 3000))
    assert spans(puppet.at(200 * MILLISECOND)) == [(0, 1000)]
    assert puppet.tcb.recovery.congestion.window == 1000
    assert puppet.tcb.recovery.congestion.threshold == 5000
    assert sacked(puppet, 1000, (2000, 3000)) == [(1000, 2000), (3000, 4000)]
    assert sacked(puppet, 4000) == [(4000, 5000)]


def test_a_second_timeout_does_not_halve_again() -> None:
    puppet = Puppet().open()
    puppet.send(10_000)
    puppet.at(600 * MILLISECOND)
    assert puppet.tcb.recovery.congestion.threshold == 5000


def test_idle_connections_start_with_ten_segments_again() -> None:
    puppet = Puppet().open()
    puppet.send(10_000)
    sacked(puppet, 10_000)
    assert puppet.tcb.recovery.congestion.window == 20_000
    puppet.at(10**9)
    assert len(puppet.send(30_000)) == 10


def test_what_comes_out_of_order_is_answered_with_its_ranges_newest_first() -> None:
    puppet = Puppet().open()
    answers = [
        puppet.give(ACK, THEIRS + 1 + start, payload=bytes(10))[0].options.sack
        for start in (100, 200, 300, 400, 500, 110)
    ]
    first = THEIRS + 1
    assert answers[0] == ((first + 100, first + 110),)
    assert answers[4] == tuple((first + start, first + start + 10) for start in (500, 400, 300, 200))
    assert answers[5][:2] == ((first + 100, first + 120), (first + 500, first + 510))
    filled = puppet.give(ACK, first, payload=bytes(100))
    assert filled[0].acknowledgement == first + 120


def test_small_writes_wait_for_what_is_in_flight_unless_nagle_is_off() -> None:
    puppet = Puppet().open()
    assert spans(puppet.send(10)) == [(0, 10)]
    assert spans(puppet.send(10)) == []
    assert sacked(puppet, 10) == [(10, 20)]
    assert spans(puppet.send(1010)) == [(20, 1020)]
    behind = Puppet().open()
    assert spans(behind.send(2010)) == [(0, 1000), (1000, 2000), (2000, 2010)]
    assert spans(behind.send(10)) == []
    assert sacked(behind, 2000) == []
    assert sacked(behind, 2010) == [(2010, 2020)]
    eager = Puppet(nodelay=True).open()
    assert spans(eager.send(10) + eager.send(10)) == [(0, 10), (10, 20)]


def test_no_more_is_sent_than_the_peer_allows() -> None:
    puppet = Puppet().open()
    puppet.give(ACK, window=3500)
    assert spans(puppet.send(9000)) == [(0, 1000), (1000, 2000), (2000, 3000)]


@pytest.mark.parametrize("limit", [2000, 65_160])
def test_an_interface_that_cuts_segments_gets_large_ones(limit: int) -> None:
    puppet = Puppet(offload=limit).open()
    sent = puppet.send(10_000)
    assert [len(each.payload) for each in sent] == ([2000] * 5 if limit == 2000 else [10_000])
    assert all(each.flags & PSH for each in sent)


def test_such_a_segment_is_put_together_in_its_frame_only() -> None:
    puppet = Puppet(offload=65_160).open()
    puppet.give(ACK, window=0)
    puppet.connection.send(b"1" * 9000, 0)
    puppet.connection.send(b"2" * 9000, 0)
    (sent,) = puppet.give(ACK)
    assert (bytes(sent.payload), [bytes(each) for each in sent.rest]) == (b"1" * 9000, [b"2" * 1000])


def test_a_full_buffer_closes_the_window_and_reading_opens_it() -> None:
    puppet = Puppet(receive_buffer=4000).open()
    answers = [puppet.give(ACK, THEIRS + 1 + at, payload=bytes(1000)) for at in range(0, 4000, 1000)]
    assert answers[-1][-1].window == 0
    assert [each.acknowledgement for each in puppet.give(ACK, THEIRS + 4001, payload=b"x")] == [THEIRS + 4001]
    puppet.out.clear()
    puppet.connection.recv(500, 0)
    assert puppet.out == []
    puppet.connection.recv(4000, 0)
    assert [each.window for each in puppet.out] == [4000]


def test_a_round_trip_is_not_taken_across_a_fast_retransmit() -> None:
    puppet = Puppet().open()
    puppet.send(10_000)
    puppet.now_ns = 100 * MILLISECOND
    assert sacked(puppet, 0, (1000, 4000)) == [(0, 1000)]
    sacked(puppet, 10_000)
    assert puppet.tcb.recovery.rto.smoothed_ns == 0


def test_reading_is_not_told_while_the_peer_has_room_enough() -> None:
    puppet = Puppet(receive_buffer=10_000).open()
    for at in range(0, 4000, 1000):
        puppet.give(ACK, THEIRS + 1 + at, payload=bytes(1000))
    puppet.out.clear()
    puppet.connection.recv(4000, 0)
    assert puppet.out == []
