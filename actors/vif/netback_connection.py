"""All that a network backend has while it is connected: queues, the control ring, and the rate they share.

Rules: one queue of a guest that is stalled takes the carrier from all of them, as in Linux.
Source: Linux drivers/net/xen-netback/xenbus.c (connect), rx.c (xenvif_queue_carrier_off).
"""

from collections.abc import Callable

from actors.kernel.grants import Mapping
from actors.kernel.kernel import Kernel
from actors.network.packet import Packet
from actors.vif.netback_control import NetbackControl
from actors.vif.netback_counters import NO_CARRIER, STALLED, NetbackCounters
from actors.vif.netback_credit import Credit
from actors.vif.netback_hash import NetbackHash
from actors.vif.netback_offer import NetbackOffer
from actors.vif.netback_queue import NetbackQueue


class NetbackConnection:
    """That with a `frontend` (domain id, name of the interface).

    `mappings`: of its rings, in the order of the offer. RingBroken if one of them makes no sense.
    """

    def __init__(
        self,
        kernel: Kernel,
        frontend: tuple[int, str],
        offer: NetbackOffer,
        mappings: list[Mapping],
        *,
        counters: NetbackCounters,
        credit: Credit,
        send: Callable[[Packet], None],
        say: Callable[[str], None],
        broken: Callable[[str], None],
    ) -> None:
        self._kernel = kernel
        self._domid, self._name = frontend
        self._counters = counters
        self._offer = offer
        self._say = say
        self._hash = NetbackHash(len(offer.queues))
        self._control_port = 0
        self._frozen = False
        self.mappings = mappings
        self.carrier = True
        self.queues = [
            NetbackQueue(
                kernel,
                self._domid,
                offered,
                (mappings[2 * number], mappings[2 * number + 1]),
                counters=counters,
                credit=credit,
                features=offer.features,
                send=send,
                carrier=lambda: self.carrier,
                stall_changed=self._stall_changed,
                broken=broken,
            )
            for number, offered in enumerate(offer.queues)
        ]
        self._control: NetbackControl | None = None
        if offer.control is not None:
            self._control = NetbackControl(
                kernel,
                self._domid,
                kernel.memory.words(mappings[-1].mfn),
                kernel.grants.frame(mappings[-1]),
                spread=self._hash,
                queues=len(offer.queues),
                counters=counters,
                notify=lambda: kernel.irq.notify(self._control_port),
                broken=broken,
            )

    def take_up(self) -> None:
        """Go on with rings that somebody who is dead has served. RingBroken."""
        for queue in self.queues:
            queue.take_up()

    async def bind(self) -> None:
        """Bind all ports. XenError if one is not for us."""
        for number, queue in enumerate(self.queues):
            await queue.bind(f"{self._name}-q{number}")
        if self._control is not None and self._offer.control is not None:
            port = self._offer.control[1]
            bind = self._kernel.irq.bind_interdomain
            self._control_port = await bind(self._domid, port, f"{self._name}-ctrl", self._control.poll)

    def begin(self, *, resuming: bool) -> None:
        """Take what is in the rings."""
        for queue in self.queues:
            queue.begin(resuming=resuming)
        if self._control is not None:
            self._control.poll()

    def deliver(self, packet: Packet) -> None:
        """A packet is for this guest."""
        if not self.carrier:
            self._counters.drop(NO_CARRIER)
        elif self._frozen:
            self._counters.drop(STALLED)
        else:
            self.queues[self._hash.queue_of(packet.frame)].rx.deliver(packet)

    def freeze(self, *, frozen: bool) -> None:
        """Take and give nothing, or go on: a fault that is put in."""
        if frozen != self._frozen:
            self._frozen = frozen
            for queue in self.queues:
                queue.freeze(frozen=frozen)

    def stop(self) -> None:
        """Take and answer nothing more."""
        for queue in self.queues:
            queue.stop()
        if self._control is not None:
            self._control.stop()

    async def close(self) -> None:
        """Close the ports, stop, and wait for what is under way."""
        for queue in self.queues:
            queue.unbind()
        if self._control_port:
            self._kernel.irq.unbind(self._control_port)
            self._control_port = 0
        self.stop()
        for queue in self.queues:
            await queue.close()
        if self._control is not None:
            await self._control.close()

    def check(self) -> None:
        """Invariants."""
        for queue in self.queues:
            queue.check()

    def _stall_changed(self) -> None:
        carrier = not any(each.rx.stalled for each in self.queues)
        if carrier != self.carrier:
            self.carrier = carrier
            self._say("Guest Rx ready" if carrier else "Guest Rx stalled")
