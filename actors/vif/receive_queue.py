"""The receiving half of a queue: buffers that are posted, and the packets that come in them.

Rules: a backend answers in the order in which buffers were posted. Each slot is read once, copied, then
looked at. What a packet held is copied out of its buffers, which are posted again at once.
Source: xen/include/public/io/netif.h; Linux drivers/net/xen-netfront.c (xennet_poll).
"""

from collections import deque
from collections.abc import Callable, Sequence

from actors.abi.netif import RX_REQUEST, RX_SLOT_BYTES
from actors.abi.packet_trace import PacketPoint
from actors.kernel.doorbell import Doorbell
from actors.kernel.kernel import Kernel
from actors.kernel.ring import FrontRing, RingBroken, answers
from actors.network.packet import Packet
from actors.network.packet_mark import mark_of
from actors.vif.arriving_packet import ArrivingPacket
from actors.vif.granted_frames import GrantedFrame
from actors.vif.packet_counters import PacketCounters

FRONT_TAKE = int(PacketPoint.FRONT_TAKE)


class ReceiveQueue:
    """`deliver` is given the packets; `broken` is told why a backend is lost."""

    def __init__(
        self,
        kernel: Kernel,
        counters: PacketCounters,
        *,
        deliver: Callable[[Packet], None],
        broken: Callable[[str], None],
    ) -> None:
        self._kernel = kernel
        self._counters = counters
        self._deliver = deliver
        self._broken = broken
        self._ring: FrontRing | None = None
        self._doorbell: Doorbell | None = None
        self._page = memoryview(b"")
        self._buffers: Sequence[GrantedFrame] = ()
        self._posted: deque[int] = deque()
        self._arriving = ArrivingPacket()

    def offer(self, ring: FrontRing, page: memoryview, buffers: Sequence[GrantedFrame]) -> None:
        """Post every buffer in a new ring, before its backend has it."""
        self._ring = ring
        self._page = page
        self._buffers = buffers
        self._posted.clear()
        self._arriving = ArrivingPacket()
        for index in range(len(buffers)):
            self._post(ring, index)
        ring.push()

    def attach(self, notify: Callable[[], None]) -> None:
        """There is a backend, which hears of buffers that are posted again by `notify`."""
        assert self._ring is not None, "a ring was offered"
        self._doorbell = Doorbell(self._kernel, self._ring, notify)
        self.on_event()

    def detach(self) -> None:
        """The ring is lost, and what has come of a packet that was not whole."""
        if self._doorbell is not None:
            self._doorbell.silence()
        self._ring = self._doorbell = None

    def on_event(self) -> None:
        """Something has come, perhaps; a backend that never ends is listened to again in another turn."""
        ring, doorbell = self._ring, self._doorbell
        if ring is None or doorbell is None:
            return
        try:
            for count in answers(ring, self._look_again):
                for _ in range(count):
                    self._take(ring)
                if count and not doorbell.due:
                    doorbell.ring_at_turn_end()
                if self._ring is not ring:
                    break
        except RingBroken as error:
            self._broken(str(error))

    def _look_again(self) -> None:
        threads = self._kernel.threads
        threads.at(threads.now_ns + 1).when_done(self.on_event)

    def check(self) -> None:
        """Every buffer is posted while there is a ring."""
        if self._ring is not None:
            assert sorted(self._posted) == list(range(len(self._buffers))), "a buffer is posted once"

    def _post(self, ring: FrontRing, index: int) -> None:
        RX_REQUEST.pack_into(self._page, ring.put(), index, 0, self._buffers[index].gref)
        self._posted.append(index)

    def _take(self, ring: FrontRing) -> None:
        slot = ring.take()
        response = bytes(self._page[slot : slot + RX_SLOT_BYTES])
        index = self._posted.popleft()
        arriving = self._arriving
        if arriving.expects_extra:
            arriving.add_extra(response)
        else:
            ident = arriving.add(response, self._buffers[index].view)
            if ident != index:
                raise RingBroken(f"buffer {ident} is answered where {index} was posted")
        self._post(ring, index)
        if arriving.whole:
            self._arriving = ArrivingPacket()
            self._finish(arriving.packet())

    def _finish(self, packet: Packet | None) -> None:
        counters = self._counters
        if packet is None:
            counters.malformed += 1
            return
        counters.received += 1
        counters.received_bytes += len(packet.frame)
        tracepoint = self._kernel.threads.tracepoint
        if tracepoint is not None:
            tracepoint(FRONT_TAKE, 0, 0, mark_of(packet.frame), 0)
        self._deliver(packet)
