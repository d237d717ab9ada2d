"""The records of the network protocol, as they lie in rings of one page.

A packet to the backend is a chain of transmit requests: the first has the size of the whole packet and, if
`EXTRA_INFO` is set, is followed by extra slots (each says by `EXTRA_MORE` whether there is another);
`MORE_DATA` says that another request follows. A packet to the frontend fills receive requests that were
posted, with the same flags in the responses. Each slot, an extra as well, has a response to a transmit.
Source: xen/include/public/io/netif.h; Linux include/xen/interface/io/netif.h.
Left out: dynamic multicast control, the XDP headroom extra.
"""

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final

from actors.abi.ring import ring_entries


class TxFlags(IntFlag):
    """`NETTXF_*`."""

    CSUM_BLANK = 1
    DATA_VALIDATED = 2
    MORE_DATA = 4
    EXTRA_INFO = 8


class RxFlags(IntFlag):
    """`NETRXF_*`. The first two have the places of each other's `NETTXF_*` twins."""

    DATA_VALIDATED = 1
    CSUM_BLANK = 2
    MORE_DATA = 4
    EXTRA_INFO = 8
    GSO_PREFIX = 16


class NetifStatus(IntEnum):
    """`NETIF_RSP_*`."""

    OKAY = 0
    NULL = 1
    ERROR = -1
    DROPPED = -2


class ExtraType(IntEnum):
    """`XEN_NETIF_EXTRA_TYPE_*`."""

    NONE = 0
    GSO = 1
    MCAST_ADD = 2
    MCAST_DEL = 3
    HASH = 4
    XDP = 5


EXTRA_MORE: Final = 1
"""`XEN_NETIF_EXTRA_FLAG_MORE`."""


class GsoType(IntEnum):
    """`XEN_NETIF_GSO_TYPE_*`."""

    NONE = 0
    TCPV4 = 1
    TCPV6 = 2


class CtrlType(IntEnum):
    """`XEN_NETIF_CTRL_TYPE_*`."""

    INVALID = 0
    GET_HASH_FLAGS = 1
    SET_HASH_FLAGS = 2
    SET_HASH_KEY = 3
    GET_HASH_MAPPING_SIZE = 4
    SET_HASH_MAPPING_SIZE = 5
    SET_HASH_MAPPING = 6
    SET_HASH_ALGORITHM = 7


class CtrlStatus(IntEnum):
    """`XEN_NETIF_CTRL_STATUS_*`."""

    SUCCESS = 0
    NOT_SUPPORTED = 1
    INVALID_PARAMETER = 2
    BUFFER_OVERFLOW = 3


TX_SLOT_BYTES: Final = 12
RX_SLOT_BYTES: Final = 8
CTRL_SLOT_BYTES: Final = 16
TX_RING_ENTRIES: Final = ring_entries(TX_SLOT_BYTES)
RX_RING_ENTRIES: Final = ring_entries(RX_SLOT_BYTES)
CTRL_RING_ENTRIES: Final = ring_entries(CTRL_SLOT_BYTES)

SLOTS_MIN: Final = 18
"""`XEN_NETIF_NR_SLOTS_MIN`: a backend has to take a packet of so many slots."""
FATAL_SLOTS: Final = 20
"""Linux netback: a frontend that sends a packet of more (`fatal_skb_slots`) loses its service."""
EXTRAS_MAX: Final = 5
"""`XEN_NETIF_EXTRA_TYPE_MAX` - 1 kinds of them, each at most once."""

TX_REQUEST: Final = Struct("<IHHHH")
"""gref, offset, flags, id, size."""
TX_RESPONSE: Final = Struct("<Hh")
"""id, status."""
RX_REQUEST: Final = Struct("<HHI")
"""id, padding, gref."""
RX_RESPONSE: Final = Struct("<HHHh")
"""id, offset, flags, status (over 0: how many bytes)."""
EXTRA: Final = Struct("<BBHBBH")
"""type, flags, then of GSO: size, type, padding, features. In a ring of transmits 4 bytes follow."""
CTRL_REQUEST: Final = Struct("<HHIII")
"""id, type, data[3]."""
CTRL_RESPONSE: Final = Struct("<HHII")
"""id, type, status, data."""
