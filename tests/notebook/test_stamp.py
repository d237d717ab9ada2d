import pytest

from actors.notebook.stamp import Stamp, closing_nonce, is_marked, read_stamp, stamp_block


def test_every_sector_of_a_block_says_whose_it_is_and_where_it_belongs() -> None:
    block = stamp_block(3, 51712, 1000, 8, 77, 0xDEADBEEF)

    assert len(block) == 4096
    for index in range(8):
        found = read_stamp(block[index * 512 : (index + 1) * 512])
        assert found == Stamp(3, 51712, 1000 + index, 77, 0xDEADBEEF)


def test_the_largest_numbers_fit() -> None:
    found = read_stamp(stamp_block(2**32 - 1, 2**32 - 1, 2**64 - 1, 1, 2**64 - 1, 2**64 - 1))

    assert found == Stamp(2**32 - 1, 2**32 - 1, 2**64 - 1, 2**64 - 1, 2**64 - 1)


@pytest.mark.parametrize("at", [0, 4, 8, 12, 16, 24, 32, 40, 300, 511])
def test_one_flipped_bit_anywhere_damages_the_stamp(at: int) -> None:
    sector = bytearray(stamp_block(3, 51712, 1000, 1, 77, 0xDEADBEEF))
    sector[at] ^= 1

    assert read_stamp(bytes(sector)) is None
    assert is_marked(sector) == (at >= 4)


def test_a_sector_of_zeros_carries_no_stamp() -> None:
    assert read_stamp(bytes(512)) is None
    assert not is_marked(bytes(512))


def test_the_end_of_a_sector_tells_its_nonce() -> None:
    assert closing_nonce(stamp_block(3, 51712, 1000, 1, 77, 0xDEADBEEF)) == 0xDEADBEEF


def test_the_same_write_is_always_the_same_bytes() -> None:
    assert stamp_block(1, 2, 3, 4, 5, 6) == stamp_block(1, 2, 3, 4, 5, 6)
