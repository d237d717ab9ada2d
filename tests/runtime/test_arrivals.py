"""A peer's messages in turns: none is lost, none too many come at once, and nonsense comes last."""

from dataclasses import dataclass

import msgpack
import pytest

from actors.runtime.arrivals import BYTES_PER_TURN, MESSAGES_PER_TURN, Arrivals
from actors.runtime.codec import MAX_FRAME_BYTES, Codec, wire
from actors.runtime.framing import cut_between_messages, frame, hello_frame


@wire(1)
@dataclass(slots=True)
class Note:
    number: int
    blob: bytes = b""


CODEC = Codec(Note)
BAD = msgpack.packb([9])


def notes(count: int, blob: bytes = b"") -> bytes:
    return b"".join(CODEC.encode(Note(number, blob)) for number in range(count))


def arrivals() -> Arrivals:
    made = Arrivals(MAX_FRAME_BYTES, CODEC.decode_frame)
    assert made.take(memoryview(hello_frame())) == []
    return made


def turns(made: Arrivals, data: bytes) -> list[list[object]]:
    found = [made.take(memoryview(data))]
    while made.waiting:
        assert made.violation is None
        found.append(made.more())
    return found


def numbers(found: list[list[object]]) -> list[int]:
    return [each.number for turn in found for each in turn if isinstance(each, Note)]


@pytest.mark.parametrize("count", [1, MESSAGES_PER_TURN, MESSAGES_PER_TURN + 1, 5000])
def test_many_messages_in_a_frame_come_in_order_and_no_more_than_a_turn_has(count: int) -> None:
    found = turns(arrivals(), frame(notes(count)))

    assert numbers(found) == list(range(count))
    assert max(map(len, found)) <= MESSAGES_PER_TURN
    assert len(found) == -(-count // MESSAGES_PER_TURN)


def test_many_frames_that_arrive_together_are_bounded_as_one() -> None:
    found = turns(arrivals(), frame(notes(3)) * 500)

    assert numbers(found) == [0, 1, 2] * 500
    assert max(map(len, found)) <= MESSAGES_PER_TURN


def test_large_messages_come_few_at_a_time() -> None:
    found = turns(arrivals(), frame(notes(40, bytes(BYTES_PER_TURN // 2))))

    assert numbers(found) == list(range(40))
    assert max(map(len, found)) <= 4


def test_a_message_larger_than_a_turn_has_one_of_its_own() -> None:
    found = turns(arrivals(), frame(notes(3, bytes(3 * BYTES_PER_TURN))))

    assert [len(each) for each in found] == [1, 1, 1]


@pytest.mark.parametrize("before", [0, 1, 127, 128, 129, 3000])
def test_nonsense_in_a_later_frame_comes_behind_what_was_before_it(before: int) -> None:
    made = arrivals()
    data = (frame(notes(before)) if before else b"") + frame(BAD) + frame(notes(7))

    assert numbers(turns(made, data)) == list(range(before))
    assert "unknown tag 9" in str(made.violation)


def test_a_length_that_cannot_be_comes_behind_what_was_before_it() -> None:
    made = arrivals()

    assert numbers(turns(made, frame(notes(300)) + bytes(4))) == list(range(300))
    assert "frame of 0 bytes" in str(made.violation)


def test_nonsense_in_a_small_frame_undoes_all_of_it() -> None:
    made = arrivals()

    assert turns(made, frame(notes(5) + BAD)) == [[]]
    assert "message 5 of the frame" in str(made.violation)


@pytest.mark.parametrize("tail", [BAD, b"\xc1", b"\x92\x01\xdd\xff\xff\xff\xff", b"\x91" * 9000, b"\x92\x01"])
def test_nonsense_at_the_end_of_a_large_frame_is_found(tail: bytes) -> None:
    made = arrivals()
    found = numbers(turns(made, frame(notes(3000) + tail)))

    assert found == list(range(len(found)))
    assert len(found) > 2000
    assert made.violation is not None


def test_what_is_dropped_does_not_come() -> None:
    made = arrivals()
    made.take(memoryview(frame(notes(1000))))
    assert made.waiting
    made.drop()

    assert not made.waiting
    assert made.more() == []


def test_a_cut_never_goes_through_a_message() -> None:
    body = b"".join(CODEC.encode(Note(number, bytes(number % 50))) for number in range(500))
    pieces = cut_between_messages(body, 100)

    assert b"".join(pieces) == body
    assert numbers([CODEC.decode_frame(piece) for piece in pieces]) == list(range(500))
    assert all(100 <= len(piece) < 160 for piece in pieces[:-1])
