"""How many slots of a ring a frame takes, and which frames are too long for any.

Source: xen/include/public/io/netif.h (XEN_NETIF_NR_SLOTS_MIN).
"""

from typing import Final

from actors.abi.netif import SLOTS_MIN
from actors.abi.types import PAGE_SIZE

FRAME_MIN: Final = 14
"""An Ethernet header."""
FRAME_MAX: Final = 65535
"""The size of a packet is told in 16 bits."""

assert SLOTS_MIN * PAGE_SIZE >= FRAME_MAX, "every frame has slots enough"


def slots_of(frame_bytes: int) -> int:
    """Slots of data, each of which is a page but for the last."""
    return (frame_bytes + PAGE_SIZE - 1) // PAGE_SIZE
