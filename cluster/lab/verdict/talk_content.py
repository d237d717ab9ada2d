"""What must have come over the networks, made here again: the bytes of streams, documents and datagrams.

Rules: nothing here is taken from the code of the guests; that both agree is what a test says. The sums of all
windows of a pad are kept, so a stream is judged without being made again.
Source: `docs/talks.md`, what a stream carries.
"""

import re
from functools import lru_cache
from hashlib import sha256, shake_128
from struct import pack
from typing import Final
from zlib import crc32

WINDOWS: Final = 251
STRIDE: Final = 25033
SPREAD: Final = 65536
LABEL: Final = "<IIQIIQ"
LABEL_BYTES: Final = 32
LABEL_MAGIC: Final = 0x4C5A4D44
DATAGRAM: Final = "<IIQIIQIHH"
DATAGRAM_MAGIC: Final = 0x445A4D44
DATAGRAM_HEAD_BYTES: Final = 40
DOCUMENT_BLOCK: Final = 65536
_UNIT: Final = {"": 0, "K": 10, "M": 20, "G": 30}


def _window_at(number: int) -> int:
    return number % WINDOWS * STRIDE % SPREAD


class ExpectedStream:
    """The bytes of one stream or document, by block."""

    def __init__(self, name: int, sender: int, receiver: int, block: int) -> None:
        self.name, self.sender, self.receiver, self.block = name, sender, receiver, block
        self.pad = shake_128(f"{name}/{sender}/{receiver}".encode()).digest(SPREAD + block)
        self._sums: dict[int, int] = {}

    def make(self, number: int) -> bytes:
        """Block `number`."""
        at = _window_at(number)
        return self.pad[at : at + self.block - LABEL_BYTES] + self._label(number)

    def checksum(self, number: int) -> int:
        """Its CRC-32."""
        at = _window_at(number)
        if at not in self._sums:
            self._sums[at] = crc32(memoryview(self.pad)[at : at + self.block - LABEL_BYTES])
        return crc32(self._label(number), self._sums[at])

    def head_checksum(self, number: int, size: int) -> int:
        """The CRC-32 of its first `size` bytes."""
        return crc32(self.make(number)[:size])

    def _label(self, number: int) -> bytes:
        ends = (self.sender, self.receiver)
        return pack(LABEL, LABEL_MAGIC, self.block, self.name, *ends, number * self.block)


def document_size(name: str) -> int | None:
    """The size of a document of that name, or None if it is not known here what it holds."""
    match = re.fullmatch(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*-)?([0-9]{1,13})([KMG]?)", name)
    return int(match[1]) << _UNIT[match[2]] if match is not None else None


@lru_cache(maxsize=256)
def document_checksum(name: str, size: int) -> int:
    """The CRC-32 of the first `size` bytes of a document."""
    number = int.from_bytes(sha256(name.encode()).digest()[:8], "little")
    stream = ExpectedStream(number, 0, 0, DOCUMENT_BLOCK)
    crc = 0
    for block in range(size // DOCUMENT_BLOCK):
        crc = crc32(stream.make(block), crc)
    return crc32(stream.make(size // DOCUMENT_BLOCK)[: size % DOCUMENT_BLOCK], crc)


@lru_cache(maxsize=1024)
def _datagram_pad(talk: int, asker: int, asked: int, size: int) -> bytes:
    return shake_128(f"datagram {talk}/{asker}/{asked}".encode()).digest(SPREAD + size)


def datagram_checksum(  # noqa: PLR0917 (each is a field of it)
    talk: int, asker: int, asked: int, number: int, sent_ns: int, size: int, *, answer: bool
) -> int:
    """The CRC-32 of a request or of its answer, all but itself."""
    ends = (asked, asker) if answer else (asker, asked)
    head = pack(DATAGRAM, DATAGRAM_MAGIC, 0, number, *ends, sent_ns, talk, size, answer)
    at = _window_at(number)
    body = _datagram_pad(talk, asker, asked, size)[at : at + size - DATAGRAM_HEAD_BYTES]
    return crc32(body, crc32(head[8:], crc32(head[:4])))
