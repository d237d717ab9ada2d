"""ICMP messages (RFC 792): echo and its reply, and destination unreachable."""

import struct
from typing import NamedTuple

from actors.inet.checksum import Buffer, checksum, is_sound
from actors.inet.drops import Drop, MalformedError

ECHO_REPLY = 0
UNREACHABLE = 3
ECHO = 8

UNREACHABLE_NET = 0
UNREACHABLE_HOST = 1
UNREACHABLE_PROTOCOL = 2
UNREACHABLE_PORT = 3
FRAGMENTATION_NEEDED = 4

QUOTED_BYTES = 28
"""How much of a packet an error quotes at least: its header, and the 8 bytes that hold ports."""

_HEADER = struct.Struct(">BBHI")
_QUOTE = struct.Struct(">BBHHHBBHIIHHI")


class IcmpMessage(NamedTuple):
    """`rest` is the second word: identifier and sequence number of an echo, an MTU in an error."""

    kind: int
    code: int
    rest: int
    payload: Buffer


class Quote(NamedTuple):
    """The packet that an error is about."""

    protocol: int
    source: int
    destination: int
    source_port: int
    destination_port: int
    sequence: int


def parse_icmp(data: Buffer) -> IcmpMessage:
    """Refuses truncated messages and wrong checksums."""
    if len(data) < _HEADER.size:
        raise MalformedError(Drop.ICMP_TRUNCATED)
    if not is_sound(data):
        raise MalformedError(Drop.ICMP_CHECKSUM)
    kind, code, _, rest = _HEADER.unpack_from(data)
    return IcmpMessage(kind, code, rest, data[_HEADER.size :])


def build_icmp(message: IcmpMessage) -> bytes:
    """The message with its checksum."""
    data = bytearray(_HEADER.pack(message.kind, message.code, 0, message.rest))
    data += message.payload
    struct.pack_into(">H", data, 2, checksum(data))
    return bytes(data)


def parse_quote(data: Buffer) -> Quote:
    """The head of the packet that an error quotes; this stack has sent none with IP options."""
    if len(data) < QUOTED_BYTES or data[0] != 0x45:
        raise MalformedError(Drop.ICMP_TRUNCATED)
    _, _, _, _, _, _, protocol, _, source, destination, source_port, destination_port, sequence = (
        _QUOTE.unpack_from(data)
    )
    return Quote(protocol, source, destination, source_port, destination_port, sequence)
