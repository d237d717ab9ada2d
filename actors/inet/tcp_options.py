"""TCP options: maximum segment size (RFC 9293), window scale and timestamps (RFC 7323), SACK (RFC 2018).

As in Linux, an option of a wrong length is skipped and one that runs out of the header ends the parsing: a
bad option alone drops no segment.
"""

import struct
from typing import NamedTuple

from actors.inet.checksum import Buffer

END, NOP, MSS, SCALE, SACK_PERMITTED, SACK, TIMESTAMPS = 0, 1, 2, 3, 4, 5, 8
SCALE_MAX = 14
SACK_BLOCKS_MAX = 4
TIMESTAMPS_BYTES = 12
"""With the two NOPs that align it."""

_TIMESTAMPS = struct.Struct(">HBBII")
_NOPS = 0x0101
_SACK_PERMITTED = 0x0402
"""What stands in front of timestamps, which aligns them."""


class TcpOptions(NamedTuple):
    """What a segment says beside its header; absent options are None, False or empty."""

    mss: int | None = None
    scale: int | None = None
    sack_permitted: bool = False
    timestamps: tuple[int, int] | None = None
    """TSval and TSecr."""
    sack: tuple[tuple[int, int], ...] = ()
    """Left and right edge of each block."""


NO_OPTIONS = TcpOptions()


def parse_options(data: Buffer) -> TcpOptions:
    """Whatever the bytes are."""
    if not data:
        return NO_OPTIONS
    if len(data) == TIMESTAMPS_BYTES:
        pad, kind, length, value, echo = _TIMESTAMPS.unpack(data)
        if pad == _NOPS and kind == TIMESTAMPS and length == 10:
            return TcpOptions(timestamps=(value, echo))
    return _parse_each(data)


def _parse_each(data: Buffer) -> TcpOptions:
    found = NO_OPTIONS
    at, size = 0, len(data)
    while at < size and data[at] != END:
        if data[at] == NOP:
            at += 1
            continue
        if at + 1 >= size or data[at + 1] < 2 or at + data[at + 1] > size:
            break
        found = _with_option(found, data[at], data[at + 2 : at + data[at + 1]])
        at += data[at + 1]
    return found


def _with_option(found: TcpOptions, kind: int, body: Buffer) -> TcpOptions:
    match kind, len(body):
        case 2, 2:
            return found._replace(mss=int.from_bytes(body, "big"))
        case 3, 1:
            return found._replace(scale=min(body[0], SCALE_MAX))
        case 4, 0:
            return found._replace(sack_permitted=True)
        case 5, (8 | 16 | 24 | 32):
            edges = struct.unpack(f">{len(body) // 4}I", body)
            return found._replace(sack=tuple(zip(edges[::2], edges[1::2], strict=True)))
        case 8, 8:
            value, echo = struct.unpack(">II", body)
            return found._replace(timestamps=(value, echo))
    return found


def build_options(options: TcpOptions) -> bytes:
    """In Linux's order, each aligned to 4 bytes; at most 40 bytes (3 SACK blocks beside timestamps)."""
    if options is NO_OPTIONS:
        return b""
    parts = []
    if options.mss is not None:
        parts.append(struct.pack(">BBH", MSS, 4, options.mss))
    pad = _SACK_PERMITTED if options.sack_permitted else _NOPS
    if options.timestamps is not None:
        parts.append(_TIMESTAMPS.pack(pad, TIMESTAMPS, 10, *options.timestamps))
    elif options.sack_permitted:
        parts.append(bytes((NOP, NOP, SACK_PERMITTED, 2)))
    if options.scale is not None:
        parts.append(bytes((NOP, SCALE, 3, options.scale)))
    if options.sack:
        parts.append(bytes((NOP, NOP, SACK, 2 + 8 * len(options.sack))))
        parts.extend(struct.pack(">II", *block) for block in options.sack)
    return b"".join(parts)
