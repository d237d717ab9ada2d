"""Which sources a port of a bridge may have: MAC addresses, and IP addresses if they are told.

Rules: a frame is judged by itself. With addresses told, IPv4, IPv6 and ARP frames have to name one of them as
their source, and nothing may hide one: a VLAN tag, or an end before the address, is refused. Who has no
address yet may ask for one: an ARP probe, DHCP from 0.0.0.0, IPv6 from `::`. Other protocols have no address
to lie about.
Source: Xen tools/hotplug/Linux/vif-common.sh (`antispoof`, which lets DHCP pass), RFC 826, 5227, 2131, 4862.
Left out: what IPv6 neighbour discovery says within.
"""

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

_ARP: Final = b"\x08\x06"
_IPV4: Final = b"\x08\x00"
_IPV6: Final = b"\x86\xdd"
_TAGS: Final = (b"\x81\x00", b"\x88\xa8")
_UNSPECIFIED_4: Final = bytes(4)
_UNSPECIFIED_6: Final = bytes(16)
_DHCP_PORTS: Final = b"\x00\x44\x00\x43"
_UDP: Final = 17


class Spoof(StrEnum):
    """What is wrong with the source of a frame."""

    mac = "source-mac"
    ip = "source-ip"
    tagged = "tagged"
    truncated = "truncated"


class SpoofProtection:
    """What one port may send from. ValueError if an IP address is none."""

    def __init__(self, macs: Iterable[bytes], ips: Iterable[str] | None = None) -> None:
        self.macs = frozenset(macs)
        self._ips = None if ips is None else frozenset(ip_address(each).packed for each in ips)

    def objection(self, frame: bytes) -> Spoof | None:
        """Why a frame is refused, which has a whole Ethernet header; None if it is not."""
        if frame[6:12] not in self.macs:
            return Spoof.mac
        if self._ips is None:
            return None
        kind = frame[12:14]
        if kind == _IPV4:
            return self._ipv4(frame)
        if kind == _ARP:
            return self._arp(frame)
        if kind == _IPV6:
            if len(frame) < 54:
                return Spoof.truncated
            return self._listed(frame[22:38], unspecified=_UNSPECIFIED_6)
        return Spoof.tagged if kind in _TAGS else None

    def _ipv4(self, frame: bytes) -> Spoof | None:
        if len(frame) < 34:
            return Spoof.truncated
        source = frame[26:30]
        if source == _UNSPECIFIED_4:
            ports_at = 14 + (frame[14] & 15) * 4
            asks = frame[23] == _UDP and frame[ports_at : ports_at + 4] == _DHCP_PORTS
            return None if asks else Spoof.ip
        return self._listed(source)

    def _arp(self, frame: bytes) -> Spoof | None:
        if len(frame) < 42:
            return Spoof.truncated
        if frame[22:28] not in self.macs:
            return Spoof.mac
        return self._listed(frame[28:32], unspecified=_UNSPECIFIED_4)

    def _listed(self, source: bytes, unspecified: bytes | None = None) -> Spoof | None:
        assert self._ips is not None, "asked of a port whose addresses are told"
        return None if source in self._ips or source == unspecified else Spoof.ip
