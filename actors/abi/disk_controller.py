"""The disk controller's data sheet: registers, queue entries and status codes, as its vendor publishes them.

Rules: registers are 32 bits wide, on one page; queues live in machine memory and start on a frame.
Commands are 128 bytes (32 a frame). A completion is one aligned 64-bit word, so that whoever polls
it while the controller writes sees it whole. Its phase bit is 1 on the first lap after enabling and
flips on each lap; the host zeroes the completion queue before it enables the controller.
Both queues are empty at head == tail, so each holds one entry less than it has.
Source: none, the device is our own; NVMe's ideas, simplified.
"""

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final


class Register(IntEnum):
    """Byte offsets. `*` is read-only; unknown registers read 0 and ignore writes.

    The queue registers are taken over when `control` is written with ENABLE. Writing 0 to `control`
    resets: every register gets its power-on value and queued commands are forgotten.
    """

    capability = 0x00  # * most queue entries (bits 0-15), segments a command (16-23), version (24-31)
    status = 0x04  # * ControllerStatus
    volumes = 0x08  # * number of volumes
    control = 0x0C  # ENABLE, or 0 for a reset
    sq_mfn = 0x10  # first frame of the submission queue
    sq_entries = 0x14
    cq_mfn = 0x18  # first frame of the completion queue
    cq_entries = 0x1C
    interrupt_mask = 0x20  # 1: no interrupts
    volume_select = 0x24  # which volume the next three describe
    volume_sectors_low = 0x28  # *
    volume_sectors_high = 0x2C  # *
    volume_flags = 0x30  # * VolumeFlags
    sq_tail = 0x40  # doorbell: index after the last new command
    cq_head = 0x44  # doorbell: index of the first completion not taken yet


FIRST_DISK_GSI: Final = 16
"""The first disk of the board has this line, the next the next one."""

REGISTERS_BASE: Final = 0xFEB00


def register_frame(gsi: int) -> int:
    """The frame on the bus where the registers of the disk with this line lie: what its driver may touch."""
    return REGISTERS_BASE + gsi


class ControllerStatus(IntFlag):
    """Bits of the status register; `error` stays until a reset."""

    ready = 1
    error = 2
    write_cache = 4


class VolumeFlags(IntFlag):
    """Bits of the volume_flags register; all clear for a volume that does not exist."""

    present = 1
    read_only = 2


class Opcode(IntEnum):
    """What a command asks for; 0 is none, so that a zeroed entry is refused."""

    read = 1
    write = 2
    flush = 3


class CommandStatus(IntEnum):
    """How a command ended."""

    okay = 0
    bad_opcode = 1
    bad_volume = 2
    bad_segment = 3
    out_of_range = 4
    read_only = 5
    media_error = 6


ENABLE: Final = 1
FLAG_FUA: Final = 1
"""Command flag of a write: it is on stable storage before it completes."""

COMMAND_BYTES: Final = 128
COMMANDS_PER_FRAME: Final = 32
COMPLETIONS_PER_FRAME: Final = 512
MIN_QUEUE_ENTRIES: Final = 2
MAX_QUEUE_ENTRIES: Final = 1024
MAX_SEGMENTS: Final = 11
CAPABILITY: Final = 1 << 24 | MAX_SEGMENTS << 16 | MAX_QUEUE_ENTRIES

_HEADER: Final = "<BBHIQH22x"
_SEGMENT: Final = "IHH"

COMMAND_HEADER: Final = Struct(_HEADER)
"""opcode, flags, command id, volume, first sector, number of segments; the segments follow."""

SEGMENT: Final = Struct("<" + _SEGMENT)
"""mfn, first byte in the frame, bytes: multiples of 512 that end inside of the frame."""

COMMANDS: Final = tuple(Struct(_HEADER + _SEGMENT * count) for count in range(MAX_SEGMENTS + 1))
"""A header and its segments in one go, by number of segments."""

COMPLETION_ID_MASK: Final = 0xFFFF
COMPLETION_STATUS_SHIFT: Final = 32
COMPLETION_STATUS_MASK: Final = 0xFFFF
COMPLETION_PHASE_SHIFT: Final = 63


def completion_word(command_id: int, status: int, phase: int) -> int:
    """A completion as the 64-bit word that goes into the queue."""
    return command_id | status << COMPLETION_STATUS_SHIFT | phase << COMPLETION_PHASE_SHIFT
