"""UDP datagrams (RFC 768)."""

import struct
from typing import NamedTuple

from actors.inet.checksum import Buffer, is_sound, pseudo_sum, transport_checksum
from actors.inet.drops import Drop, MalformedError
from actors.inet.ipv4 import UDP

HEADER_BYTES = 8

_HEADER = struct.Struct(">HHHH")


class Datagram(NamedTuple):
    """Ports and data."""

    source_port: int
    destination_port: int
    payload: Buffer


def parse_udp(data: memoryview, source: int, destination: int, *, checked: bool = False) -> Datagram:
    """Refuses wrong lengths and, unless `checked`, wrong checksums; a checksum of 0 says: none."""
    if len(data) < HEADER_BYTES:
        raise MalformedError(Drop.UDP_LENGTH)
    source_port, destination_port, length, given = _HEADER.unpack_from(data)
    if not HEADER_BYTES <= length <= len(data):
        raise MalformedError(Drop.UDP_LENGTH)
    data = data[:length]
    if given and not checked and not is_sound(data, pseudo_sum(source, destination, UDP, length)):
        raise MalformedError(Drop.UDP_CHECKSUM)
    return Datagram(source_port, destination_port, data[HEADER_BYTES:])


def udp_header(datagram: Datagram, source: int, destination: int, *, blank: bool = False) -> bytes:
    """The header of a datagram with its checksum, or with that of the pseudo header only."""
    length = HEADER_BYTES + len(datagram.payload)
    pseudo = pseudo_sum(source, destination, UDP, length)
    ports = (datagram.source_port, datagram.destination_port, length)
    if blank:
        return _HEADER.pack(*ports, pseudo)
    total = transport_checksum(pseudo, _HEADER.pack(*ports, 0), datagram.payload)
    return _HEADER.pack(*ports, total or 0xFFFF)
