"""The stamp of a sector: whose it is, where it belongs, and which write put it there.

Every 512-byte sector of a written block carries one, so that what a disk holds can be told apart.

    0 magic u32, 4 guest u32, 8 virtual device u32, 12 crc32, 16 sector u64,
    24 sequence u64, 32 nonce u64, 40 the nonce again and again up to 512 (all little endian)

Rules: the crc covers bytes 0-11, then 24-511, then 16-23; the sector number comes last so that
all sectors of a block share the long part of the sum. The nonce is random for each write.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

from actors.abi.types import SECTOR_SIZE

MAGIC: Final = 0x305A4D44
_OWNER: Final = Struct("<III")
_WRITE: Final = Struct("<QQ")
_PLACE: Final = Struct("<IQ")
_ALL: Final = Struct("<IIIIQQQ")
_NONCE: Final = Struct("<Q")
_FILL_WORDS: Final = (SECTOR_SIZE - _ALL.size) // _NONCE.size
MAGIC_BYTES: Final = MAGIC.to_bytes(4, "little")


@dataclass(slots=True, frozen=True)
class Stamp:
    """What an intact sector says about itself."""

    guest_id: int
    virtual_device: int
    sector: int
    sequence: int
    nonce: int


def stamp_block(  # noqa: PLR0917 (each is a number of its own, in the order of the layout)
    guest_id: int, virtual_device: int, sector: int, sectors: int, sequence: int, nonce: int
) -> bytes:
    """The content of write `sequence`: `sectors` stamped sectors, the first of them number `sector`."""
    head = _OWNER.pack(MAGIC, guest_id, virtual_device)
    tail = _WRITE.pack(sequence, nonce) + _NONCE.pack(nonce) * _FILL_WORDS
    shared = crc32(tail, crc32(head))
    place = _PLACE.pack
    number = _NONCE.pack
    return b"".join(
        [head + place(crc32(number(at), shared), at) + tail for at in range(sector, sector + sectors)]
    )


def read_stamp(content: bytes | memoryview) -> Stamp | None:
    """The stamp of one sector (512 bytes); None if it carries none, or one that is damaged."""
    magic, guest_id, virtual_device, crc, sector, sequence, nonce = _ALL.unpack_from(content)
    if magic != MAGIC:
        return None
    if crc32(content[16:24], crc32(content[24:SECTOR_SIZE], crc32(content[:12]))) != crc:
        return None
    return Stamp(guest_id, virtual_device, sector, sequence, nonce)


def is_marked(content: bytes | memoryview) -> bool:
    """Whether a sector begins as a stamped one does, be it intact or not."""
    return content[:4] == MAGIC_BYTES


def closing_nonce(content: bytes | memoryview) -> int:
    """The nonce that the end of a sector would belong to, were it stamped."""
    nonce: int = _NONCE.unpack_from(content, SECTOR_SIZE - _NONCE.size)[0]
    return nonce
