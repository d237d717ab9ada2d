"""A network interface as the stack knows it, and what it is handed."""

from dataclasses import dataclass
from typing import NamedTuple

from actors.inet.address import LIMITED_BROADCAST


class Outgoing(NamedTuple):
    """A frame to send."""

    frame: bytes
    segment_bytes: int = 0
    """If not 0, the frame holds a TCP segment that is to be cut into ones of so many bytes of data (GSO)."""
    blank: bool = False
    """The checksum of TCP or UDP covers the pseudo header only."""


@dataclass(frozen=True, slots=True)
class Interface:
    """Its addresses and what it can do."""

    mac: bytes
    address: int
    prefix: int = 24
    gateway: int | None = None
    mtu: int = 1500
    checksum_offload: bool = False
    """It completes blank checksums."""
    segment_offload: bool = False
    """It cuts TCP segments of up to 64 KiB; that needs `checksum_offload`."""

    def __post_init__(self) -> None:
        if self.segment_offload and not self.checksum_offload:
            raise ValueError("an interface that cuts segments completes their checksums")

    @property
    def broadcast(self) -> int:
        """Everybody on the link."""
        return self.address | (LIMITED_BROADCAST >> self.prefix)

    def next_hop(self, destination: int) -> int | None:
        """Whose MAC address a packet needs; None if there is no way."""
        if (destination ^ self.address) >> (32 - self.prefix) == 0:
            return destination
        return self.gateway
