"""ARP packets for IPv4 over Ethernet (RFC 826)."""

import struct
from typing import NamedTuple

from actors.inet.checksum import Buffer
from actors.inet.drops import Drop, MalformedError

REQUEST = 1
REPLY = 2

_PACKET = struct.Struct(">HHBBH6sI6sI")
_ETHERNET_IPV4 = (1, 0x0800, 6, 4)


class ArpPacket(NamedTuple):
    """Who asks or answers, and about whom."""

    operation: int
    sender_mac: bytes
    sender: int
    target_mac: bytes
    target: int


def parse_arp(data: Buffer) -> ArpPacket:
    """Refuses other hardware, other protocols, and operations other than request and reply."""
    if len(data) < _PACKET.size:
        raise MalformedError(Drop.ARP_MALFORMED)
    *kind, operation, sender_mac, sender, target_mac, target = _PACKET.unpack_from(data)
    if tuple(kind) != _ETHERNET_IPV4 or operation not in (REQUEST, REPLY) or sender_mac[0] & 1:
        raise MalformedError(Drop.ARP_MALFORMED)
    return ArpPacket(operation, sender_mac, sender, target_mac, target)


def build_arp(packet: ArpPacket) -> bytes:
    """The 28 bytes after the Ethernet header."""
    return _PACKET.pack(*_ETHERNET_IPV4, *packet)
