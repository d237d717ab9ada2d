"""IPv4 addresses: numbers inside, text at the edges only."""

from ipaddress import IPv4Address
from typing import NamedTuple

LIMITED_BROADCAST = 0xFFFFFFFF


class Endpoint(NamedTuple):
    """An address and a port."""

    address: int
    port: int


def ipv4(text: str) -> int:
    """The number of `a.b.c.d`; ValueError for anything else."""
    return int(IPv4Address(text))


def is_host(address: int) -> bool:
    """Whether a packet may come from there: neither 0/8, nor 127/8, nor multicast and what is above."""
    return 0 < address >> 24 < 224 and address >> 24 != 127
