"""The header of a shared ring, and the rule by which its two sides wake each other.

Indices are u32 and run free; a slot lies at `index % entries`. A producer that moves its index from
`old` to `new` owes an event if the threshold that the consumer has published lies in between.
Source: xen/include/public/io/ring.h.
"""

from typing import Final

RING_HEADER_BYTES: Final = 64
RING_PRIVATE_OFFSET: Final = 16
RING_PRIVATE_BYTES: Final = 48

REQ_PROD: Final = 0
REQ_EVENT: Final = 1
RSP_PROD: Final = 2
RSP_EVENT: Final = 3
"""Word indices of the shared fields."""

RING_MASK: Final = 0xFFFFFFFF


def ring_entries(slot_bytes: int, ring_bytes: int = 4096) -> int:
    """How many slots a ring has: the largest power of two that fits after the header."""
    return 1 << ((ring_bytes - RING_HEADER_BYTES) // slot_bytes).bit_length() - 1


def owes_event(old: int, new: int, event: int) -> bool:
    """Whether moving a producer index from `old` to `new` passes the other side's threshold."""
    return (new - event) & RING_MASK < (new - old) & RING_MASK
