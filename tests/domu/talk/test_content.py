"""Bytes that name their place."""

from zlib import crc32

import pytest

from actors.domu.talk.content import BLOCK_MAX, LABEL_BYTES, Content, Label, read_label
from actors.domu.talk.stream_messages import (
    HELLO_BYTES,
    Hello,
    pack_receipt,
    read_hello,
    read_receipt,
)


@pytest.mark.parametrize("block", [512, 4096, BLOCK_MAX])
def test_a_block_ends_with_its_label_and_its_checksum_is_known(block: int) -> None:
    content = Content(5, 7, 9, block)
    for number in (0, 1, 250, 251, 10_000):
        data = content.make(number)
        assert len(data) == block
        assert read_label(data[-LABEL_BYTES:]) == Label(5, 7, 9, number * block, block)
        assert content.checksum(number) == crc32(data)


def test_any_part_of_it_can_be_read() -> None:
    content = Content(5, 7, 9, 512)
    whole = b"".join(content.make(number) for number in range(8))
    for offset, size in [(0, 0), (0, 512), (1, 511), (500, 24), (511, 2), (700, 3000), (1024, 512)]:
        assert content.read(offset, size) == whole[offset : offset + size]


def test_no_two_places_nearby_look_alike_nor_do_two_streams() -> None:
    seen = set()
    for name in (5, 6):
        content = Content(name, 7, 9, 4096)
        for number in range(251):
            data = content.make(number)
            pieces = {data[at : at + 32] for at in range(0, 4064, 1448)}
            assert not seen & pieces
            seen |= pieces


def test_a_hello_that_is_none_is_refused() -> None:
    hello = Hello(1 << 40, 7, 9, 4096)
    data = hello.pack()
    assert read_hello(data) == hello
    for at in range(HELLO_BYTES):
        assert read_hello(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) is None
    for block in (0, 511, 516, BLOCK_MAX + 8):
        assert read_hello(Hello(1, 7, 9, block).pack()) is None


def test_a_receipt_that_is_none_is_refused() -> None:
    assert read_receipt(pack_receipt(1 << 40, 5)) == 1 << 40
    assert read_receipt(bytes(16)) is None
