"""What a guest sends: chains of slots out of its ring, by way of copies, to the bridge.

Rules: packets keep their order, and so do answers: what has none are the last slots of the ring. A packet
goes to the bridge before its slots are answered, all in one turn. How far the ring was taken stands in its
page, so that whoever takes it up answers what was under way, unsent, and sends the rest.
Source: Linux drivers/net/xen-netback/netback.c (xenvif_tx_action, make_tx_response);
xen/include/public/io/netif.h.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from actors.abi.netif import EXTRA, TX_RESPONSE, TX_SLOT_BYTES, NetifStatus, TxFlags
from actors.abi.packet_trace import PacketPoint
from actors.abi.ring import RING_MASK, RING_PRIVATE_OFFSET
from actors.kernel.doorbell import Doorbell
from actors.kernel.kernel import Kernel
from actors.kernel.ring import BackRing, RingBroken
from actors.kernel.threads import Future
from actors.network.packet import Packet
from actors.network.packet_mark import mark_of
from actors.vif.netback_counters import BAD_OFFLOAD, COPY_FAILED, NO_CARRIER, TAKEN_UP, NetbackCounters
from actors.vif.netback_credit import Credit
from actors.vif.offload_check import offload_fits
from actors.vif.tx_chain import EXTRA_SLOT, BadChainError, TxChain, take_chain

MAGIC: Final = 0x4E_42_54_58
_MAGIC_WORD: Final = RING_PRIVATE_OFFSET // 4
_TAKEN_WORD: Final = _MAGIC_WORD + 1
_BLANK, _VALIDATED = int(TxFlags.CSUM_BLANK), int(TxFlags.DATA_VALIDATED)
_OKAY, _ERROR, _NULL = int(NetifStatus.OKAY), int(NetifStatus.ERROR), int(NetifStatus.NULL)
_STATUS_AT: Final = 2
_BACK_TAKE: Final = int(PacketPoint.BACK_TAKE)


@dataclass(slots=True)
class _Packet:
    """One that was taken and has no answer; `copied` if its bytes are there, or cannot be had."""

    chain: TxChain
    copied: bool = False
    frame: bytes | None = None


class NetbackTx:
    """One ring of transmits of domain `domid`. `send` is the bridge; `carrier` says whether it is heard."""

    def __init__(
        self,
        kernel: Kernel,
        domid: int,
        words: memoryview,
        page: memoryview,
        *,
        counters: NetbackCounters,
        credit: Credit,
        send: Callable[[Packet], None],
        carrier: Callable[[], bool],
        notify: Callable[[], None],
        broken: Callable[[str], None],
    ) -> None:
        """RingBroken if its indices make no sense."""
        self._kernel = kernel
        self._domid = domid
        self._words = words
        self._page = page
        self._counters = counters
        self._credit = credit
        self._send = send
        self._carrier = carrier
        self._broken = broken
        self._ring = BackRing(words, TX_SLOT_BYTES)
        self._doorbell = Doorbell(kernel, self._ring, notify)
        self._packets: deque[_Packet] = deque()
        self._held: TxChain | None = None
        self._stopped = False
        self._idle: Future[None] = Future()

    @property
    def in_flight(self) -> int:
        """Slots without an answer."""
        return (self._ring.req_cons - self._ring.rsp_prod) & RING_MASK

    def take_up(self) -> None:
        """Answer what somebody who is dead has taken and not answered. RingBroken."""
        ring, words = self._ring, self._words
        count = ring.available()
        if words[_MAGIC_WORD] == MAGIC:
            taken: int = (words[_TAKEN_WORD] - ring.rsp_prod) & RING_MASK
            count = min(count, taken)
        try:
            while count > 0:
                chain = take_chain(ring, self._page, count)
                count -= len(chain.ids)
                self._counters.drop(TAKEN_UP)
                self._answer(chain, _ERROR)
        except BadChainError as error:
            raise RingBroken(str(error)) from error

    def poll(self) -> None:
        """Take what is in the ring, as far as the rate allows; what is more than a ring in another turn."""
        ring, left = self._ring, self._ring.entries
        try:
            while not self._stopped and self._held is None:
                count = ring.available()
                if not count and not ring.rest():
                    break
                if left <= 0:
                    self._again(self._kernel.threads.now_ns + 1)
                    break
                left -= 1
                if count:
                    chain = take_chain(ring, self._page, count)
                    left -= len(chain.ids) - 1
                    self._enter(chain)
        except (RingBroken, BadChainError) as error:
            self.stop()
            self._broken(str(error))
        self._words[_TAKEN_WORD] = ring.req_cons
        self._words[_MAGIC_WORD] = MAGIC

    def stop(self) -> None:
        """Take and answer nothing more."""
        self._stopped = True
        self._held = None
        self._doorbell.silence()
        self._settle()

    async def close(self) -> None:
        """Stop, and wait for what is under way."""
        self.stop()
        if self._packets:
            await self._idle

    def check(self) -> None:
        """Invariants."""
        assert self.in_flight <= self._ring.entries, "no more requests than slots"
        held = len(self._held.ids) if self._held is not None else 0
        slots = sum(len(each.chain.ids) for each in self._packets) + held
        assert self._stopped or slots == self.in_flight, "every slot that was taken is of a packet"

    def _again(self, when_ns: int) -> None:
        self._kernel.threads.at(when_ns).when_done(self._resume)

    def _resume(self) -> None:
        if self._stopped:
            return
        held, self._held = self._held, None
        if held is not None:
            self._enter(held)
        self.poll()

    def _enter(self, chain: TxChain) -> None:
        wait_until = None if chain.fault else self._credit.take(chain.size, self._kernel.threads.now_ns)
        if wait_until is not None:
            self._counters.throttled += 1
            self._held = chain
            self._again(wait_until)
            return
        packet = _Packet(chain)
        self._packets.append(packet)
        if chain.fault:
            packet.copied = True
            self._settle()
        else:
            self._kernel.copies.read(self._domid, chain.pieces, partial(self._copied, packet))

    def _copied(self, packet: _Packet, frame: bytes | None) -> None:
        packet.copied = True
        packet.frame = frame
        if frame is None:
            packet.chain.fault = COPY_FAILED
        self._settle()

    def _settle(self) -> None:
        """Pass on and answer those at the head whose bytes are there."""
        packets = self._packets
        while packets and packets[0].copied:
            packet = packets.popleft()
            if self._stopped:
                continue
            self._pass_on(packet)
            self._answer(packet.chain, _ERROR if packet.chain.fault else _OKAY)
        if self._stopped and not packets:
            self._idle.set(None)

    def _pass_on(self, packet: _Packet) -> None:
        chain, frame, counters = packet.chain, packet.frame, self._counters
        blank = chain.flags & _BLANK != 0
        if frame is not None and not chain.fault and (blank or chain.segment_bytes):
            chain.fault = "" if offload_fits(frame, segmented=chain.segment_bytes != 0) else BAD_OFFLOAD
        if frame is None or chain.fault:
            counters.drop(chain.fault)
        elif not self._carrier():
            counters.drop(NO_CARRIER)
        else:
            counters.sent += 1
            counters.sent_bytes += len(frame)
            tracepoint = self._kernel.threads.tracepoint
            if tracepoint is not None:
                tracepoint(_BACK_TAKE, 0, chain.ids[0], mark_of(frame), self._domid)
            self._send(Packet(frame, chain.segment_bytes, blank, chain.flags & _VALIDATED != 0))

    def _answer(self, chain: TxChain, status: int) -> None:
        if not self._doorbell.due:
            self._doorbell.ring_at_turn_end()
        for ident in chain.ids:
            offset = self._ring.put()
            if ident == EXTRA_SLOT:
                # The type and flags of an extra stay: whoever takes up the ring has to see how it goes on.
                self._page[offset + _STATUS_AT : offset + 4] = _NULL.to_bytes(2, "little")
            else:
                TX_RESPONSE.pack_into(self._page, offset, ident, status)


assert EXTRA.size >= TX_RESPONSE.size, "an answer lies within what it answers"
