"""Content that names its place, cheap to make and to check.

A stream or a document has a name. Its bytes are blocks of one size; each ends with a label: whose it is, from
whom, for whom, at which offset. What stands before the label is a window into a pad of random bytes that
follows from the name. Which window, follows from the number of the block, so that no two places within
megabytes of each other look alike. A label comes last so that the checksums of what stands before it are
computed once for each window.
Source: the pad is SHAKE-128 of the name (FIPS 202); the checksum is that of zlib.
"""

from dataclasses import dataclass
from hashlib import shake_128
from struct import Struct
from typing import Final
from zlib import crc32

BLOCK_MIN: Final = 512
BLOCK_MAX: Final = 1 << 16
WINDOWS: Final = 251
"""How many windows of a pad are used: a prime, so that they never fall into step with powers of two."""
SPREAD: Final = 1 << 16
STRIDE: Final = 25033
"""From one window to the next, modulo `SPREAD`: odd, and far from any size of segments."""
LABEL_MAGIC: Final = 0x4C5A4D44
_LABEL: Final = Struct("<IIQIIQ")
LABEL_BYTES: Final = _LABEL.size


@dataclass(frozen=True, slots=True)
class Label:
    """What the end of a block says."""

    name: int
    """The number of the connection, or of the document."""
    sender: int
    receiver: int
    offset: int
    """Of the first byte of the block."""
    block: int
    """Bytes of a block, the label included."""

    def pack(self) -> bytes:
        """As it is sent."""
        return _LABEL.pack(LABEL_MAGIC, self.block, self.name, self.sender, self.receiver, self.offset)


def read_label(data: bytes | memoryview) -> Label | None:
    """The label in `LABEL_BYTES` bytes, or None."""
    magic, block, name, sender, receiver, offset = _LABEL.unpack(data)
    return Label(name, sender, receiver, offset, block) if magic == LABEL_MAGIC else None


class Content:
    """The bytes of one name, without an end."""

    def __init__(self, name: int, sender: int, receiver: int, block: int) -> None:
        """`block`: a multiple of 8 from `BLOCK_MIN` to `BLOCK_MAX`."""
        self.block = block
        self._identity = (name, sender, receiver)
        seed = f"{name}/{sender}/{receiver}".encode()
        self._pad = memoryview(shake_128(seed).digest(SPREAD + block))
        self._sums: dict[int, int] = {}

    def label(self, number: int) -> Label:
        """That of block `number`."""
        return Label(*self._identity, offset=number * self.block, block=self.block)

    def make(self, number: int) -> bytes:
        """Block `number`."""
        return b"".join((self._window(number), self.label(number).pack()))

    def checksum(self, number: int) -> int:
        """The CRC-32 of block `number`, without making it."""
        index = number % WINDOWS
        begun = self._sums.get(index)
        if begun is None:
            begun = self._sums[index] = crc32(self._window(number))
        return crc32(self.label(number).pack(), begun)

    def read(self, offset: int, size: int) -> bytes:
        """The bytes of [offset, offset + size)."""
        first, skipped = divmod(offset, self.block)
        if skipped + size <= self.block:
            return self.make(first)[skipped : skipped + size]
        last = (offset + size - 1) // self.block
        joined = b"".join([self.make(number) for number in range(first, last + 1)])
        return joined[skipped : skipped + size]

    def _window(self, number: int) -> memoryview:
        start = number % WINDOWS * STRIDE % SPREAD
        return self._pad[start : start + self.block - LABEL_BYTES]
