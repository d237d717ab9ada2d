"""What is written is read again, in whatever pieces; what is damaged is refused or means what it says."""

from hypothesis import given
from hypothesis import strategies as st

from actors.migration.refusal import StreamError
from tests.migration.streams import RICH, read, unchecked, written

STREAM = written(RICH)


def meant(data: bytes) -> bytes | None:
    """What is read of it, written again; None if it is refused."""
    try:
        return written(read(data, max(1, len(data))))
    except StreamError:
        return None


@given(st.integers(1, 5000))
def test_what_was_written_is_read_in_whatever_pieces_it_comes(step: int) -> None:
    assert read(STREAM, step) == RICH


@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_means_what_it_says(at: int, change: int) -> None:
    damaged = STREAM[:at] + bytes([STREAM[at] ^ change]) + STREAM[at + 1 :]
    assert meant(damaged) in (None, damaged)


def test_each_changed_bit_of_what_frames_the_pages_is_refused_or_means_what_it_says() -> None:
    lengths = [len(each.encode()) for each in RICH]
    starts = [sum(lengths[:index]) for index in range(len(RICH))]
    refused = 0
    for start, length in zip(starts, lengths, strict=True):
        for at in range(start, start + min(length, 40)):
            for bit in range(8):
                damaged = bytearray(STREAM)
                damaged[at] ^= 1 << bit
                again = meant(bytes(damaged))
                assert again in (None, damaged), (at, bit)
                refused += again is None
    assert refused


@given(st.integers(0, len(RICH) - 1), st.integers(0, len(RICH) - 1))
def test_two_records_that_change_places_are_refused_or_mean_what_they_say(one: int, other: int) -> None:
    records = list(RICH)
    records[one], records[other] = records[other], records[one]
    assert meant(unchecked(records)) in (None, unchecked(records))


@given(st.integers(0, len(STREAM)), st.integers(0, len(STREAM)), st.binary(max_size=40))
def test_bytes_put_in_for_others_are_refused_or_mean_what_they_say(one: int, other: int, new: bytes) -> None:
    damaged = STREAM[: min(one, other)] + new + STREAM[max(one, other) :]
    assert meant(damaged) in (None, damaged)


@given(st.integers(1, len(STREAM) - 1))
def test_a_stream_that_is_cut_short_is_refused(length: int) -> None:
    assert meant(STREAM[:length]) is None


@given(st.binary(min_size=1, max_size=200))
def test_anything_else_is_refused(data: bytes) -> None:
    assert meant(data) is None
