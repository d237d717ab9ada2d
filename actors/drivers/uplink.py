"""A network controller as the uplink of a bridge: packets to it, frames from it.

Rules: what is sent is finished and copied into frames of our own, since a guest's memory may change or go.
What finds no room waits, in order, up to a bound; what finds none there is dropped. Every drop is counted.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from zlib import crc32

from actors.abi.network_controller import HEADER_BYTES, DescriptorStatus
from actors.abi.packet_trace import PacketPoint
from actors.drivers.nic_driver import NIC_LOST, NicDriver
from actors.drivers.transmit_ring import Segment
from actors.network.bridge_statistics import UplinkStatistics
from actors.network.packet import Packet
from actors.network.packet_mark import mark_of
from actors.network.wire_frames import OUT_REASONS, UnsendableError, wire_frames
from actors.runtime.machine import Tracepoint
from actors.runtime.memory import FRAME_BYTES, Memory

BACKLOG_FRAMES: Final = 1000
"""Linux's `txqueuelen` of an Ethernet interface."""
QUEUE_FULL: Final = "queue-full"
NO_CARRIER: Final = "no-carrier"
LOST: Final = "controller-lost"
REFUSED: Final = "refused"
_VLAN_TAG: Final = 4
_UPLINK_SEND, _UPLINK_TAKE = int(PacketPoint.UPLINK_SEND), int(PacketPoint.UPLINK_TAKE)


class Uplink:
    """One controller with `queues`; `buffers` are frames of memory to send from.

    `received` is given every frame that came by the wire.
    """

    def __init__(self, driver: NicDriver, memory: Memory, queues: int, buffers: Sequence[int]) -> None:
        self.driver = driver
        self.received: Callable[[Packet], None] = lambda _packet: None
        self.carrier: Callable[[bool], None] = lambda _up: None
        self.tracepoint: Tracepoint | None = None
        self._memory = memory
        self._queues = queues
        self._free = list(buffers)
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._drops = dict.fromkeys((*OUT_REASONS, QUEUE_FULL, NO_CARRIER, LOST, REFUSED), 0)
        self._sent_frames = self._sent_bytes = 0
        driver.on_frame = self._take
        driver.on_link = self._link_changed
        driver.on_room = lambda _queue: self._drain()

    @property
    def mtu(self) -> int:
        """The longest IP packet; 0 until the controller has started once."""
        return max(self.driver.frame_bytes - HEADER_BYTES - _VLAN_TAG, 0)

    @property
    def out_drops(self) -> dict[str, int]:
        """Frames, or whole packets, that could not be sent, by reason."""
        return dict(self._drops)

    def statistics(self) -> UplinkStatistics:
        """Counters and gauges."""
        return UplinkStatistics(
            link_up=int(self.driver.link_up),
            waiting_frames=len(self._backlog),
            waiting_bytes=self._backlog_bytes,
            restarts=self.driver.restarts,
            sent_frames=self._sent_frames,
            sent_bytes=self._sent_bytes,
        )

    def send(self, packet: Packet) -> None:
        """Cut and finish a packet, and let its frames go, or wait."""
        if not self.driver.link_up:
            self._drops[NO_CARRIER] += 1
            return
        try:
            frames = wire_frames(packet, self.driver.frame_bytes)
        except UnsendableError as error:
            self._drops[error.reason] += 1
            return
        if self.tracepoint is not None and frames:
            self.tracepoint(_UPLINK_SEND, 0, 0, mark_of(frames[0]), 0)
        for frame in frames:
            if self._backlog or not self._put(frame):
                self._wait(frame)

    def check(self) -> None:
        """What waits is what was counted."""
        assert self._backlog_bytes == sum(map(len, self._backlog)), "bytes that nobody counted"
        assert len(self._backlog) <= BACKLOG_FRAMES, "more waits than may"

    def _wait(self, frame: bytes) -> None:
        if len(self._backlog) >= BACKLOG_FRAMES:
            self._drops[QUEUE_FULL] += 1
            return
        self._backlog.append(frame)
        self._backlog_bytes += len(frame)

    def _drain(self) -> None:
        while self._backlog and self._put(self._backlog[0]):
            self._backlog_bytes -= len(self._backlog.popleft())

    def _put(self, frame: bytes) -> bool:
        """Hand a frame to the driver; False if there is no room, of which we are told."""
        pages = -(-len(frame) // FRAME_BYTES)
        if pages > len(self._free):
            return False
        segments: list[Segment] = []
        for place in range(pages):
            piece = frame[place * FRAME_BYTES : (place + 1) * FRAME_BYTES]
            mfn = self._free.pop()
            self._memory.frame(mfn)[: len(piece)] = piece
            segments.append((mfn, 0, len(piece)))
        if not self.driver.transmit(segments, partial(self._done, segments), self._queue_of(frame)):
            self._free += [mfn for mfn, _, _ in segments]
            return False
        return True

    def _queue_of(self, frame: bytes) -> int:
        """All frames of a flow go the same way: by the addresses and, mostly, the ports."""
        return crc32(frame[26:38]) % self._queues if self._queues > 1 else 0

    def _done(self, segments: list[Segment], status: int) -> None:
        self._free += [mfn for mfn, _, _ in segments]
        if status == DescriptorStatus.okay:
            self._sent_frames += 1
            self._sent_bytes += sum(length for _, _, length in segments)
        elif status == NIC_LOST:
            self._drops[LOST] += 1
        elif status == DescriptorStatus.link_down:
            self._drops[NO_CARRIER] += 1
        else:
            self._drops[REFUSED] += 1
        if self._backlog and self.driver.link_up:
            self._drain()

    def _take(self, segments: list[Segment]) -> None:
        """Frames of the wire vouch for nothing: whoever gets one looks at its checksums."""
        memory = self._memory
        frame = b"".join(bytes(memory.frame(mfn)[first : first + size]) for mfn, first, size in segments)
        self.driver.give_back(segments)
        if self.tracepoint is not None:
            self.tracepoint(_UPLINK_TAKE, 0, 0, mark_of(frame), 0)
        self.received(Packet(frame))

    def _link_changed(self, up: bool) -> None:  # noqa: FBT001 (the driver's own signature)
        if not up:
            self._drops[NO_CARRIER] += len(self._backlog)
            self._backlog.clear()
            self._backlog_bytes = 0
        self.carrier(up)
