"""A packet that a backend hands a frontend in several slots of the ring.

Rules: what lies in a buffer is copied out before anybody sees it. A packet of which one slot is wrong is
dropped as a whole, but its slots are taken to the end.
Source: Linux drivers/net/xen-netfront.c (xennet_get_responses, xennet_get_extras, xennet_set_skb_gso).
"""

from actors.abi.netif import (
    EXTRA,
    EXTRA_MORE,
    RX_RESPONSE,
    SLOTS_MIN,
    ExtraType,
    GsoType,
    RxFlags,
)
from actors.abi.types import PAGE_SIZE
from actors.network.packet import Packet
from actors.vif.packet_slots import FRAME_MAX, FRAME_MIN

CSUM_BLANK, DATA_VALIDATED = int(RxFlags.CSUM_BLANK), int(RxFlags.DATA_VALIDATED)
SEGMENTED = (GsoType.TCPV4, GsoType.TCPV6)
MORE_DATA, EXTRA_INFO = int(RxFlags.MORE_DATA), int(RxFlags.EXTRA_INFO)


class ArrivingPacket:
    """One packet. `whole`: no slot of it is to come; `expects_extra`: the next one holds no data."""

    __slots__ = ("_flags", "_more", "_parts", "_segment_bytes", "_slots", "_sound", "expects_extra", "whole")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._slots = 0
        self._flags = 0
        self._more = False
        self._segment_bytes = 0
        self._sound = True
        self.whole = False
        self.expects_extra = False

    def add(self, response: bytes, buffer: memoryview) -> int:
        """A slot of data, and the frame that was posted for it; the id that it answers."""
        ident, offset, flags, status = RX_RESPONSE.unpack(response)
        if not self._slots:
            self._flags = flags
            self.expects_extra = bool(flags & EXTRA_INFO)
        self._slots += 1
        self._more = bool(flags & MORE_DATA)
        if status < 0 or offset + status > PAGE_SIZE or self._slots > SLOTS_MIN:
            self._sound = False
        else:
            self._parts.append(bytes(buffer[offset : offset + status]))
        self.whole = not self._more and not self.expects_extra
        return int(ident)

    def add_extra(self, response: bytes) -> None:
        """A slot that says something of the packet."""
        kind, flags, size, gso, _, _ = EXTRA.unpack(response)
        if kind == ExtraType.GSO and gso in SEGMENTED and size:
            self._segment_bytes = size
        else:
            self._sound = False
        self.expects_extra = bool(flags & EXTRA_MORE)
        self.whole = not self._more and not self.expects_extra

    def packet(self) -> Packet | None:
        """What it is; None if it was wrong."""
        frame = b"".join(self._parts)
        if not self._sound or not FRAME_MIN <= len(frame) <= FRAME_MAX:
            return None
        blank, validated = bool(self._flags & CSUM_BLANK), bool(self._flags & DATA_VALIDATED)
        return Packet(frame, self._segment_bytes, blank, validated)
