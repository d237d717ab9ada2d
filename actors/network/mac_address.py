"""Addresses of stations: six bytes, as text `00:16:3e:5e:6c:00`.

Source: IEEE 802, EUI-48: bit 0 of the first byte says that a group is meant; 802.1D 7.12.6 reserves a block.
"""

import re
from typing import Final

BROADCAST: Final = b"\xff" * 6
NOBODY: Final = bytes(6)
LINK_LOCAL_PREFIX: Final = b"\x01\x80\xc2\x00\x00"
_TEXT: Final = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")


def parse_mac(text: str) -> bytes:
    """The bytes of an address; ValueError if it is none."""
    if not _TEXT.fullmatch(text):
        raise ValueError(f"{text!r} is no MAC address, as 00:16:3e:5e:6c:00")
    return bytes.fromhex(text.replace(":", ""))


def is_group(mac: bytes) -> bool:
    """Whether several stations are meant, or all."""
    return mac[0] & 1 != 0


def is_station(mac: bytes) -> bool:
    """Whether one station can have it, and so send from it."""
    return not mac[0] & 1 and mac != NOBODY


def is_link_local(mac: bytes) -> bool:
    """Whether it is for the next bridge only (01:80:c2:00:00:00 to 0f), which forwards it to nobody."""
    return mac[:5] == LINK_LOCAL_PREFIX and mac[5] < 16
