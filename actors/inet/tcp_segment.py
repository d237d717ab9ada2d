"""TCP segments (RFC 9293, 3.1)."""

import struct
from dataclasses import dataclass
from enum import IntFlag

from actors.inet.checksum import Buffer, is_sound, pseudo_sum, transport_checksum
from actors.inet.drops import Drop, MalformedError
from actors.inet.ipv4 import TCP
from actors.inet.tcp_options import NO_OPTIONS, TcpOptions, build_options, parse_options

HEADER_BYTES = 20

_HEADER = struct.Struct(">HHIIBBHHH")


class Flag(IntFlag):
    """The control bits that mean something here; URG, ECE and CWR are neither sent nor heeded."""

    FIN = 1
    SYN = 2
    RST = 4
    PSH = 8
    ACK = 16


FIN, SYN, RST, PSH, ACK = (int(flag) for flag in Flag)
"""The same as numbers: what is tested for every segment costs no enumeration."""


@dataclass(slots=True)
class Segment:
    """A segment; sequence numbers are as on the wire, `window` is not yet scaled."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int = 0
    flags: int = 0
    window: int = 0
    options: TcpOptions = NO_OPTIONS
    payload: Buffer = b""
    rest: tuple[Buffer, ...] = ()
    """What comes after `payload`, of one that is sent with a blank checksum: nobody has put it together."""

    @property
    def length(self) -> int:
        """How many sequence numbers one that has come takes: its data, SYN and FIN."""
        return len(self.payload) + (self.flags >> 1 & 1) + (self.flags & 1)


def parse_tcp(data: memoryview, source: int, destination: int, *, checked: bool = False) -> Segment:
    """Refuses truncated segments, data offsets beyond them and, unless `checked`, wrong checksums."""
    if len(data) < HEADER_BYTES:
        raise MalformedError(Drop.TCP_TRUNCATED)
    source_port, destination_port, sequence, acknowledgement, offset, flags, window, _, _ = (
        _HEADER.unpack_from(data)
    )
    header = (offset >> 4) * 4
    if not HEADER_BYTES <= header <= len(data):
        raise MalformedError(Drop.TCP_OFFSET)
    if not checked and not is_sound(data, pseudo_sum(source, destination, TCP, len(data))):
        raise MalformedError(Drop.TCP_CHECKSUM)
    options = parse_options(data[HEADER_BYTES:header]) if header > HEADER_BYTES else NO_OPTIONS
    return Segment(
        source_port,
        destination_port,
        sequence,
        acknowledgement,
        flags & 0x1F,
        window,
        options,
        data[header:],
    )


def tcp_header(segment: Segment, source: int, destination: int, *, blank: bool = False) -> bytes:
    """The header of a segment with its options and checksum, or with that of the pseudo header only."""
    options = build_options(segment.options)
    header = HEADER_BYTES + len(options)
    size = len(segment.payload) + sum(map(len, segment.rest)) if segment.rest else len(segment.payload)
    pseudo = pseudo_sum(source, destination, TCP, header + size)
    fields = (
        segment.source_port,
        segment.destination_port,
        segment.sequence,
        segment.acknowledgement,
        header // 4 << 4,
        segment.flags,
        segment.window,
    )
    if blank:
        return _HEADER.pack(*fields, pseudo, 0) + options
    assert not segment.rest
    total = transport_checksum(pseudo, _HEADER.pack(*fields, 0, 0), options, segment.payload)
    return _HEADER.pack(*fields, total, 0) + options
