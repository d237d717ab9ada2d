"""IPv4 headers (RFC 791).

Nothing is fragmented and no fragment is put together: what is sent carries DF, as Linux's TCP does, and a
fragment that arrives is dropped and counted. Options are skipped over.
"""

import struct
from typing import NamedTuple

from actors.inet.checksum import is_sound
from actors.inet.drops import Drop, MalformedError

HEADER_BYTES = 20
PACKET_BYTES_MAX = 0xFFFF
TTL = 64
ICMP = 1
TCP = 6
UDP = 17

_HEADER = struct.Struct(">BBHHHBBHII")
_DONT_FRAGMENT = 0x4000
_CONSTANT = 0x4500 + _DONT_FRAGMENT + (TTL << 8)
"""The words of a header that are always the same, as a sum."""
_FRAGMENT = 0x3FFF
"""More fragments, or an offset."""


class Ipv4Packet(NamedTuple):
    """A packet; `payload` is what the total length says, without a frame's padding."""

    source: int
    destination: int
    protocol: int
    ttl: int
    identification: int
    payload: memoryview


def parse_ipv4(data: memoryview) -> Ipv4Packet:
    """Refuses what Linux's `ip_rcv_core` refuses, and fragments."""
    if len(data) < HEADER_BYTES:
        raise MalformedError(Drop.IP_TRUNCATED)
    first, _, length, identification, fragment, ttl, protocol, _, source, destination = _HEADER.unpack_from(
        data
    )
    if first >> 4 != 4:
        raise MalformedError(Drop.IP_VERSION)
    header = (first & 15) * 4
    if header < HEADER_BYTES:
        raise MalformedError(Drop.IP_HEADER_LENGTH)
    if length > len(data) or length < header:
        raise MalformedError(Drop.IP_LENGTH)
    if not is_sound(data[:header]):
        raise MalformedError(Drop.IP_CHECKSUM)
    if fragment & _FRAGMENT:
        raise MalformedError(Drop.IP_FRAGMENT)
    return Ipv4Packet(source, destination, protocol, ttl, identification, data[header:length])


def ipv4_header(source: int, destination: int, protocol: int, length: int, identification: int) -> bytes:
    """The header of a packet of `length` bytes of payload; ValueError if that is more than a packet holds."""
    total = HEADER_BYTES + length
    if total > PACKET_BYTES_MAX:
        raise ValueError(f"{total} bytes are more than an IPv4 packet holds")
    words = _CONSTANT + total + identification + protocol
    words += (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF)
    return _HEADER.pack(
        0x45,
        0,
        total,
        identification,
        _DONT_FRAGMENT,
        TTL,
        protocol,
        0xFFFF - (words % 0xFFFF or 0xFFFF),
        source,
        destination,
    )
