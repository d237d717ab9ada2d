"""The number of a virtual block device, from the name that a guest knows it by.

Rules: xvd names take the extended form beyond 16 disks or 15 partitions; hd and sd names have no such
form. ValueError says what was wrong, a semicolon, and the right form.
Source: xen/include/public/io/blkif.h, docs/man/xen-vbd-interface.7 (numbers).
Left out: the d<disk>p<partition> form and bare numbers.
"""

import re
from typing import Final

_NAME: Final = re.compile(r"(xvd|sd|hd)([a-z]{1,2})([1-9][0-9]{0,2})?")
_EXTENDED: Final = 1 << 28
_DISKS_MAX: Final = 1 << 20


def virtual_device_number(name: str) -> int:
    """The number of `xvda`, `xvdb1`, `sda`, `hdc` and their like."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is no virtual device; write xvda, xvdb1, sda or hda")
    family, letters, digits = match.groups()
    disk, partition = _disk_index(letters), int(digits or 0)
    if family == "xvd":
        return _xvd(name, disk, partition)
    disks_max, partition_max = (16, 15) if family == "sd" else (4, 63)
    if disk >= disks_max or partition > partition_max:
        last = chr(ord("a") + disks_max - 1)
        raise ValueError(
            f"{name!r} does not exist; {family}a to {family}{last}, partitions up to {partition_max}"
        )
    if family == "sd":
        return 8 << 8 | disk << 4 | partition
    return (3, 22)[disk // 2] << 8 | disk % 2 << 6 | partition


def _xvd(name: str, disk: int, partition: int) -> int:
    if disk < 16 and partition < 16:
        return 202 << 8 | disk << 4 | partition
    if disk >= _DISKS_MAX or partition > 255:
        raise ValueError(f"{name!r} does not exist; partitions go up to 255")
    return _EXTENDED | disk << 8 | partition


def _disk_index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("a") + 1
    return index - 1
