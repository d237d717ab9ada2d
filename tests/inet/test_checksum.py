"""The Internet checksum against RFC 1071's example and a sum word by word."""

from hypothesis import given
from hypothesis import strategies as st

from actors.inet.checksum import checksum, is_sound, ones_sum, pseudo_sum, transport_checksum


def word_by_word(data: bytes) -> int:
    data = data + b"\0" if len(data) % 2 else data
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_example_of_rfc_1071() -> None:
    assert ones_sum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2


@given(st.binary(max_size=200))
def test_the_sum_is_that_of_the_words(data: bytes) -> None:
    assert ones_sum(data) == word_by_word(data)
    assert ones_sum(memoryview(data)) == word_by_word(data)


@given(st.binary(max_size=60).map(lambda data: data + b"\0" * (len(data) % 2)))
def test_data_with_its_checksum_is_sound(data: bytes) -> None:
    whole = data + checksum(data).to_bytes(2, "big")
    assert is_sound(whole)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 255), st.integers(0, 65535))
def test_a_pseudo_header_sums_as_its_words(source: int, destination: int, protocol: int, length: int) -> None:
    header = source.to_bytes(4, "big") + destination.to_bytes(4, "big") + bytes((0, protocol))
    expected = word_by_word(header + length.to_bytes(2, "big"))
    assert pseudo_sum(source, destination, protocol, length) == (expected or 0xFFFF)


@given(st.integers(1, 0xFFFF), st.binary(max_size=20).map(lambda data: data * 2), st.binary(max_size=33))
def test_pieces_sum_as_one(pseudo: int, head: bytes, tail: bytes) -> None:
    whole = pseudo.to_bytes(2, "big") + head + tail
    assert transport_checksum(pseudo, head, tail) == 0xFFFF - word_by_word(whole)
