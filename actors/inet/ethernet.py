"""Ethernet II frames without their check sequence, which a wire checks; no VLAN tags."""

import struct
from typing import NamedTuple

from actors.inet.drops import Drop, MalformedError

HEADER_BYTES = 14
BROADCAST = b"\xff" * 6
IPV4 = 0x0800
ARP = 0x0806

_HEADER = struct.Struct(">6s6sH")


class Frame(NamedTuple):
    """A frame; `payload` is a view of the bytes it was parsed from, padding included."""

    destination: bytes
    source: bytes
    ethertype: int
    payload: memoryview


def parse_frame(data: bytes) -> Frame:
    """Refuses what is shorter than a header."""
    if len(data) < HEADER_BYTES:
        raise MalformedError(Drop.FRAME_TRUNCATED)
    destination, source, ethertype = _HEADER.unpack_from(data)
    return Frame(destination, source, ethertype, memoryview(data)[HEADER_BYTES:])


def frame_header(destination: bytes, source: bytes, ethertype: int) -> bytes:
    """The 14 bytes in front of a packet."""
    return _HEADER.pack(destination, source, ethertype)
