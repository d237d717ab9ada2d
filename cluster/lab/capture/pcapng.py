"""The blocks of a pcapng file: a section, its interfaces, their packets, and what was missed.

Rules: bytes only, little endian, each block whole. Times are nanoseconds since 1970.
Source: draft-ietf-opsawg-pcapng, 4.1 (Section Header), 4.2 (Interface Description), 4.3 (Enhanced Packet),
4.6 (Interface Statistics).
"""

import struct
from typing import Final

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
ETHERNET: Final = 1
"""LINKTYPE_ETHERNET."""
INBOUND: Final = 1
OUTBOUND: Final = 2
_BYTE_ORDER: Final = 0x1A2B3C4D
_END, _COMMENT = 0, 1
_IF_NAME, _IF_TSRESOL, _EPB_FLAGS, _ISB_IFDROP, _USERAPPL = 2, 9, 2, 5, 4
_NANOSECONDS: Final = b"\x09"
_COMMENT_BYTES_MAX: Final = 1024


def section(application: str) -> bytes:
    """A section that this application has written."""
    body = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1)
    return _block(SECTION, body, [(_USERAPPL, application.encode())])


def interface(name: str, snap_bytes: int) -> bytes:
    """The next interface, numbered from 0 in the order of these blocks; 0 for packets of any length."""
    body = struct.pack("<HHI", ETHERNET, 0, snap_bytes)
    return _block(INTERFACE, body, [(_IF_NAME, name.encode()), (_IF_TSRESOL, _NANOSECONDS)])


def packet(number: int, at_ns: int, data: bytes, length: int, *, flags: int, comment: str = "") -> bytes:
    """A packet of interface `number`, of which `data` is what was captured; `flags`: INBOUND or OUTBOUND."""
    body = struct.pack("<IIIII", number, at_ns >> 32, at_ns & 0xFFFFFFFF, len(data), length) + _padded(data)
    options = [(_EPB_FLAGS, struct.pack("<I", flags))]
    if comment:
        options.append((_COMMENT, comment.encode()[:_COMMENT_BYTES_MAX]))
    return _block(PACKET, body, options)


def statistics(number: int, at_ns: int, missed: int) -> bytes:
    """How many packets of an interface there was no room for, until now."""
    body = struct.pack("<III", number, at_ns >> 32, at_ns & 0xFFFFFFFF)
    return _block(STATISTICS, body, [(_ISB_IFDROP, struct.pack("<Q", missed))])


def _block(kind: int, body: bytes, options: list[tuple[int, bytes]]) -> bytes:
    parts = [body]
    parts += [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    parts.append(struct.pack("<HH", _END, 0))
    content = b"".join(parts)
    size = len(content) + 12
    return struct.pack("<II", kind, size) + content + struct.pack("<I", size)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
