"""IPv4 and MAC addresses: numbers and six bytes inside, text at the edges only."""

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


def ipv4_text(address: int) -> str:
    """`a.b.c.d`."""
    return str(IPv4Address(address))


def mac(text: str) -> bytes:
    """The bytes of `aa:bb:cc:dd:ee:ff`; ValueError for anything else."""
    parts = text.split(":")
    if len(parts) != 6 or any(len(part) != 2 for part in parts):
        raise ValueError(f"{text!r} is not a MAC address")
    return bytes.fromhex("".join(parts))


def mac_text(address: bytes) -> str:
    """`aa:bb:cc:dd:ee:ff`."""
    return address.hex(":")


def is_host(address: int) -> bool:
    """Whether a packet may come from there: neither 0/8, nor 127/8, nor multicast and what is above."""
    return 0 < address >> 24 < 224 and address >> 24 != 127
