"""Whether a packet that leaves something to be done to others is one to which that can be done.

Source: Linux drivers/net/xen-netback/netback.c (checksum_setup), net/core/skbuff.c (skb_checksum_setup).
Left out: IPv6 extension headers, VLAN tags.
"""

from typing import Final

_ETHERNET: Final = 14
_IPV4: Final = b"\x08\x00"
_IPV6: Final = b"\x86\xdd"
_TCP: Final = 6
_HEADER_BYTES: Final = {6: 20, 17: 8}
_FRAGMENT: Final = 0x3FFF


def offload_fits(frame: bytes, *, segmented: bool) -> bool:
    """Whether it is TCP or UDP (only TCP over IPv4, if it is to be `segmented`) with all of its header."""
    kind = frame[12:14]
    if kind == _IPV4 and len(frame) >= _ETHERNET + 20:
        transport_at = _ETHERNET + (frame[_ETHERNET] & 15) * 4
        protocol = frame[23]
        if transport_at < _ETHERNET + 20 or int.from_bytes(frame[20:22], "big") & _FRAGMENT:
            return False
    elif kind == _IPV6 and len(frame) >= _ETHERNET + 40 and not segmented:
        transport_at, protocol = _ETHERNET + 40, frame[20]
    else:
        return False
    header = _HEADER_BYTES.get(protocol)
    if header is None or (segmented and protocol != _TCP):
        return False
    return len(frame) >= transport_at + header
