"""What is broken in a network controller, beside what can be in any device.

Rules: a controller that hangs is gone from the bus: it reads all ones, what is written is lost, it moves
nothing and lets its lines go. One whose DMA has stopped takes registers and does not touch memory. A link
that flaps begins with losing its carrier.
"""

from enum import StrEnum

from actors.devices.device_faults import AnyDevice, DeviceFaults
from actors.messages import Fault


class _Breakage(StrEnum):
    """What can be broken in a network controller, by the kind of fault that does it."""

    hung = "nic-hang"
    dma_stopped = "nic-dma-stop"
    link_down = "nic-link-down"
    flapping = "nic-link-flap"


class NicFaults(DeviceFaults):
    """The faults of one network controller; `flap_ns`: when its carrier comes or goes next."""

    def __init__(self) -> None:
        super().__init__({*_Breakage, *AnyDevice})
        self.hung = False
        self.dma_stopped = False
        self.flap_ns: int | None = None
        self._flap_interval_ns = 0
        self._flapped_down = False

    def take(self, fault: Fault, now_ns: int) -> bool:
        """A fault comes or goes; False if a controller knows no such kind, or its options make no sense."""
        if not super().take(fault, now_ns):
            return False
        self.hung = self.has(_Breakage.hung)
        self.dma_stopped = self.has(_Breakage.dma_stopped)
        flaps = [each.interval_ns for each in self.those(_Breakage.flapping)]
        self._flap_interval_ns = min(flaps, default=0)
        if not flaps:
            self.flap_ns, self._flapped_down = None, False
        elif self.flap_ns is None:
            self.flap_ns, self._flapped_down = now_ns + self._flap_interval_ns, True
        return True

    def flap(self, now_ns: int) -> None:
        """Let the carrier come and go as often as it has until now."""
        while self.flap_ns is not None and self.flap_ns <= now_ns:
            self.flap_ns += self._flap_interval_ns
            self._flapped_down = not self._flapped_down

    @property
    def carrier_lost(self) -> bool:
        """Whether there is no carrier though the wire is there."""
        return self._flapped_down or self.has(_Breakage.link_down)

    @property
    def paralysed(self) -> bool:
        """Whether it moves no data."""
        return self.hung or self.dma_stopped
