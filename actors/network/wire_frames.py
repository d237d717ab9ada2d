"""A packet as it goes to a wire: cut to size, with the checksums that nobody has computed yet.

Rules: a packet comes from a guest and says what it likes; whatever does not fit together is refused before
anything is made of it. What has nothing left to be done is passed on as it is.
Source: Linux net/ipv4/tcp_offload.c (tcp_gso_segment), net/ipv4/af_inet.c (inet_gso_segment): identifications
count up, FIN and PSH are of the last segment, CWR of the first.
Left out: IPv6, VLAN tags and tunnels of unfinished packets, which no interface here offers.
"""

import struct
from enum import StrEnum
from typing import Final

from actors.inet.checksum import checksum, pseudo_sum, transport_checksum
from actors.network.packet import Packet

TCP: Final = 6
UDP: Final = 17
MIN_SEGMENT_BYTES: Final = 8
"""Linux's TCP_MIN_GSO_SIZE: a smaller one would make thousands of frames of one packet."""

_ETHERNET: Final = 14
_IPV4: Final = b"\x08\x00"
_FRAGMENT: Final = 0x3FFF
_FIN_PSH: Final = 0x09
_CWR: Final = 0x80
_NOT_DATA: Final = 0x26
"""SYN, RST and URG: what goes with them is not cut."""
_CHECKSUM_AT: Final = {TCP: 16, UDP: 6}
_HEADER_BYTES: Final = {TCP: 20, UDP: 8}
_WORD: Final = struct.Struct(">H")
_NUMBER: Final = struct.Struct(">I")


class Unsendable(StrEnum):
    """Why a packet cannot go to a wire."""

    too_long = "too-long"
    malformed = "bad-offload"


OUT_REASONS: Final = tuple(str(each) for each in Unsendable)


class UnsendableError(Exception):
    """A packet cannot go to a wire; `reason` is an Unsendable."""

    def __init__(self, reason: Unsendable) -> None:
        super().__init__(reason.value)
        self.reason = reason


def wire_frames(packet: Packet, frame_bytes: int) -> list[bytes]:
    """The frames of a packet, none longer than `frame_bytes`. UnsendableError."""
    frame = packet.frame
    if not packet.segment_bytes and not packet.blank:
        frames = [frame]
    else:
        frames = _Unfinished(frame).frames(packet.segment_bytes)
    if any(len(each) > frame_bytes for each in frames):
        raise UnsendableError(Unsendable.too_long)
    return frames


class _Unfinished:
    """A packet of IPv4 that needs something done, checked: where in it what begins."""

    def __init__(self, frame: bytes) -> None:
        if len(frame) < _ETHERNET + 20 or frame[12:14] != _IPV4 or frame[14] >> 4 != 4:
            raise UnsendableError(Unsendable.malformed)
        transport_at = _ETHERNET + (frame[14] & 15) * 4
        (total,) = _WORD.unpack_from(frame, 16)
        (fragment,) = _WORD.unpack_from(frame, 20)
        protocol = frame[23]
        least = transport_at + _HEADER_BYTES.get(protocol, 0)
        if (
            transport_at < _ETHERNET + 20
            or protocol not in _CHECKSUM_AT
            or fragment & _FRAGMENT
            or not least <= _ETHERNET + total <= len(frame)
        ):
            raise UnsendableError(Unsendable.malformed)
        data_at = transport_at + (8 if protocol == UDP else (frame[transport_at + 12] >> 4) * 4)
        if not least <= data_at <= _ETHERNET + total:
            raise UnsendableError(Unsendable.malformed)
        self._frame = frame[: _ETHERNET + total]
        self._padding = frame[_ETHERNET + total :]
        self._protocol = protocol
        self._transport_at, self._data_at = transport_at, data_at
        self._source, self._target = (_NUMBER.unpack_from(frame, at)[0] for at in (26, 30))

    def frames(self, segment_bytes: int) -> list[bytes]:
        """Whole, or cut to segments with so many bytes of data, with sound checksums."""
        data = memoryview(self._frame)[self._data_at :]
        if not segment_bytes:
            header = bytearray(self._frame[: self._data_at])
            return [self._summed(header, data) + self._padding]
        flags = self._frame[self._transport_at + 13] if self._protocol == TCP else _NOT_DATA
        if segment_bytes < MIN_SEGMENT_BYTES or (flags & _NOT_DATA and len(data) > segment_bytes):
            raise UnsendableError(Unsendable.malformed)
        starts = range(0, len(data), segment_bytes) or range(1)
        return [
            self._segment(data[at : at + segment_bytes], at, place, starts) for place, at in enumerate(starts)
        ]

    def _segment(self, data: memoryview, at: int, place: int, starts: range) -> bytes:
        """One segment: the `place`th, whose data begin `at` so many bytes."""
        header = bytearray(self._frame[: self._data_at])
        transport_at = self._transport_at
        _WORD.pack_into(header, 16, len(header) - _ETHERNET + len(data))
        (identification,) = _WORD.unpack_from(header, 18)
        _WORD.pack_into(header, 18, identification + place & 0xFFFF)
        _WORD.pack_into(header, 24, 0)
        _WORD.pack_into(header, 24, checksum(header[_ETHERNET:transport_at]))
        if len(starts) > 1:
            (sequence,) = _NUMBER.unpack_from(header, transport_at + 4)
            _NUMBER.pack_into(header, transport_at + 4, sequence + at & 0xFFFFFFFF)
            if place:
                header[transport_at + 13] &= ~_CWR & 0xFF
            if place < len(starts) - 1:
                header[transport_at + 13] &= ~_FIN_PSH & 0xFF
        return self._summed(header, data)

    def _summed(self, header: bytearray, data: memoryview) -> bytes:
        """The packet with a checksum of TCP or UDP that covers all of it."""
        at = self._transport_at + _CHECKSUM_AT[self._protocol]
        _WORD.pack_into(header, at, 0)
        transport = header[self._transport_at :]
        pseudo = pseudo_sum(self._source, self._target, self._protocol, len(transport) + len(data))
        total = transport_checksum(pseudo, transport, data)
        if self._protocol == UDP and not total:
            total = 0xFFFF  # 0 says that there is none
        _WORD.pack_into(header, at, total)
        return bytes(header) + data
