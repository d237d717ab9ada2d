"""A backend with whose connections the next life of its domain can go on, without asking anybody.

A domain with a recovery box leaves there what it serves, for as long as it serves it; its next life may
`adopt` that before it looks into the store, in which it then finds itself Connected.
Rules: a record is there before the device is said to be Connected, and gone before its ring is given back.
"""

from collections.abc import Callable

from actors.abi.interface import XenbusState
from actors.kernel.grants import Mapping
from actors.kernel.handover import Handover
from actors.kernel.kernel import Kernel
from actors.kernel.store import Store, read_state
from actors.kernel.xenbus_backend import Served, XenbusBackend


class ResumableBackend(XenbusBackend):
    """What such a backend does besides; its ring is the device's (the methods that subclasses have)."""

    def __init__(self, kernel: Kernel, store: Store, served: Served) -> None:
        super().__init__(kernel, store, served)
        self._adopted = False

    async def attach(self, *, resuming: bool) -> None:
        """As in every backend, and it is written down."""
        await self.connect_ring(resuming=resuming)
        box = self.served.box
        if box is not None:
            handover = self.handover(box.next_generation())
            if handover is not None:
                box.keep(handover)

    async def detach(self) -> None:
        """As in every backend, when nothing tells of it any more."""
        if self.served.box is not None:
            self.served.box.erase(self.served.device)
        await self.disconnect_ring()

    def adopt(self, handover: Handover, mapping: Mapping, port: int) -> None:
        """Go on as the one that was Connected; `run` comes after it.

        RingBroken, ResumeImpossibleError if what is left cannot be used: then nothing is kept.
        """
        self.take_up(handover, mapping, port)
        self.recoveries.resumes += 1
        self.state = XenbusState.Connected
        self._adopted = True

    @property
    def event(self) -> tuple[str, Callable[[], None]]:
        """What its port is called, and who hears of an event there."""
        raise NotImplementedError

    async def connect_ring(self, *, resuming: bool) -> None:
        """`attach` of the device."""
        raise NotImplementedError

    async def disconnect_ring(self) -> None:
        """`detach` of the device."""
        raise NotImplementedError

    def handover(self, generation: int) -> Handover | None:
        """What the next life needs to go on from here; None if it could not."""
        raise NotImplementedError

    def is_told_by(self, record: Handover) -> bool:
        """Whether a record tells of the connection that there is."""
        raise NotImplementedError

    def take_up(self, handover: Handover, mapping: Mapping, port: int) -> None:
        """Use what a dead backend has left: its ring, which is mapped, and a port that is bound."""
        raise NotImplementedError

    async def _look(self) -> None:
        if self._adopted and not self.store_lost:
            self._adopted = False
            # The dead one may not have come to say what it had written down: that it is Connected.
            if await read_state(self.store, self.path) is not XenbusState.Connected:
                await self._publish_connected()
        await super()._look()
