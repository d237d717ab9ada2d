"""Frames out of a byte stream that is cut anywhere."""

import struct
from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.codec import ProtocolViolation
from actors.runtime.framing import FrameReader, check_hello, frame, hello_frame, join_frames

PAYLOADS = [b"a", b"bc" * 40, b"d" * 300]
STREAM = hello_frame() + b"".join(map(frame, PAYLOADS))


def read(reader: FrameReader, *pieces: bytes) -> list[bytes]:
    return [bytes(payload) for piece in pieces for payload in reader.feed(memoryview(piece))]


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_stream_cut_at_any_byte_gives_the_same_payloads(cut: int) -> None:
    reader = FrameReader()
    assert read(reader, STREAM[:cut], STREAM[cut:]) == PAYLOADS
    assert not reader.partial


def test_a_stream_in_single_bytes_gives_the_same_payloads() -> None:
    reader = FrameReader()
    assert read(reader, *(STREAM[at : at + 1] for at in range(len(STREAM)))) == PAYLOADS
    assert reader.violation is None


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=8), st.lists(st.integers(1, 50)))
def test_any_payloads_in_any_pieces_come_out_whole(payloads: list[bytes], sizes: list[int]) -> None:
    stream = hello_frame() + b"".join(map(frame, payloads))
    pieces, at = [], 0
    for size in sizes:
        pieces.append(stream[at : at + size])
        at += size
    assert read(FrameReader(), *pieces, stream[at:]) == payloads


@pytest.mark.parametrize("length", [0, 101, 2**31, 2**32 - 1])
def test_a_bad_length_is_a_violation_before_its_payload_comes(length: int) -> None:
    reader = FrameReader(limit=100)
    assert read(reader, hello_frame() + frame(b"good") + struct.pack("<I", length)) == [b"good"]
    assert reader.violation is not None
    assert str(length) in str(reader.violation)


def test_a_payload_of_exactly_the_limit_passes() -> None:
    assert read(FrameReader(limit=100), hello_frame() + frame(b"x" * 100)) == [b"x" * 100]


def test_the_end_within_a_frame_can_be_told() -> None:
    reader = FrameReader()
    read(reader, STREAM[:-1])
    assert reader.partial


BAD_HELLOS = {
    "another version": msgpack.packb([0, 2]),
    "a version that is no number": msgpack.packb([0, "1"]),
    "true for a version": msgpack.packb([0, True]),
    "a message": msgpack.packb([1, 1]),
    "false for the tag": msgpack.packb([False, 1]),
    "too short": msgpack.packb([0]),
    "no array": msgpack.packb({"a": 0}),
    "not msgpack": b"\xc1",
    "two of them": msgpack.packb([0, 1]) * 2,
    "a huge claim": b"\xdd\xff\xff\xff\xff",
    "nested 100000 deep": b"\x91" * 100_000,
}


@pytest.mark.parametrize("payload", BAD_HELLOS.values(), ids=list(BAD_HELLOS))
def test_a_stream_must_open_with_a_hello_of_this_version(payload: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        check_hello(payload)
    reader = FrameReader()
    assert read(reader, frame(payload) + frame(b"never given out")) == []
    assert reader.violation is not None


def test_a_hello_may_say_more_than_we_know() -> None:
    check_hello(msgpack.packb([0, 1, "more", {"a": 1}]))


@given(st.lists(st.binary(min_size=1, max_size=100), min_size=1))
def test_messages_leave_in_as_few_frames_as_the_limit_allows(chunks: list[bytes]) -> None:
    data = join_frames(chunks, 100)
    payloads = read(FrameReader(limit=100), hello_frame() + data)
    assert b"".join(payloads) == b"".join(chunks)
    assert all(len(one) + len(following) > 100 for one, following in pairwise(payloads))
    if sum(map(len, chunks)) <= 100:
        assert len(payloads) == 1


def test_a_message_over_the_limit_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="101"):
        join_frames([b"a", b"x" * 101], 100)
