"""What a network controller sends: whole frames out of descriptors, one after the other onto the wire.

Rules: data is read when a frame's turn comes, and the frame leaves, and its descriptor is done, when its last
bit is on the wire. Queues take turns. A frame whose descriptors make no sense is dropped and says so in its
last descriptor; the queue goes on. Without a carrier frames are taken and dropped.
Source: `actors/abi/network_controller.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.abi.network_controller import (
    END,
    HEADER_BYTES,
    MAX_CHAIN,
    DescriptorStatus,
    done_word,
)
from actors.devices.descriptor_ring import DescriptorRing
from actors.network.line_rate import wire_time_ns
from actors.runtime.memory import Memory


@dataclass(slots=True)
class _Chain:
    """The buffers of a frame whose last one has not come yet."""

    pieces: list[bytes] = field(default_factory=list)
    buffers: int = 0
    length: int = 0
    status: DescriptorStatus = DescriptorStatus.okay


@dataclass(slots=True)
class _Queue:
    """A ring, and what was taken of it."""

    ring: DescriptorRing
    chain: _Chain = field(default_factory=_Chain)


class Transmitter:
    """The rings to send from. `drops` counts what did not leave, by reason; `done_queues` got answers.

    `due_ns` is when the frame that is on the wire is over, None if there is none.
    """

    def __init__(
        self,
        memory: Memory,
        rings: Sequence[DescriptorRing],
        drops: dict[str, int],
        *,
        frame_bytes: int,
        bits_per_second: int,
    ) -> None:
        self._memory = memory
        self._queues = [_Queue(each) for each in rings]
        self._drops = drops
        self._frame_bytes = frame_bytes
        self._bits_per_second = bits_per_second
        self._turn = 0
        self._on_wire: tuple[int, int, bytes] | None = None
        self.due_ns: int | None = None
        self.done_queues: set[int] = set()

    def ring(self, queue: int, tail: int) -> None:
        """The host put in frames; BadRingError if it cannot have."""
        self._queues[queue].ring.ring(tail)

    @property
    def waiting(self) -> int:
        """Descriptors that nobody has taken."""
        return sum(each.ring.waiting for each in self._queues)

    def serve(self, now_ns: int, *, carrier: bool, slowness: float) -> list[bytes]:
        """Send what can be until now; the frames that have left, in order."""
        left: list[bytes] = []
        begins_ns = now_ns
        while True:
            if self._on_wire is not None:
                assert self.due_ns is not None, "a frame on the wire is over some time"
                if self.due_ns > now_ns:
                    return left
                begins_ns = self.due_ns
                queue, index, data = self._on_wire
                self._on_wire = self.due_ns = None
                self._leave(queue, index, data, left, carrier=carrier)
            following = self._next_frame()
            if following is None:
                return left
            self._on_wire = following
            self.due_ns = begins_ns + int(wire_time_ns(len(following[2]), self._bits_per_second) * slowness)

    def go_on(self, now_ns: int) -> None:
        """Sending was held up until now: what is on the wire ends then, not earlier."""
        if self.due_ns is not None:
            self.due_ns = max(self.due_ns, now_ns)

    def check(self) -> None:
        """Rings are whole."""
        for each in self._queues:
            each.ring.check()

    def _leave(self, queue: int, index: int, data: bytes, left: list[bytes], *, carrier: bool) -> None:
        if carrier:
            left.append(data)
            self._answer(queue, index, DescriptorStatus.okay)
        else:
            self._answer(queue, index, DescriptorStatus.link_down)

    def _answer(self, queue: int, index: int, status: DescriptorStatus) -> None:
        if status:
            self._drops[status.name] += 1
        self._queues[queue].ring.write_back(index, done_word(0, status, end=True))
        self.done_queues.add(queue)

    def _next_frame(self) -> tuple[int, int, bytes] | None:
        """Queue, last descriptor and bytes of the frame whose turn it is."""
        for offset in range(len(self._queues)):
            number = (self._turn + offset) % len(self._queues)
            taken = self._take(number)
            if taken is not None:
                self._turn = number + 1
                return number, *taken
        return None

    def _take(self, number: int) -> tuple[int, bytes] | None:
        """The next frame of a queue that makes sense; those before it are answered."""
        queue = self._queues[number]
        ring = queue.ring
        while ring.waiting:
            mfn, first, length, word = ring.look(0)
            index = ring.take(1)
            chain = queue.chain
            self._gather(ring, chain, mfn, first, length)
            if not word & END:
                continue
            queue.chain = _Chain()
            if not chain.status and chain.length < HEADER_BYTES:
                chain.status = DescriptorStatus.too_short
            if not chain.status:
                return index, b"".join(chain.pieces)
            self._answer(number, index, chain.status)
        return None

    def _gather(self, ring: DescriptorRing, chain: _Chain, mfn: int, first: int, length: int) -> None:
        if chain.status:
            return
        chain.buffers += 1
        chain.length += length
        if not ring.is_buffer(mfn, first, length):
            chain.status = DescriptorStatus.bad_buffer
        elif chain.buffers > MAX_CHAIN:
            chain.status = DescriptorStatus.too_many_buffers
        elif chain.length > self._frame_bytes:
            chain.status = DescriptorStatus.too_long
        else:
            chain.pieces.append(bytes(self._memory.frame(mfn)[first : first + length]))
        if chain.status:
            chain.pieces.clear()
