"""What is for a guest: packets from the bridge, by way of copies, into the buffers that the guest has posted.

Rules: what a guest cannot take as it is, is finished here, as for a wire. A packet takes buffers only when
there are enough for all of it. What waits is bounded, and expires; a
guest that posts no buffers for `stall_ns` while something waits is stalled, and gets nothing before it does.
Whoever waits here holds up nobody else.
Source: Linux drivers/net/xen-netback/rx.c (xenvif_rx_queue_tail, xenvif_rx_queue_stalled, xenvif_rx_skb),
netback.c (rx_drain_timeout_msecs, rx_stall_timeout_msecs), common.h (XENVIF_RX_QUEUE_BYTES).
Left out: the hash as an extra.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from actors.abi.netif import (
    EXTRA,
    RX_REQUEST,
    RX_RESPONSE,
    RX_RING_ENTRIES,
    RX_SLOT_BYTES,
    ExtraType,
    GsoType,
    NetifStatus,
    RxFlags,
)
from actors.abi.packet_trace import PacketPoint
from actors.abi.ring import RING_MASK
from actors.abi.types import PAGE_SIZE
from actors.kernel.doorbell import Doorbell
from actors.kernel.kernel import Kernel
from actors.kernel.ring import BackRing, RingBroken
from actors.kernel.threads import Future
from actors.network.packet import Packet
from actors.network.packet_mark import mark_of
from actors.network.wire_frames import UnsendableError, wire_frames
from actors.vif.netback_counters import (
    BAD_OFFLOAD,
    COPY_FAILED,
    EXPIRED,
    QUEUE_FULL,
    STALLED,
    TOO_LONG,
    NetbackCounters,
)
from actors.vif.netback_offer import FrontendFeatures

QUEUE_BYTES_MAX: Final = RX_RING_ENTRIES // 2 * PAGE_SIZE
QUEUE_PACKETS_MAX: Final = 1000
"""As many as wait before an interface of Linux (txqueuelen)."""
DRAIN_NS: Final = 10_000_000_000
STALL_NS: Final = 60_000_000_000
DRAIN_WITHOUT_EVENTS_NS: Final = 30_000_000
FRAME_MAX: Final = 65535
_VALIDATED, _BLANK = int(RxFlags.DATA_VALIDATED), int(RxFlags.CSUM_BLANK)
_MORE, _EXTRA_INFO = int(RxFlags.MORE_DATA), int(RxFlags.EXTRA_INFO)
_EXTRA_SLOT: Final = -1
_BACK_GIVE: Final = int(PacketPoint.BACK_GIVE)


@dataclass(slots=True)
class _Filling:
    """A packet whose buffers are taken: `ids` of their slots in order, `good` once they are filled."""

    packet: Packet
    ids: list[int]
    good: Sequence[bool] | None = None


class NetbackRx:
    """One ring of receives of domain `domid`. `stall_changed` is called when `stalled` has changed."""

    def __init__(
        self,
        kernel: Kernel,
        domid: int,
        words: memoryview,
        page: memoryview,
        *,
        counters: NetbackCounters,
        features: FrontendFeatures,
        stall_changed: Callable[[], None],
        notify: Callable[[], None],
        broken: Callable[[str], None],
    ) -> None:
        """RingBroken if its indices make no sense."""
        self._kernel = kernel
        self._domid = domid
        self._page = page
        self._counters = counters
        self._features = features
        self._stall_changed = stall_changed
        self._broken = broken
        self._ring = BackRing(words, RX_SLOT_BYTES)
        self._doorbell = Doorbell(kernel, self._ring, notify)
        self._line = _Line(DRAIN_NS if features.rx_notify else DRAIN_WITHOUT_EVENTS_NS)
        self._filling: deque[_Filling] = deque()
        self._blocked_ns: int | None = None
        self._timer_ns = 0
        self._needed = 1
        self.stalled = False
        self._idle: Future[None] | None = None

    @property
    def queued(self) -> int:
        """Packets that wait for buffers."""
        return len(self._line.packets)

    @property
    def in_flight(self) -> int:
        """Buffers that are being filled."""
        return (self._ring.req_cons - self._ring.rsp_prod) & RING_MASK

    def deliver(self, packet: Packet) -> None:
        """A packet is for this guest."""
        features = self._features
        if (packet.segment_bytes and not features.gso) or (packet.blank and not features.checksum):
            try:
                frames = wire_frames(packet, FRAME_MAX)
            except UnsendableError:
                self._counters.drop(BAD_OFFLOAD)
                return
            for frame in frames:
                self._enter(Packet(frame))
        else:
            self._enter(packet)

    def _enter(self, packet: Packet) -> None:
        reason = self._objection(packet)
        if reason:
            self._counters.drop(reason)
            return
        self._line.add(packet, self._kernel.threads.now_ns)
        if len(self._line.packets) == 1:
            self._kernel.at_turn_end(self._serve)

    def on_event(self) -> None:
        """There may be buffers."""
        if self._idle is None:
            self._serve()

    async def close(self) -> None:
        """Stop, and wait for what is under way; what waits is lost."""
        self.stop()
        assert self._idle is not None, "it was stopped"
        if self._filling:
            await self._idle

    def stop(self) -> None:
        """Fill and answer nothing more."""
        if self._idle is None:
            self._idle = Future()
        self._line.clear()
        self._doorbell.silence()

    def check(self) -> None:
        """Invariants."""
        slots = sum(len(each.ids) for each in self._filling)
        assert self._idle is not None or slots == self.in_flight, "every buffer that was taken is of a packet"
        assert 0 <= self._line.bytes <= QUEUE_BYTES_MAX, "what waits has a bound"

    def _objection(self, packet: Packet) -> str:
        """Why a packet is dropped at once, or nothing."""
        size = len(packet.frame)
        if self.stalled:
            return STALLED
        if size > (FRAME_MAX if self._features.scatter_gather else PAGE_SIZE):
            return TOO_LONG
        return "" if self._line.has_room(size) else QUEUE_FULL

    def _serve(self) -> None:
        """Fill buffers with what waits, as far as there are any."""
        line = self._line
        try:
            if self.stalled and self._has(self._needed):
                self._set_stalled(stalled=False)
            while self._idle is None and line.packets:
                self._needed = _slots(line.packets[0][0])
                if not self._has(self._needed):
                    self._block()
                    return
                self._blocked_ns = None
                self._fill(line.take())
            if self._idle is None:
                self._ring.available()
        except RingBroken as error:
            self.stop()
            self._broken(str(error))

    def _has(self, slots: int) -> bool:
        """Whether there are so many buffers; if not, an event comes when there are."""
        return self._ring.available() >= slots or self._ring.wants(slots)

    def _fill(self, packet: Packet) -> None:
        ids, pieces, size = [], [], len(packet.frame)
        for at in range(0, size, PAGE_SIZE):
            ident, _, ref = RX_REQUEST.unpack_from(self._page, self._ring.take())
            ids.append(ident)
            pieces.append((ref, 0, min(PAGE_SIZE, size - at)))
            if not at and packet.segment_bytes:
                self._ring.take()
                ids.append(_EXTRA_SLOT)
        filling = _Filling(packet, ids)
        self._filling.append(filling)
        self._kernel.copies.write(self._domid, pieces, packet.frame, partial(self._filled, filling))

    def _filled(self, filling: _Filling, good: Sequence[bool]) -> None:
        filling.good = good
        fillings = self._filling
        while fillings and fillings[0].good is not None:
            first = fillings.popleft()
            if self._idle is None:
                self._answer(first.packet, first.ids, first.good or ())
        if self._idle is not None and not fillings:
            self._idle.set(None)

    def _answer(self, packet: Packet, ids: list[int], good: Sequence[bool]) -> None:
        if not self._doorbell.due:
            self._doorbell.ring_at_turn_end()
        counters, left, page = self._counters, len(packet.frame), self._page
        if all(good):
            counters.received += 1
            counters.received_bytes += left
            tracepoint = self._kernel.threads.tracepoint
            if tracepoint is not None:
                tracepoint(_BACK_GIVE, 0, 0, mark_of(packet.frame), self._domid)
        else:
            counters.drop(COPY_FAILED)
        flags = (_BLANK | _VALIDATED) if packet.blank else _VALIDATED if packet.validated else 0
        flags |= _EXTRA_INFO if packet.segment_bytes else 0
        filled = iter(good)
        for ident in ids:
            offset = self._ring.put()
            if ident == _EXTRA_SLOT:
                kind, gso = int(ExtraType.GSO), int(GsoType.TCPV4)
                EXTRA.pack_into(page, offset, kind, 0, packet.segment_bytes, gso, 0, 0)
                continue
            here = min(left, PAGE_SIZE)
            left -= here
            status = here if next(filled) else int(NetifStatus.ERROR)
            RX_RESPONSE.pack_into(page, offset, ident, 0, flags | (_MORE if left else 0), status)
            flags = 0

    def _block(self) -> None:
        """There are too few buffers for what is first in the line."""
        now_ns = self._kernel.threads.now_ns
        if self._blocked_ns is None:
            self._blocked_ns = now_ns
        wanted = self._line.packets[0][1]
        if self._features.rx_notify:
            wanted = min(wanted, self._blocked_ns + STALL_NS)
        if not now_ns < self._timer_ns <= wanted:
            self._timer_ns = wanted
            self._kernel.threads.at(wanted).when_done(self._time_passed)

    def _time_passed(self) -> None:
        now_ns, line = self._kernel.threads.now_ns, self._line
        if self._idle is not None or self._blocked_ns is None:
            return
        self._counters.drop(EXPIRED, line.expire(now_ns))
        if self._features.rx_notify and now_ns >= self._blocked_ns + STALL_NS and not self.stalled:
            self._counters.drop(STALLED, line.clear())
            self._counters.stalls += 1
            self._set_stalled(stalled=True)
        self._serve()

    def _set_stalled(self, *, stalled: bool) -> None:
        self.stalled = stalled
        self._blocked_ns = None
        self._stall_changed()


class _Line:
    """Packets that wait, with when each expires."""

    def __init__(self, drain_ns: int) -> None:
        self._drain_ns = drain_ns
        self.packets: deque[tuple[Packet, int]] = deque()
        self.bytes = 0

    def has_room(self, size: int) -> bool:
        """Whether another one of this size may wait."""
        return self.bytes + size <= QUEUE_BYTES_MAX and len(self.packets) < QUEUE_PACKETS_MAX

    def add(self, packet: Packet, now_ns: int) -> None:
        """Let it wait."""
        self.packets.append((packet, now_ns + self._drain_ns))
        self.bytes += len(packet.frame)

    def take(self) -> Packet:
        """The one that waits longest."""
        packet, _ = self.packets.popleft()
        self.bytes -= len(packet.frame)
        return packet

    def expire(self, now_ns: int) -> int:
        """Drop what has waited too long; how many."""
        before = len(self.packets)
        while self.packets and self.packets[0][1] <= now_ns:
            self.take()
        return before - len(self.packets)

    def clear(self) -> int:
        """Drop all; how many."""
        count, self.bytes = len(self.packets), 0
        self.packets.clear()
        return count


def _slots(packet: Packet) -> int:
    """Buffers that it takes."""
    return (len(packet.frame) + PAGE_SIZE - 1) // PAGE_SIZE + (1 if packet.segment_bytes else 0)
