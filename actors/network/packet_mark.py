"""What a frame is known by on its way from a guest to the wire, to another wire, to another guest.

Rules: that a checksum is filled in, or that it becomes the first of several segments, changes nothing. It is
no secret and no proof: two frames may have the same mark, if seldom.
"""

from typing import Final
from zlib import crc32

ARP: Final = 0x100
OTHER: Final = 0x1FF
"""What is no IPv4, beside the protocols of that."""
_IPV4: Final = b"\x08\x00"
_TCP: Final = 6
_ETHERNET_ADDRESSES: Final = 12


def mark_of(frame: bytes) -> int:
    """32 bits. Of IPv4: stations, identification, addresses, ports, and the sequence number of TCP."""
    if frame[12:14] != _IPV4 or len(frame) < 34:
        return crc32(frame[:42])
    end = 42 if frame[23] == _TCP else 38
    return crc32(frame[26:end], crc32(frame[18:22], crc32(frame[:_ETHERNET_ADDRESSES])))


def kind_of(frame: bytes) -> int:
    """The protocol of IPv4, or ARP, or OTHER."""
    if frame[12:14] == _IPV4 and len(frame) >= 34:
        return frame[23]
    return ARP if frame[12:14] == b"\x08\x06" else OTHER
