"""What a network controller does with a frame from the wire: into the buffers of the queue that it is for.

Rules: a frame is received whole or not at all. A buffer that is none stops the controller: whoever drives it
chose that buffer, and there is no frame to blame. The first descriptor of a frame is written back last: who
sees it done sees the whole frame.
Source: `actors/abi/network_controller.py`.
"""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

from actors.abi.network_controller import done_word
from actors.devices.descriptor_ring import BadRingError, DescriptorRing
from actors.runtime.memory import Memory

_FLOW: Final = slice(26, 38)
"""Addresses and ports in a frame of IPv4 without options."""
_IPV4: Final = b"\x08\x00"


class Receiver:
    """The rings to receive into. `filled_queues` have a frame that the host was not told of."""

    def __init__(self, memory: Memory, rings: Sequence[DescriptorRing]) -> None:
        self._memory = memory
        self._rings = rings
        self.filled_queues: set[int] = set()

    def ring(self, queue: int, tail: int) -> None:
        """The host put in buffers; BadRingError if it cannot have."""
        self._rings[queue].ring(tail)

    @property
    def buffers(self) -> int:
        """Buffers that wait for frames."""
        return sum(each.waiting for each in self._rings)

    def queue_of(self, frame: bytes) -> int:
        """The queue of a frame: the same for all of a flow of IPv4, 0 for all others."""
        if len(self._rings) == 1 or frame[12:14] != _IPV4:
            return 0
        return crc32(frame[_FLOW]) % len(self._rings)

    def receive(self, frame: bytes) -> bool:
        """Put a frame into buffers; False if there are not enough. BadRingError if one of them is none."""
        queue = self.queue_of(frame)
        ring = self._rings[queue]
        waiting, left = ring.waiting, len(frame)
        buffers: list[tuple[int, int, int]] = []
        while left > 0:
            if len(buffers) == waiting:
                return False
            mfn, first, length, _ = ring.look(len(buffers))
            if not ring.is_buffer(mfn, first, length):
                raise BadRingError(f"a buffer of {length} bytes at {first} of frame {mfn:#x}")
            used = min(length, left)
            buffers.append((mfn, first, used))
            left -= used
        self._fill(ring, frame, buffers)
        self.filled_queues.add(queue)
        return True

    def check(self) -> None:
        """Rings are whole."""
        for each in self._rings:
            each.check()

    def _fill(self, ring: DescriptorRing, frame: bytes, buffers: Sequence[tuple[int, int, int]]) -> None:
        at = 0
        for mfn, first, used in buffers:
            self._memory.frame(mfn)[first : first + used] = frame[at : at + used]
            at += used
        index = ring.take(len(buffers))
        for place in range(len(buffers) - 1, -1, -1):
            ring.write_back(index + place, done_word(buffers[place][2], 0, end=place == len(buffers) - 1))
