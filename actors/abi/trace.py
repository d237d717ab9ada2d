"""Tracepoints on the path of a block request, for whoever records where it goes.

A point is called with its number, then `a` (16 bits), `b` (32 bits), `c` and `d` (64 bits each); what they
mean is said at each. `request` is the id in the ring, the operation shifted by 8 and the number of sectors
by 16; `command` is the id of a disk command and its opcode shifted by 16; `device` is the virtual device.
Rules: a point that nobody listens to costs a comparison with None. It never changes what happens.
Source: ours, in the manner of xen/include/public/trace.h and Linux include/trace/events/block.h.
"""

from enum import IntEnum
from typing import Final


class TracePoint(IntEnum):
    """The points in the order in which a request meets them."""

    FRONT_PUT = 16  # a device, b request, c sector, d when it was submitted; again after a reconnect
    BACK_TAKE = 17  # a device, b request, c sector, d domain id of the frontend
    DISK_SUBMIT = 18  # a volume, b command, c sector, d number of the disk in the host
    DISK_FETCH = 19  # a volume, b command, c sector
    DISK_FINISH = 20  # b command, c status
    DISK_COMPLETE = 21  # b command, c status, d number of the disk
    BACK_ANSWER = 22  # a device, b request, c status (16 bits), d domain id
    FRONT_DONE = 23  # a device, b request, c status (16 bits)


OPERATION_SHIFT: Final = 8
SECTORS_SHIFT: Final = 16
OPCODE_SHIFT: Final = 16
BYTE: Final = 0xFF
STATUS_MASK: Final = 0xFFFF
