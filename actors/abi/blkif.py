"""The records of the block protocol, as the x86_64 ABI lays them out in a ring of one page.

A request is a head of 24 bytes and up to eleven segments of 8; sectors are of 512 bytes and counted
within the page of a segment from `first_sect` to `last_sect`, both included.
Source: xen/include/public/io/blkif.h.
Left out: indirect segments, discard, rings of several pages.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from actors.abi.ring import ring_entries
from actors.abi.types import PAGE_SIZE, SECTOR_SIZE


class BlkifOp(IntEnum):
    """`BLKIF_OP_*`."""

    READ = 0
    WRITE = 1
    WRITE_BARRIER = 2
    FLUSH_DISKCACHE = 3
    DISCARD = 5
    INDIRECT = 6


class BlkifStatus(IntEnum):
    """`BLKIF_RSP_*`."""

    OKAY = 0
    ERROR = -1
    EOPNOTSUPP = -2


BLKIF_SLOT_BYTES: Final = 112
BLKIF_RING_ENTRIES: Final = ring_entries(BLKIF_SLOT_BYTES)
BLKIF_MAX_SEGMENTS: Final = 11
SECTORS_PER_PAGE: Final = PAGE_SIZE // SECTOR_SIZE
BLKIF_MAX_SECTORS: Final = BLKIF_MAX_SEGMENTS * SECTORS_PER_PAGE
BLKIF_PROTOCOL: Final = "x86_64-abi"
VDISK_READONLY: Final = 4

HEAD: Final = Struct("<BBHIQQ")
"""operation, nr_segments, handle, padding, id, sector."""

HEAD_AND_SEGMENT: Final = Struct("<BBHIQQIBBH")
"""The same and the first segment: gref, first_sect, last_sect, padding."""

SEGMENT: Final = Struct("<IBBH")
SECOND_SEGMENT_OFFSET: Final = HEAD_AND_SEGMENT.size

RESPONSE: Final = Struct("<QBxh")
"""id, operation, status."""
