"""The number of a virtual block device, from the name that a guest knows it by.

Rules: xvd names take the extended form beyond 16 disks or 15 partitions; hd and sd names have no such
form; a bare number stands for itself. ValueError says what was wrong, a semicolon, and the right form.
Source: xen/include/public/io/blkif.h, docs/man/xen-vbd-interface.7, libxl__device_disk_dev_number (numbers).
Left out: what libxl takes for a name without being one: no letter (`hd`), a sign or white space before a
number, nothing at all.
"""

import re
from typing import Final

from cluster.lab.config.c_number import c_number

_NAME: Final = re.compile(r"(xvd|sd|hd)([a-z]{1,5})([1-9][0-9]{0,2})?")
_DISK_PARTITION: Final = re.compile(r"d([0-9][0-9a-fA-FxX]*)p([0-9][0-9a-fA-FxX]*)")
_NUMBER: Final = re.compile(r"[0-9][0-9a-fA-FxX]*")
_EXTENDED: Final = 1 << 28
_DISKS_MAX: Final = 1 << 20
_PARTITION_MAX: Final = 255
_NUMBER_MAX: Final = (1 << 31) - 1


def virtual_device_number(name: str) -> int:
    """The number of `xvda`, `xvdb1`, `sda`, `hdc`, `d0p1`, `0x301` and their like."""
    if _NUMBER.fullmatch(name):
        return _number(name, name, _NUMBER_MAX)
    if given := _DISK_PARTITION.fullmatch(name):
        disk = _number(name, given[1], _DISKS_MAX - 1)
        return _xvd(name, disk, _number(name, given[2], _PARTITION_MAX))
    match = _NAME.fullmatch(name)
    if match is None:
        right = f"write {name}p0" if re.fullmatch("d[0-9]+", name) else "write xvda, xvdb1, d0p1, sda or hda"
        raise ValueError(f"{name!r} is no virtual device; {right}")
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
    if disk >= _DISKS_MAX or partition > _PARTITION_MAX:
        raise ValueError(
            f"{name!r} does not exist; disks go up to {_DISKS_MAX - 1}, partitions to {_PARTITION_MAX}"
        )
    return _EXTENDED | disk << 8 | partition


def _disk_index(letters: str) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("a") + 1
    return index - 1


def _number(name: str, digits: str, most: int) -> int:
    try:
        number = c_number(digits)
    except ValueError as error:
        raise ValueError(f"{name!r} is no virtual device; {error}, be it decimal, octal or hex") from error
    if number > most:
        raise ValueError(f"{name!r} does not exist; {digits} is more than {most}")
    return number
