"""The network controller's data sheet: registers, descriptors and status codes, as its vendor publishes them.

Rules: registers are 32 bits wide, on one page; rings lie in machine memory and start on a frame. A descriptor
is 16 bytes (256 a frame): where its buffer is, then one aligned 64-bit word which the controller writes back
in place, so that whoever polls it sees it whole. A ring is empty at head == tail, so it holds one descriptor
less than it has; the host owns what is marked done and has not been put in again.
A frame may lie in several buffers in a row, the last of which has END. Of a frame to send only that last
descriptor is written back; of one that was received all are, the first one last.
Source: none, the device is our own. Rings with a tail register, write-back in place, a throttle between
interrupts and causes to acknowledge are Intel's 8254x and 82574, a status block in memory is Broadcom's tg3.
Otherwise than these: a buffer does not cross a frame, there is no offload (a wire may have an MTU that
carries what a guest's segmentation offload makes), and which queue a flow gets is a CRC in place of Toeplitz.
"""

from enum import IntEnum, IntFlag
from typing import Final


class Register(IntEnum):
    """Byte offsets. `*` is read-only; unknown registers read 0 and ignore writes.

    Rings and `status_mfn` are taken over when `control` is written with ENABLE. Writing 0 to it resets:
    every register gets its power-on value, and no memory is read or written from then on.
    """

    capability = 0x00  # * most ring entries (bits 0-15), queues (16-23), version (24-31)
    status = 0x04  # * ControllerStatus
    mac_low = 0x08  # * bytes 0 to 3 of the station address, the first one in bits 0-7
    mac_high = 0x0C  # * bytes 4 and 5
    frame_bytes = 0x10  # * the longest frame, without checksum
    control = 0x14  # ControlFlags, or 0 for a reset
    status_mfn = 0x18  # frame whose first word is the status word
    interrupt_mask = 0x1C  # 1: no interrupt for this cause
    interrupt_cause = 0x20  # Cause bits that wait; a 1 that is written takes one away
    moderation = 0x24  # microseconds between two interrupts of a queue at the least
    filter_select = 0x28  # which row of the address filter the next two describe
    filter_low = 0x2C  # as mac_low
    filter_high = 0x30  # as mac_high; FILTER_VALID if the row is used
    queue_select = 0x34  # which queue the next four describe
    rx_mfn = 0x38  # first frame of the ring of buffers to receive into
    rx_entries = 0x3C  # 0 in both: this queue is not used, nor are those after it
    tx_mfn = 0x40  # first frame of the ring of frames to send
    tx_entries = 0x44


def rx_tail(queue: int) -> int:
    """The doorbell for buffers to receive into: index after the last one."""
    return 0x100 + 8 * queue


def tx_tail(queue: int) -> int:
    """The doorbell for frames to send: index after the last descriptor."""
    return 0x104 + 8 * queue


class ControllerStatus(IntFlag):
    """Bits of the status register and of the status word in memory; `error` stays until a reset."""

    ready = 1
    error = 2
    link_up = 4


class ControlFlags(IntFlag):
    """Bits of the control register."""

    enable = 1
    promiscuous = 2
    all_multicast = 4


CAUSE_STATUS: Final = 1 << 31
"""The cause bit of a change of the status word; that of a queue is `1 << queue`. It comes with queue 0's."""

GONE: Final = 0xFFFFFFFF
"""What a bus reads where nothing answers."""

DESCRIPTORS_PER_FRAME: Final = 256
MIN_RING_ENTRIES: Final = 2
MAX_RING_ENTRIES: Final = 1024
MAX_QUEUES: Final = 8
MAX_CHAIN: Final = 20
"""Most buffers of one frame to send: a netif packet of 18 slots, and a header of its own."""
FILTER_ROWS: Final = 16
FILTER_VALID: Final = 1 << 31
VERSION: Final = 1

HEADER_BYTES: Final = 14
MAX_MTU: Final = 65535
MAX_FRAME_BYTES: Final = HEADER_BYTES + 4 + MAX_MTU
"""With a VLAN tag. No real wire has such frames; a segment of 64 KiB that nobody has cut is one."""


def buffer_word(mfn: int, first: int, length: int) -> int:
    """The first word of a descriptor: frame, first byte in it, bytes, which end inside of the frame."""
    return mfn | first << 32 | length << 48


END: Final = 1 << 16
"""In the second word: the frame ends in this buffer. The host sets it to send."""
DONE: Final = 1 << 63
LENGTH_MASK: Final = 0xFFFF
STATUS_SHIFT: Final = 32
STATUS_MASK: Final = 0xFFFF


class DescriptorStatus(IntEnum):
    """What became of a frame to send."""

    okay = 0
    bad_buffer = 1
    too_many_buffers = 2
    too_long = 3
    too_short = 4
    link_down = 5


def done_word(length: int, status: int, *, end: bool) -> int:
    """What the controller writes back: bytes received, what became of it, whether the frame ends."""
    return DONE | status << STATUS_SHIFT | (END if end else 0) | length


def mac_words(mac: bytes) -> tuple[int, int]:
    """An address as it stands in a pair of registers."""
    return int.from_bytes(mac[:4], "little"), int.from_bytes(mac[4:], "little")


def mac_of(low: int, high: int) -> bytes:
    """The address in a pair of registers."""
    return (low & 0xFFFFFFFF).to_bytes(4, "little") + (high & 0xFFFF).to_bytes(2, "little")
