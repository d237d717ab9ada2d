"""The sending half of a queue: packets are copied into frames that the backend may read, slot by slot.

Rules: packets go in the order of `send`; what finds no room waits in line, which is bounded. A slot names one
frame until it is answered; ids of answers are checked against what was asked. What a dead backend has not
answered is lost: TCP asks again.
Source: xen/include/public/io/netif.h; Linux drivers/net/xen-netfront.c (xennet_start_xmit, xennet_tx_buf_gc).
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from actors.abi.netif import EXTRA, TX_REQUEST, TX_RESPONSE, ExtraType, GsoType, NetifStatus, TxFlags
from actors.abi.packet_trace import PacketPoint
from actors.abi.types import PAGE_SIZE
from actors.kernel.doorbell import Doorbell
from actors.kernel.kernel import Kernel
from actors.kernel.ring import FrontRing, RingBroken, answers
from actors.network.packet import Packet
from actors.network.packet_mark import kind_of, mark_of
from actors.vif.backend_features import BackendFeatures
from actors.vif.granted_frames import GrantedFrame
from actors.vif.packet_counters import PacketCounters
from actors.vif.packet_slots import FRAME_MAX, FRAME_MIN, slots_of

LINE_PACKETS: Final = 1000
"""Linux: DEFAULT_TX_QUEUE_LEN."""
LINE_BYTES: Final = 4 << 20

BLANK = int(TxFlags.CSUM_BLANK | TxFlags.DATA_VALIDATED)
FRONT_SEND = int(PacketPoint.FRONT_SEND)
VALIDATED, MORE, EXTRA_INFO = int(TxFlags.DATA_VALIDATED), int(TxFlags.MORE_DATA), int(TxFlags.EXTRA_INFO)


class TransmitQueue:
    """`broken` is told why a backend is lost; `room` is called when a line that was full has room again."""

    def __init__(
        self,
        kernel: Kernel,
        counters: PacketCounters,
        *,
        room: Callable[[], None],
        broken: Callable[[str], None],
    ) -> None:
        self._kernel = kernel
        self._counters = counters
        self._room = room
        self._broken = broken
        self._ring: FrontRing | None = None
        self._doorbell: Doorbell | None = None
        self._page = memoryview(b"")
        self._frames: Sequence[GrantedFrame] = ()
        self._features = BackendFeatures()
        self._free: list[int] = []
        self._asked: set[int] = set()
        self._extras = 0
        self._line: deque[Packet] = deque()
        self._line_bytes = 0
        self._was_full = False

    @property
    def in_flight(self) -> int:
        """Slots without an answer."""
        return len(self._asked) + self._extras

    @property
    def waiting(self) -> int:
        """Packets that wait for room in the ring, or for a backend."""
        return len(self._line)

    def send(self, packet: Packet) -> bool:
        """Send it, or have it wait; False if the line is full: then it is dropped. ValueError: no frame."""
        if not FRAME_MIN <= len(packet.frame) <= FRAME_MAX:
            raise ValueError(f"a frame of {len(packet.frame)} bytes")
        if not self._line and self._start(packet):
            return True
        if len(self._line) >= LINE_PACKETS or self._line_bytes + len(packet.frame) > LINE_BYTES:
            self._was_full = True
            self._counters.dropped += 1
            return False
        self._line.append(packet)
        self._line_bytes += len(packet.frame)
        return True

    def attach(
        self,
        ring: FrontRing,
        page: memoryview,
        frames: Sequence[GrantedFrame],
        features: BackendFeatures,
        notify: Callable[[], None],
    ) -> None:
        """Use a new ring: first what waits."""
        self._ring, self._page, self._frames, self._features = ring, page, frames, features
        self._doorbell = Doorbell(self._kernel, ring, notify)
        self._free = list(range(len(frames) - 1, -1, -1))
        self._pump()

    def detach(self) -> None:
        """The ring is lost, and what is in flight; what waits goes on waiting."""
        if self._doorbell is not None:
            self._doorbell.silence()
        self._ring = self._doorbell = None
        self._counters.lost += len(self._asked)
        self._asked.clear()
        self._extras = 0

    def clear(self) -> None:
        """Nobody will take what waits."""
        self._counters.dropped += len(self._line)
        self._line.clear()
        self._line_bytes = 0

    def on_event(self) -> None:
        """The backend has answered, perhaps; one that never ends is looked at again in another turn."""
        ring = self._ring
        if ring is None:
            return
        try:
            for count in answers(ring, self._look_again):
                for _ in range(count):
                    self._finish(*TX_RESPONSE.unpack_from(self._page, ring.take()))
                if self._ring is not ring:
                    break
        except RingBroken as error:
            self._broken(str(error))
            return
        self._pump()

    def _look_again(self) -> None:
        threads = self._kernel.threads
        threads.at(threads.now_ns + 1).when_done(self.on_event)

    def check(self) -> None:
        """Every frame is free or in flight while there is a ring."""
        if self._ring is not None:
            assert sorted([*self._free, *self._asked]) == list(range(len(self._frames))), (
                "a frame is used once"
            )
            assert self._line_bytes == sum(len(each.frame) for each in self._line)

    def _pump(self) -> None:
        line = self._line
        while line and self._start(line[0]):
            self._line_bytes -= len(line.popleft().frame)
        if self._was_full and len(line) <= LINE_PACKETS // 2 and self._line_bytes <= LINE_BYTES // 2:
            self._was_full = False
            self._room()

    def _start(self, packet: Packet) -> bool:
        ring = self._ring
        if ring is None:
            return False
        size = len(packet.frame)
        slots = slots_of(size)
        if not self._takes(packet, slots):
            self._counters.dropped += 1
            return True
        extra = packet.segment_bytes != 0
        if len(self._free) < slots or ring.free < slots + extra:
            return False
        self._put(ring, packet, size)
        self._counters.sent += 1
        self._counters.sent_bytes += size
        return True

    def _takes(self, packet: Packet, slots: int) -> bool:
        """Whether the backend that there is now can take such a packet; it may be another than it was."""
        features = self._features
        if (slots > 1 and not features.scatter) or (packet.blank and not features.checksums):
            return False
        return features.segments or not packet.segment_bytes

    def _put(self, ring: FrontRing, packet: Packet, size: int) -> None:
        page, frame = self._page, memoryview(packet.frame)
        tracepoint = self._kernel.threads.tracepoint
        if tracepoint is not None:
            ident, mark = self._free[-1], mark_of(packet.frame)
            tracepoint(FRONT_SEND, kind_of(packet.frame), ident, mark, size)
        flags = BLANK if packet.blank else VALIDATED if packet.validated else 0
        if packet.segment_bytes:
            flags |= EXTRA_INFO
        for at in range(0, size, PAGE_SIZE):
            part = frame[at : at + PAGE_SIZE]
            more = MORE if at + PAGE_SIZE < size else 0
            ident = self._free.pop()
            self._asked.add(ident)
            target = self._frames[ident]
            target.view[: len(part)] = part
            told = size if at == 0 else len(part)  # the first slot has the size of all
            TX_REQUEST.pack_into(page, ring.put(), target.gref, 0, flags | more, ident, told)
            if at == 0 and packet.segment_bytes:
                EXTRA.pack_into(page, ring.put(), ExtraType.GSO, 0, packet.segment_bytes, GsoType.TCPV4, 0, 0)
                self._extras += 1
            flags = 0
        doorbell = self._doorbell
        if doorbell is not None and not doorbell.due:
            doorbell.ring_at_turn_end()

    def _finish(self, ident: int, status: int) -> None:
        if status == NetifStatus.NULL:
            if not self._extras:
                raise RingBroken("an answer to an extra slot, which was not asked")
            self._extras -= 1
            return
        if ident not in self._asked:
            raise RingBroken(f"an answer to slot {ident}, which was not asked")
        self._asked.discard(ident)
        self._free.append(ident)
        if status != NetifStatus.OKAY:
            self._counters.refused += 1
