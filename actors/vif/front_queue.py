"""One queue of a network frontend: both rings, their ports, and the frames of their packets.

Rules: a ring that the other side still has mapped is given back later. Both rings are made anew for each
offer, the frames of packets are kept.
Source: Linux drivers/net/xen-netfront.c (setup_netfront, xennet_disconnect_backend).
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.netif import RX_SLOT_BYTES, SLOTS_MIN, TX_SLOT_BYTES
from actors.kernel.grants import GrantTableFull
from actors.kernel.kernel import Kernel
from actors.kernel.old_rings import OldRings
from actors.kernel.pages import OutOfPages
from actors.kernel.ring import FrontRing
from actors.vif.backend_features import BackendFeatures
from actors.vif.granted_frames import GrantedFrames
from actors.vif.receive_queue import ReceiveQueue
from actors.vif.transmit_queue import TransmitQueue

RX_BUFFERS: Final = 128
TX_FRAMES: Final = 64
"""Fewer than a ring has slots: memory for three packets of 64 KiB each way is enough to keep a turn busy."""


class _OfferedRing:
    """A ring in a frame of ours that the backend may map."""

    def __init__(self, kernel: Kernel, gfn: int, ref: int, slot_bytes: int) -> None:
        self.gfn = gfn
        self.ref = ref
        self.page = kernel.pages.frame(gfn)
        self.ring = FrontRing(kernel.pages.words(gfn), slot_bytes)


class FrontQueue:
    """The queue of this `name`, as /proc/interrupts has it. `transmit` and `receive`: its halves."""

    def __init__(self, kernel: Kernel, name: str, transmit: TransmitQueue, receive: ReceiveQueue) -> None:
        self._kernel = kernel
        self._name = name
        self.transmit = transmit
        self.receive = receive
        self._tx_frames = GrantedFrames(kernel, least=SLOTS_MIN, most=TX_FRAMES, readonly=True)
        self._rx_frames = GrantedFrames(kernel, least=SLOTS_MIN + 1, most=RX_BUFFERS, readonly=False)
        self._tx: _OfferedRing | None = None
        self._rx: _OfferedRing | None = None
        self._ports: list[int] = []
        self._old_rings = OldRings(kernel)

    async def offer(self, domid: int, *, split: bool) -> None:
        """Make new rings, and a port for both or, `split`, one for each. XenError if that cannot be had."""
        await self.retire()
        await self._tx_frames.use(domid)
        await self._rx_frames.use(domid)
        self._tx = await self._make_ring(domid, TX_SLOT_BYTES)
        self._rx = await self._make_ring(domid, RX_SLOT_BYTES)
        self.receive.offer(self._rx.ring, self._rx.page, self._rx_frames.frames)
        if split:
            await self._open_port(domid, f"{self._name}-tx", self.transmit.on_event)
            await self._open_port(domid, f"{self._name}-rx", self.receive.on_event)
        else:
            await self._open_port(domid, self._name, self._on_event)

    def keys(self) -> dict[str, str]:
        """What the store is told of the queue (write_queue_xenstore_keys)."""
        if self._tx is None or self._rx is None:
            return {}
        names = ["event-channel"] if len(self._ports) == 1 else ["event-channel-tx", "event-channel-rx"]
        return {
            "tx-ring-ref": str(self._tx.ref),
            "rx-ring-ref": str(self._rx.ref),
            **{name: str(port) for name, port in zip(names, self._ports, strict=True)},
        }

    def attach(self, features: BackendFeatures) -> None:
        """There is a backend that uses the rings."""
        tx, rx, irq = self._tx, self._rx, self._kernel.irq
        assert tx is not None and rx is not None, "rings were offered"  # noqa: PT018
        tx_port, rx_port = self._ports[0], self._ports[-1]
        self.receive.attach(lambda: irq.notify(rx_port))
        self.transmit.attach(tx.ring, tx.page, self._tx_frames.frames, features, lambda: irq.notify(tx_port))

    async def retire(self) -> None:
        """The rings are of no use any more."""
        kernel = self._kernel
        self.detach()
        for port in self._ports:
            kernel.irq.unbind(port)
        self._ports = []
        for each in (self._tx, self._rx):
            if each is not None:
                self._old_rings.add(each.gfn, each.ref)
        self._tx = self._rx = None
        await self._old_rings.take_back()

    def detach(self) -> None:
        """What is in flight is lost."""
        self.transmit.detach()
        self.receive.detach()

    async def release(self) -> bool:
        """Give everything back; False if the other side holds on to some: then it is tried again."""
        await self.retire()
        sent, received = await self._tx_frames.release(), await self._rx_frames.release()
        return sent and received and not self._old_rings

    def check(self) -> None:
        """Invariants of both halves."""
        self.transmit.check()
        self.receive.check()

    def _on_event(self) -> None:
        self.transmit.on_event()
        self.receive.on_event()

    async def _make_ring(self, domid: int, slot_bytes: int) -> _OfferedRing:
        try:
            gfn = self._kernel.pages.allocate()
            ref = await self._kernel.grants.grant(domid, gfn)
        except (OutOfPages, GrantTableFull) as error:
            raise XenError(Errno.ENOMEM, f"a ring: {error}") from error
        return _OfferedRing(self._kernel, gfn, ref, slot_bytes)

    async def _open_port(self, domid: int, name: str, taker: Callable[[], None]) -> None:
        port = await self._kernel.irq.alloc_unbound(domid)
        self._ports.append(port)
        self._kernel.irq.bind(port, "xen-dyn -event", name, taker)
