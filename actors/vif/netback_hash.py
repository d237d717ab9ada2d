"""Which queue of a guest a packet goes to: by the hash that the guest has asked for, or one of our own.

Source: Linux drivers/net/xen-netback/hash.c, interface.c (xenvif_select_queue); xen/include/public/io/netif.h
(Toeplitz, and what of a packet it covers).
Left out: the extra that tells the guest the hash.
"""

from typing import Final
from zlib import crc32

KEY_BYTES_MAX: Final = 40
MAPPING_MAX: Final = 128
NONE, TOEPLITZ = 0, 1
IPV4, IPV4_TCP, IPV6, IPV6_TCP = 1, 2, 4, 8
ALL_TYPES: Final = IPV4 | IPV4_TCP | IPV6 | IPV6_TCP
_TCP: Final = 6


class NetbackHash:
    """The hash of one connection with `queues` queues."""

    def __init__(self, queues: int) -> None:
        self._queues = queues
        self.algorithm = NONE
        self.types = 0
        self.key = bytes(KEY_BYTES_MAX)
        self.mapping = [0]
        self.mapping_size = 0

    def queue_of(self, frame: bytes) -> int:
        """The queue for a frame."""
        if self._queues == 1:
            return 0
        if self.algorithm == NONE:
            return crc32(frame[26:38]) % self._queues
        value = toeplitz(self.key, self._covered(frame))
        return self.mapping[value % self.mapping_size] if self.mapping_size else value % self._queues

    def resize_mapping(self, size: int) -> None:
        """A mapping of so many entries, all to queue 0."""
        self.mapping_size = size
        self.mapping = [0] * size

    def _covered(self, frame: bytes) -> bytes:
        """What of a frame the hash covers: addresses, and ports of TCP, as far as the guest wants it."""
        kind, types = frame[12:14], self.types
        if kind == b"\x08\x00" and len(frame) >= 34:
            ports_at = 14 + (frame[14] & 15) * 4
            whole = not int.from_bytes(frame[20:22], "big") & 0x3FFF
            if types & IPV4_TCP and frame[23] == _TCP and whole:
                return frame[26:34] + frame[ports_at : ports_at + 4]
            return frame[26:34] if types & IPV4 else b""
        if kind == b"\x86\xdd" and len(frame) >= 54:
            if types & IPV6_TCP and frame[20] == _TCP:
                return frame[22:54] + frame[54:58]
            return frame[22:54] if types & IPV6 else b""
        return b""


def toeplitz(key: bytes, data: bytes) -> int:
    """The 32-bit hash of `data`: key bits from where each 1 of it stands, added without carry."""
    bits = int.from_bytes(key, "big")
    width, value = len(key) * 8, 0
    for place in range(len(data) * 8):
        if data[place // 8] >> (7 - place % 8) & 1:
            shift = width - 32 - place
            value ^= (bits >> shift if shift >= 0 else bits << -shift) & 0xFFFFFFFF
    return value
