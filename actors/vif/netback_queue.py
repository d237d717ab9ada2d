"""One queue of a network backend: both rings, mapped, and the ports that tell of them."""

from collections.abc import Callable
from functools import partial

from actors.kernel.grants import Mapping
from actors.kernel.kernel import Kernel
from actors.network.packet import Packet
from actors.vif.netback_counters import NetbackCounters
from actors.vif.netback_credit import Credit
from actors.vif.netback_offer import FrontendFeatures, OfferedQueue
from actors.vif.netback_rx import NetbackRx
from actors.vif.netback_tx import NetbackTx


class NetbackQueue:
    """A queue of domain `domid`. RingBroken if a ring makes no sense; the mappings are the caller's."""

    def __init__(
        self,
        kernel: Kernel,
        domid: int,
        offered: OfferedQueue,
        mappings: tuple[Mapping, Mapping],
        *,
        counters: NetbackCounters,
        credit: Credit,
        features: FrontendFeatures,
        send: Callable[[Packet], None],
        carrier: Callable[[], bool],
        stall_changed: Callable[[], None],
        broken: Callable[[str], None],
    ) -> None:
        self._kernel = kernel
        self._domid = domid
        self._offered = offered
        self._tx_port = self._rx_port = 0
        memory, (tx, rx) = kernel.memory, mappings
        self.tx = NetbackTx(
            kernel,
            domid,
            memory.words(tx.mfn),
            kernel.grants.frame(tx),
            counters=counters,
            credit=credit,
            send=send,
            carrier=carrier,
            notify=lambda: kernel.irq.notify(self._tx_port),
            broken=broken,
        )
        self.rx = NetbackRx(
            kernel,
            domid,
            memory.words(rx.mfn),
            kernel.grants.frame(rx),
            counters=counters,
            features=features,
            stall_changed=stall_changed,
            notify=lambda: kernel.irq.notify(self._rx_port),
            broken=broken,
        )

    async def bind(self, name: str) -> None:
        """Bind its ports, as `name` in /proc/interrupts. XenError; what is bound is to be unbound."""
        bind, offered = partial(self._kernel.irq.bind_interdomain, self._domid), self._offered
        if offered.split:
            self._tx_port = await bind(offered.tx_port, f"{name}-tx", self.tx.poll)
            self._rx_port = await bind(offered.rx_port, f"{name}-rx", self.rx.on_event)
        else:
            self._tx_port = self._rx_port = await bind(offered.tx_port, name, self._on_event)

    def unbind(self) -> None:
        """Close the ports that are bound."""
        for port in sorted({self._tx_port, self._rx_port} - {0}):
            self._kernel.irq.unbind(port)
        self._tx_port = self._rx_port = 0

    def freeze(self, *, frozen: bool) -> None:
        """Hear of no events, or of all that have come meanwhile."""
        irq = self._kernel.irq
        for port in sorted({self._tx_port, self._rx_port}):
            (irq.mask if frozen else irq.unmask)(port)

    def take_up(self) -> None:
        """Go on with rings that somebody who is dead has served. RingBroken."""
        self.tx.take_up()

    def begin(self, *, resuming: bool) -> None:
        """Take what is in the rings."""
        self._on_event()
        if resuming:  # events of a dead backend, and to it, were lost
            self._kernel.irq.notify(self._tx_port)
            self._kernel.irq.notify(self._rx_port)

    async def close(self) -> None:
        """Take and answer nothing more; wait for what is under way."""
        self.tx.stop()
        self.rx.stop()
        await self.tx.close()
        await self.rx.close()

    def stop(self) -> None:
        """Take and answer nothing more."""
        self.tx.stop()
        self.rx.stop()

    def check(self) -> None:
        """Invariants."""
        self.tx.check()
        self.rx.check()

    def _on_event(self) -> None:
        self.tx.poll()
        self.rx.on_event()
