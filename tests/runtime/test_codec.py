"""Messages to bytes and back, and everything that must be refused on the way back."""

from dataclasses import dataclass
from typing import NewType

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import messages
from actors.runtime.codec import Codec, ProtocolViolation, wire

Port = NewType("Port", int)


@wire(1)
@dataclass(slots=True)
class Everything:
    number: int
    text: str
    blob: bytes
    flag: bool
    numbers: list[int]
    rows: list[list[int]]
    arguments: dict[str, object]
    out: dict[str, object] | None
    port: Port


@wire(2)
@dataclass(slots=True)
class Nothing:
    pass


@wire(3)
@dataclass(slots=True)
class Choice:
    value: int | str


CODEC = Codec(Everything, Nothing, Choice)
ROW = [1, 7, "x", b"y", True, [1], [[1, 2], []], {"k": 1}, None, 5]

i64_u64 = st.integers(-(2**63), 2**64 - 1)
leaves = st.none() | st.booleans() | i64_u64 | st.text() | st.binary() | st.floats(allow_nan=False)
trees = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
maps = st.dictionaries(st.text(), trees)
everything = st.builds(
    Everything,
    number=i64_u64,
    text=st.text(),
    blob=st.binary(),
    flag=st.booleans(),
    numbers=st.lists(i64_u64),
    rows=st.lists(st.lists(i64_u64)),
    arguments=maps,
    out=st.none() | maps,
    port=i64_u64,
)
any_message = everything | st.builds(Nothing) | st.builds(Choice, i64_u64 | st.text())


@given(st.lists(any_message, min_size=1, max_size=5))
def test_a_frame_of_any_messages_comes_back_equal(batch: list[object]) -> None:
    payload = b"".join(CODEC.encode(message) for message in batch)
    assert CODEC.decode_frame(payload) == batch
    assert CODEC.decode_frame(memoryview(payload)) == batch


@given(st.binary())
def test_any_bytes_are_messages_or_a_violation(payload: bytes) -> None:
    try:
        decoded = CODEC.decode_frame(payload)
    except ProtocolViolation:
        return
    assert decoded


@given(st.lists(any_message, min_size=1, max_size=3), st.data())
def test_a_truncated_frame_is_refused_unless_cut_between_messages(
    batch: list[object], data: st.DataObject
) -> None:
    parts = [CODEC.encode(message) for message in batch]
    payload = b"".join(parts)
    cut = data.draw(st.integers(0, len(payload) - 1))
    borders = {sum(map(len, parts[:count])): count for count in range(1, len(parts))}
    if cut in borders:
        assert CODEC.decode_frame(payload[:cut]) == batch[: borders[cut]]
    else:
        with pytest.raises(ProtocolViolation):
            CODEC.decode_frame(payload[:cut])


def packed(**changed: object) -> bytes:
    """The row of Everything with fields changed."""
    names = ["tag", *Everything.__dataclass_fields__]
    return msgpack.packb([changed.get(name, value) for name, value in zip(names, ROW, strict=True)])


WRONG_FIELDS = [
    ("number", "7"),
    ("number", True),
    ("number", 7.0),
    ("number", None),
    ("text", b"x"),
    ("blob", "y"),
    ("flag", 1),
    ("numbers", 1),
    ("numbers", ["1"]),
    ("numbers", [True]),
    ("rows", [1]),
    ("rows", [["1"]]),
    ("arguments", []),
    ("arguments", {b"k": 1}),
    ("out", 0),
    ("out", {b"k": 1}),
    ("port", "5"),
    ("tag", True),
    ("tag", 1.0),
    ("tag", [1]),
    ("tag", 99),
]


@pytest.mark.parametrize(("name", "value"), WRONG_FIELDS, ids=str)
def test_a_field_of_a_wrong_type_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ProtocolViolation, match=name):
        CODEC.decode_frame(packed(**{name: value}))


def test_a_choice_takes_what_it_names_only() -> None:
    with pytest.raises(ProtocolViolation, match=r"Choice\.value"):
        CODEC.decode_frame(msgpack.packb([3, None]))


NESTED_LIST = b"\x91" * 1000 + b"\x90"
HOSTILE = {
    "empty": b"",
    "a number": b"\x05",
    "bytes that look like a row": msgpack.packb(b"\x02"),
    "a text": msgpack.packb("\x02"),
    "a map": msgpack.packb({"a": 1}),
    "a map with a number for a key": msgpack.packb({0: 1}),
    "an empty array": b"\x90",
    "too few fields": msgpack.packb(ROW[:-1]),
    "too many fields": msgpack.packb([*ROW, 1]),
    "junk behind": packed() + b"\xc1",
    "half a message behind": packed() + packed()[:5],
    "nested 1000 deep": NESTED_LIST,
    "nested 100000 deep": b"\x91" * 100_000,
    "nested 1000 deep in a field": packed(number=0).replace(b"\x00", NESTED_LIST, 1),
    "a huge array claimed": b"\xdd\xff\xff\xff\xff",
    "a huge map claimed": b"\xdf\xff\xff\xff\xff",
    "a huge text claimed": b"\xdb\xff\xff\xff\xff",
    "huge bytes claimed": b"\xc6\xff\xff\xff\xff",
    "an ext type": b"\x92\x03" + msgpack.packb(msgpack.ExtType(4, b"abcd")),
    "an empty ext type": b"\x92\x03\xc7\x00\x04",
    "a timestamp": b"\x92\x03" + msgpack.packb(msgpack.Timestamp(1)),
    "a timestamp in a map": packed(arguments={"k": msgpack.Timestamp(1, 5)}),
    "bad UTF-8": b"\x92\x03\xa2\xff\xfe",
    "a reserved byte": b"\xc1",
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=list(HOSTILE))
def test_nonsense_is_a_violation_and_the_codec_goes_on(payload: bytes) -> None:
    codec = Codec(Everything, Nothing, Choice)
    for _ in range(2):
        with pytest.raises(ProtocolViolation):
            codec.decode_frame(payload)
        assert codec.decode_frame(codec.encode(Nothing())) == [Nothing()]


def test_the_violation_says_which_message_was_wrong() -> None:
    with pytest.raises(ProtocolViolation, match="message 1 of the frame: Nothing has 0 fields, not 1"):
        CODEC.decode_frame(CODEC.encode(Nothing()) + msgpack.packb([2, 2]))


def test_two_classes_cannot_share_a_tag() -> None:
    @wire(1)
    @dataclass(slots=True)
    class Other:
        pass

    with pytest.raises(AssertionError, match="taken"):
        Codec(Everything, Other)


def test_a_class_with_a_field_that_has_no_wire_type_is_refused_at_registration() -> None:
    @wire(9)
    @dataclass(slots=True)
    class Odd:
        field: complex

    with pytest.raises(TypeError, match="complex"):
        Codec(Odd)


def test_every_message_of_the_product_comes_back() -> None:
    reply = messages.HypercallReply(1, -22, None)
    call = messages.Hypercall(3, 32, 4, {"port": 7})
    start = messages.StartDomain(1, 2, b"h" * 16, [[0, 5, 10]])
    batch: list[object] = [call, reply, start, messages.UpcallTaken(), messages.Upcall([1, 2])]
    payload = b"".join(messages.CODEC.encode(message) for message in batch)
    assert messages.CODEC.decode_frame(payload) == batch
