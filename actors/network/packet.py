"""A frame on its way within a host, and what nobody has done to it yet."""

from typing import NamedTuple


class Packet(NamedTuple):
    """An Ethernet frame of up to 64 KiB without its checksum of the wire. Nobody may change it.

    It may cross between two guests as it is; who hands it to a wire has to finish it first.
    """

    frame: bytes
    segment_bytes: int = 0
    """If not 0, it is a TCP segment that is to be cut into ones of so many bytes of data (GSO)."""
    blank: bool = False
    """The checksum of TCP or UDP covers the pseudo header only."""
    validated: bool = False
    """Whoever took it in vouches for that checksum."""
