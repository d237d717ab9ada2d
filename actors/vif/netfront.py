"""The frontend of a paravirtual network interface: its queues, and what the backend says of itself.

It is Connected as soon as it has offered its rings, and of use once the backend is, too; it then announces
itself, each time. A backend that vanishes without a word is not noticed: there is no watchdog for packets.
Rules: the handshake is `xenbus_frontend`'s; packets go their own way (`front_queue`). A packet is handed on
as bytes of our own. Packets of one connection take one queue.
Source: Linux drivers/net/xen-netfront.c (xennet_create_dev, talk_to_netback, xennet_connect),
xen/include/public/io/netif.h.
Left out: page flipping, the control ring, XDP, multicast control; segments of IPv6 are taken, and never sent.
"""

from collections.abc import Callable, Mapping
from typing import Final
from zlib import crc32

from actors.abi.interface import XenbusState
from actors.kernel.frontend_look import Look
from actors.kernel.kernel import Kernel
from actors.kernel.store import Store
from actors.kernel.xenbus_frontend import XenbusFrontend
from actors.network.packet import Packet
from actors.network.tap import Direction
from actors.network.wire_frames import UnsendableError, wire_frames
from actors.policies import Frontend
from actors.vif.backend_features import KEYS, QUEUES_MAX, BackendFeatures
from actors.vif.front_queue import FrontQueue
from actors.vif.netfront_statistics import NetfrontStatistics
from actors.vif.packet_counters import PacketCounters
from actors.vif.packet_slots import FRAME_MAX
from actors.vif.receive_queue import ReceiveQueue
from actors.vif.transmit_queue import TransmitQueue

PROBE_NS: Final = 5_000_000_000
"""XENNET_TIMEOUT: for so long it waits for a backend before it says again that it begins, for ever."""
_ABSENT: Final = (XenbusState.Unknown, XenbusState.Closed)


def _nobody(_packet: Packet) -> None:
    """Whom packets come to before somebody wants them."""


def _nothing() -> None:
    """What follows for somebody who does not care."""


class Netfront(XenbusFrontend):
    """One network interface of a guest. `features`: those of its backend, right once `connect` has returned.

    `queues_wanted`: how many it would have. Its user sets, before `connect`: `on_packet`, given each packet;
    `on_room`, called when one that was refused may be sent; `on_connected`, whenever a backend says it is so.
    """

    driver = "xen_netfront"
    mark = "tx-ring-ref"
    offered_state = XenbusState.Connected
    offer_keys = KEYS

    def __init__(self, kernel: Kernel, store: Store, path: str, policy: Frontend) -> None:
        super().__init__(kernel, store, path, policy)
        self.features = BackendFeatures()
        self.queues_wanted = 1
        self.on_packet: Callable[[Packet], None] = _nobody
        self.on_room = _nothing
        self.on_connected = _nothing
        self._queues: list[FrontQueue] = []
        self._old_queues: list[FrontQueue] = []
        self._counters = PacketCounters()
        self._announcements = 0
        self._detached_at_ns: int | None = None
        self._failed = False
        self._absent = False
        self._probe_ns: int | None = None
        self._tap = kernel.taps.tap(f"vif{self.number}")

    def send(self, packet: Packet) -> bool:
        """Send it, or have it wait for room; False if it is dropped. ValueError if it is no frame.

        Frames of up to 64 KiB. What the backend cannot finish (`features`) is finished here.
        """
        if self._tap.on:
            self._tap.saw(Direction.outbound, packet, self.kernel.threads.now_ns)
        return self._pass_on(packet)

    def _pass_on(self, packet: Packet) -> bool:
        features = self.features
        if (packet.segment_bytes and not features.segments) or (packet.blank and not features.checksums):
            return self._send_finished(packet)
        queues = self._queues
        if self._failed or not queues:
            self._counters.dropped += 1
            return False
        if len(queues) == 1:
            return queues[0].transmit.send(packet)
        return queues[crc32(packet.frame[26:38]) % len(queues)].transmit.send(packet)

    def _arrived(self, packet: Packet) -> None:
        if self._tap.on:
            self._tap.saw(Direction.inbound, packet, self.kernel.threads.now_ns)
        self.on_packet(packet)

    def _send_finished(self, packet: Packet) -> bool:
        """As skb_gso_segment and skb_checksum_help do for an interface that cannot."""
        try:
            frames = wire_frames(packet, FRAME_MAX)
        except UnsendableError:
            self._counters.dropped += 1
            return False
        taken = [self._pass_on(Packet(each)) for each in frames]
        return all(taken)

    def check(self) -> None:
        """Invariants."""
        for queue in self._queues:
            queue.check()

    def statistics(self) -> NetfrontStatistics:
        """What this frontend has done."""
        counters = self._counters
        return NetfrontStatistics(
            state=self.state.name,
            reconnects=self.reconnects,
            published_again=self.published_again,
            queues=len(self._queues),
            sent=counters.sent,
            sent_bytes=counters.sent_bytes,
            received=counters.received,
            received_bytes=counters.received_bytes,
            lost=counters.lost,
            refused=counters.refused,
            dropped=counters.dropped,
            malformed=counters.malformed,
            in_flight=self.in_flight,
            waiting=sum(each.transmit.waiting for each in self._queues),
            announcements=self._announcements,
            detached_ns=counters.detached_ns,
        )

    @property
    def in_flight(self) -> int:
        """Slots of packets that the backend has not answered."""
        return sum(each.transmit.in_flight for each in self._queues)

    def keys(self) -> dict[str, str]:
        """The rings, the ports, and what we can do, as talk_to_netback writes them."""
        told = {"multi-queue-num-queues": str(len(self._queues))} if self.features.queues else {}
        if len(self._queues) == 1:
            told |= self._queues[0].keys()
        else:
            for number, queue in enumerate(self._queues):
                told |= {f"queue-{number}/{key}": value for key, value in queue.keys().items()}
        return {
            **told,
            "request-rx-copy": "1",
            "feature-rx-notify": "1",
            "feature-sg": "1",
            "feature-gso-tcpv4": "1",
            "feature-gso-tcpv6": "1",
            "feature-ipv6-csum-offload": "1",
        }

    def prepare(self, told: Mapping[str, str]) -> None:
        """What the backend can do decides what it is offered. XenError EINVAL if it cannot copy."""
        self.features = BackendFeatures.told(told)

    async def offer(self, domid: int) -> None:
        """New rings, and ports for them, in as many queues as both ends want."""
        self._detach()
        count = max(min(self.queues_wanted, self.features.queues, QUEUES_MAX), 1)
        self.say(f"offering {count} queues to domain {domid}")
        while len(self._queues) > count:
            self._old_queues.append(self._queues.pop())
        while len(self._queues) < count:
            self._queues.append(self._make_queue(len(self._queues)))
        await self._give_back_old()
        for queue in self._queues:
            await queue.offer(domid, split=self.features.split)

    def attach(self) -> None:
        """Both ends are Connected: use the rings."""
        now_ns = self.kernel.threads.now_ns
        if self._detached_at_ns is not None:
            self._counters.detached_ns += now_ns - self._detached_at_ns
            self._detached_at_ns = None
        for queue in self._queues:
            queue.attach(self.features)
        self._announce()

    def refresh(self, told: Mapping[str, str]) -> None:
        """The backend says once more that it is Connected (netback_changed announces then, too)."""
        del told
        self._announce()

    def fail(self) -> None:
        """What waits is dropped, and so is what comes."""
        self._detach()
        self._failed = True
        for queue in self._queues:
            queue.transmit.clear()

    def revive(self) -> None:
        """What comes from now on waits for a backend."""
        self._failed = False

    async def release(self) -> bool:
        """Give back the rings and the frames."""
        self._old_queues += self._queues
        self._queues = []
        return await self._give_back_old()

    async def _give_back_old(self) -> bool:
        self._old_queues = [each for each in self._old_queues if not await each.release()]
        return not self._old_queues

    async def _find(self) -> Look:
        look = await super()._find()
        self._absent = look.named_backend != "" and look.backend_state in _ABSENT
        return look

    async def _look(self) -> None:
        await super()._look()
        if not self._absent or self.state is not XenbusState.Initialising:
            self._probe_ns = None
            return
        threads = self.kernel.threads
        if self._probe_ns is None or self._probe_ns <= threads.now_ns:
            again = self._probe_ns is not None
            self._probe_ns = threads.now_ns + PROBE_NS
            threads.at(self._probe_ns).when_done(self._changed.set)
            if again:
                await self._write_state(XenbusState.Initialising)

    def _make_queue(self, number: int) -> FrontQueue:
        counters, kernel = self._counters, self.kernel
        transmit = TransmitQueue(kernel, counters, room=self.on_room, broken=self._break)
        receive = ReceiveQueue(kernel, counters, deliver=self._arrived, broken=self._break)
        return FrontQueue(kernel, f"vif{self.number}-q{number}", transmit, receive)

    def _announce(self) -> None:
        self._announcements += 1
        self.on_connected()

    def _detach(self) -> None:
        if self.state is XenbusState.Connected and self._detached_at_ns is None:
            self._detached_at_ns = self.kernel.threads.now_ns
        for queue in self._queues:
            queue.detach()

    def _break(self, why: str) -> None:
        self._detach()
        self.break_off(f"the backend broke the ring: {why}")
