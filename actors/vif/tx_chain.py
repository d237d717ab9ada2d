"""A packet of a guest as it lies in the ring of transmits: a chain of slots, and what is wrong with it.

Rules: a slot is copied out once. What Linux drops has a `fault` and costs the frontend this packet; what it
calls fatal is a BadChainError and costs the frontend its service. A chain ends where the requests do.
Source: Linux drivers/net/xen-netback/netback.c (xenvif_get_extras, xenvif_count_requests,
xenvif_tx_build_gops, xenvif_set_skb_gso), xen/include/public/io/netif.h.
Left out: IPv6 segmentation, which is not offered; multicast control.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.netif import (
    EXTRA,
    EXTRA_MORE,
    FATAL_SLOTS,
    SLOTS_MIN,
    TX_REQUEST,
    ExtraType,
    GsoType,
    TxFlags,
)
from actors.abi.types import PAGE_SIZE
from actors.kernel.ring import BackRing
from actors.vif.netback_counters import BAD_SIZE, TOO_MANY_SLOTS

FRAME_MIN: Final = 14
EXTRA_SLOT: Final = -1
"""In place of an id: the slot has an extra."""
_MORE_DATA, _EXTRA_INFO = int(TxFlags.MORE_DATA), int(TxFlags.EXTRA_INFO)
_GSO, _TCPV4 = int(ExtraType.GSO), int(GsoType.TCPV4)
_EXTRA_TYPES: Final = frozenset(
    {
        int(ExtraType.GSO),
        int(ExtraType.MCAST_ADD),
        int(ExtraType.MCAST_DEL),
        int(ExtraType.HASH),
    }
)
"""Those below the XEN_NETIF_EXTRA_TYPE_MAX of a backend without XDP."""


class BadChainError(Exception):
    """A frontend has put what no frontend may put; the text says what."""


@dataclass(slots=True)
class TxChain:
    """One packet: `pieces` of data as (grant reference, first byte, bytes), an id for each slot, in order.

    `fault`: why it is dropped, or nothing. `segment_bytes`: of one to be cut; `flags` of its first slot.
    """

    ids: list[int]
    size: int
    flags: int
    pieces: list[tuple[int, int, int]] = field(default_factory=list)
    segment_bytes: int = 0
    fault: str = ""


def take_chain(ring: BackRing, page: memoryview, available: int) -> TxChain:
    """Take the next packet of `available` requests, of which there is one at least. BadChainError."""
    ref, offset, flags, ident, size = TX_REQUEST.unpack_from(page, ring.take())
    chain = TxChain([ident], size, flags)
    available -= 1
    if flags & _EXTRA_INFO:
        available -= _take_extras(chain, ring, page, available)
    left = size
    if flags & _MORE_DATA:
        left -= _take_rest(chain, ring, page, available)
    if chain.fault:
        return chain
    if size < FRAME_MIN:
        chain.fault = BAD_SIZE
    elif offset + left > PAGE_SIZE:
        raise BadChainError(f"{left} bytes at {offset} cross a page")
    else:
        chain.pieces.insert(0, (ref, offset, left))
    return chain


def _take_extras(chain: TxChain, ring: BackRing, page: memoryview, available: int) -> int:
    """What follows the first request; how many there are."""
    for taken in range(1, available + 1):
        kind, flags, gso_size, gso_type, _, _ = EXTRA.unpack_from(page, ring.take())
        chain.ids.append(EXTRA_SLOT)
        if kind not in _EXTRA_TYPES:
            raise BadChainError(f"an extra of type {kind}")
        if kind == _GSO:
            if not gso_size:
                raise BadChainError("segments of no bytes")
            if gso_type != _TCPV4:
                raise BadChainError(f"segmentation of type {gso_type}")
            chain.segment_bytes = gso_size
        if not flags & EXTRA_MORE:
            return taken
    raise BadChainError("an extra is missing")


def _take_rest(chain: TxChain, ring: BackRing, page: memoryview, available: int) -> int:
    """The slots after the first one; how many bytes they have."""
    total, slots, more = 0, 0, _MORE_DATA
    while more:
        if slots >= available:
            raise BadChainError(f"a packet of more than the {slots + 1} slots that are there")
        if slots >= FATAL_SLOTS:
            raise BadChainError(f"a packet of more than {FATAL_SLOTS + 1} slots")
        ref, offset, flags, ident, size = TX_REQUEST.unpack_from(page, ring.take())
        if slots >= SLOTS_MIN:  # as in Linux, which counts those after the first
            chain.fault = chain.fault or TOO_MANY_SLOTS
        slots += 1
        chain.ids.append(ident)
        total += size
        if total > chain.size:
            chain.fault = chain.fault or BAD_SIZE
        if offset + size > PAGE_SIZE:
            raise BadChainError(f"{size} bytes at {offset} cross a page")
        chain.pieces.append((ref, offset, size))
        more = flags & _MORE_DATA
    return total
