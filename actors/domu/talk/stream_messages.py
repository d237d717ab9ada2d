"""What the two ends of a stream say to each other beside the stream.

Whoever opens a connection says first who it is, for whom, and how large the blocks are (`Hello`). Whoever
takes the blocks gives receipts: how many bytes have come, in order, and the checksum of the block under way.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

from actors.domu.talk.content import BLOCK_MAX, BLOCK_MIN

HELLO_MAGIC: Final = 0x485A4D44
RECEIPT_MAGIC: Final = 0x525A4D44
_HELLO: Final = Struct("<IIQIII")
HELLO_BYTES: Final = _HELLO.size
_RECEIPT: Final = Struct("<IIQ")
RECEIPT_BYTES: Final = _RECEIPT.size


@dataclass(frozen=True, slots=True)
class Hello:
    """The number of the connection, who sends, who is meant, and the bytes of a block."""

    name: int
    sender: int
    receiver: int
    block: int

    def pack(self) -> bytes:
        """As it is sent."""
        body = _HELLO.pack(HELLO_MAGIC, self.block, self.name, self.sender, self.receiver, 0)
        return body[:-4] + crc32(body[:-4]).to_bytes(4, "little")


def read_hello(data: bytes) -> Hello | None:
    """What `HELLO_BYTES` bytes say, or None if they are no hello that can be answered."""
    magic, block, name, sender, receiver, crc = _HELLO.unpack(data)
    if magic != HELLO_MAGIC or crc != crc32(data[:-4]):
        return None
    if not BLOCK_MIN <= block <= BLOCK_MAX or block % 8:
        return None
    return Hello(name, sender, receiver, block)


def pack_receipt(received: int, checksum: int) -> bytes:
    """`received` bytes have come; `checksum` is the CRC-32 of the block under way as far as it has."""
    return _RECEIPT.pack(RECEIPT_MAGIC, checksum, received)


def read_receipt(data: bytes | memoryview) -> int | None:
    """How many bytes have come, by `RECEIPT_BYTES` bytes, or None."""
    magic, _, received = _RECEIPT.unpack(data)
    return received if magic == RECEIPT_MAGIC else None
