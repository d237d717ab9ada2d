"""Positions, ranges and buffers against naive models."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from actors.inet.ranges import Ranges
from actors.inet.reassembly import Reassembly
from actors.inet.scoreboard import Scoreboard
from actors.inet.send_buffer import SendBuffer
from actors.inet.sequence import on_wire, position_of

spans = st.tuples(st.integers(0, 40), st.integers(1, 10)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1]))


@given(st.integers(0, 2**40), st.integers(-(2**31), 2**31 - 1))
def test_a_position_comes_back_from_the_wire(near: int, distance: int) -> None:
    assert position_of(on_wire(near + distance), near) == near + distance


@given(st.lists(spans), spans, st.integers(0, 50))
def test_ranges_are_a_set(added: list[tuple[int, int]], asked: tuple[int, int], below: int) -> None:
    ranges, model = Ranges(), set()
    for start, end in added:
        assert ranges.add(start, end) == len(set(range(start, end)) - model)
        model |= set(range(start, end))
        ranges.check()
    missing = set(range(*asked)) - model
    assert {each for gap in ranges.gaps(*asked) for each in range(*gap)} == missing
    around = ranges.around(asked[0])
    assert (around is not None) == (asked[0] in model)
    if around is not None:
        assert set(range(*around)) <= model
        assert around[0] - 1 not in model
        assert around[1] not in model
    ranges.drop_below(below)
    ranges.check()
    assert {each for span in ranges for each in range(*span)} == {each for each in model if each >= below}


@given(st.lists(spans, max_size=20), st.integers(0, 3))
def test_what_comes_in_any_order_leaves_in_order(arrivals: list[tuple[int, int]], start: int) -> None:
    stream = Random(1).randbytes(60)
    buffer = Reassembly(1000)
    buffer.next = start
    model = set(range(start))
    got = b""
    for first, end in arrivals:
        if end <= buffer.next:
            continue
        before = buffer.next
        fresh = buffer.insert(first, memoryview(stream)[first:end])
        model |= set(range(first, end))
        buffer.check()
        expected = next(each for each in range(100) if each not in model)
        assert buffer.next == expected
        assert fresh == expected - before
        for block in buffer.sack_blocks(4):
            assert set(range(*block)) <= model
        if any(each > buffer.next for each in model):
            assert buffer.has_gap
            newest = buffer.sack_blocks(4)[0]
            assert end <= buffer.next or newest[0] <= max(first, before) < newest[1]
        got += buffer.read(3)
    got += buffer.read(1000)
    assert got == stream[start : buffer.next]


def test_what_waits_is_told_however_much_comes_before_it() -> None:
    buffer = Reassembly(1000)
    buffer.insert(500, bytes(10))
    for position in range(100):
        buffer.insert(position, bytes(1))
    assert buffer.sack_blocks(3) == ((500, 510),)
    for position in range(501, 510):
        buffer.insert(position, bytes(1))
    buffer.insert(700, bytes(1))
    buffer.insert(300, bytes(1))
    assert buffer.sack_blocks(3) == ((300, 301), (700, 701), (500, 510))


@given(st.lists(st.binary(min_size=1, max_size=30) | st.binary(min_size=5000, max_size=5100)), st.data())
def test_a_send_buffer_holds_what_it_was_given(writes: list[bytes], data: st.DataObject) -> None:
    buffer = SendBuffer(12_000)
    stream = b""
    for each in writes:
        taken = buffer.append(each)
        assert taken == min(len(each), 12_000 - len(stream))
        stream += each[:taken]
    buffer.begin(1000)
    released = 0
    for _ in range(3):
        if released < len(stream):
            first = data.draw(st.integers(released, len(stream) - 1))
            size = data.draw(st.integers(1, len(stream) - first))
            pieces = buffer.pieces(1000 + first, size)
            assert all(pieces)
            assert b"".join(pieces) == stream[first : first + size]
        released = data.draw(st.integers(released, len(stream)))
        buffer.release(1000 + released)
        assert (buffer.start, buffer.end) == (1000 + released, 1000 + len(stream))


def test_what_is_sent_or_waits_for_its_reader_is_not_copied() -> None:
    given, came = bytes(9000), bytes(9000)
    buffer = SendBuffer(1 << 20)
    buffer.append(given)
    buffer.append(given)
    views = buffer.pieces(4000, 10_000)
    assert [(view.obj is given, len(view)) for view in map(memoryview, views)] == [(True, 5000), (True, 5000)]
    waiting = Reassembly(1 << 20)
    for position in (4000, 0):
        waiting.insert(position, memoryview(came)[position : position + 4000])
    assert all(memoryview(piece).obj is came for piece in waiting._ordered)


def test_three_segments_above_or_three_ranges_make_a_loss() -> None:
    board = Scoreboard()
    board.advance(0)
    board.record([(1000, 3000)])
    board.find_lost(1000)
    assert board.hole() is None
    board.record([(3000, 3001)])
    board.find_lost(1000)
    assert board.hole() == (0, 1000)
    board = Scoreboard()
    board.advance(0)
    board.record([(10, 11), (20, 21)])
    board.find_lost(1000)
    assert board.hole() is None
    board.record([(30, 31)])
    board.find_lost(1000)
    assert board.hole() == (0, 10)


def test_what_is_lost_and_not_sent_again_is_not_in_flight() -> None:
    board = Scoreboard()
    board.advance(0)
    board.record([(1000, 2000), (3000, 6000)])
    board.find_lost(1000)
    assert board.lost_edge == 3000
    assert board.pipe(0, 10_000) == 4000
    board.resent_to = 500
    assert board.pipe(0, 10_000) == 4500
    board.resent_to = 1000
    assert board.hole() == (2000, 3000)


def test_a_peer_that_takes_back_what_it_sacked_is_sent_all_again() -> None:
    board = Scoreboard()
    board.advance(0)
    board.record([(1000, 2000)])
    board.all_lost(0, 3000)
    assert (board.hole(), board.pipe(0, 3000)) == ((0, 1000), 0)
    board.advance(1000 - 1)
    board.sacked.add(999, 2000)
    board.all_lost(999, 3000)
    assert board.hole() == (999, 3000)
