"""Ethernet frames on a stream of bytes, as QEMU's `-netdev stream` and passt have them.

Source: QEMU net/stream.c and net/net.c (net_socket_rs): a 32-bit big-endian length, then the frame, of at
most NET_BUFSIZE bytes.
"""

import struct
from typing import Final

FRAME_BYTES_MAX: Final = 4096 + 65536
_LENGTH: Final = struct.Struct(">I")


def framed(frame: bytes) -> bytes:
    """A frame as it goes onto the stream."""
    return _LENGTH.pack(len(frame)) + frame


class FrameStream:
    """Makes frames of what comes, in whatever portions."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now. ValueError for one that is too long."""
        self._buffer += data
        frames: list[bytes] = []
        at = 0
        while len(self._buffer) - at >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, at)
            if size > FRAME_BYTES_MAX:
                raise ValueError(f"a frame of {size} bytes, and {FRAME_BYTES_MAX} are the most")
            end = at + _LENGTH.size + size
            if end > len(self._buffer):
                break
            frames.append(bytes(self._buffer[at + _LENGTH.size : end]))
            at = end
        del self._buffer[:at]
        return frames
