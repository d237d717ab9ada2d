"""Message signalled interrupts: numbers and vectors for them, and what is written into devices.

Rules: Xen chooses irq and vector and writes address and data itself; a guest never sees them. A message
may be sent only while its irq is bound. A device that is plugged in again is written again.
Source: xen/arch/x86/{msi,irq}.c (create_irq, setup_msi_irq, msi_compose_msg, pci_restore_msi_state).
Left out: per-CPU vectors: one space of vectors serves the host.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.hypervisor.outbox import Outbox
from actors.hypervisor.pci_devices import MsiEntry, PciDevice
from actors.hypervisor.platform import Platform
from actors.hypervisor.redirection_table import FIRST_DYNAMIC_VECTOR
from actors.messages import MsiWrite

LAST_DYNAMIC_VECTOR: Final = 0xDF
RESERVED_VECTORS: Final = frozenset({0x80, 0x82})
MSI_ADDRESS: Final = 0xFEE00000


class Msi:
    """The messages of all devices."""

    def __init__(self, platform: Platform, outbox: Outbox) -> None:
        self._platform = platform
        self._outbox = outbox
        self._entries: dict[int, tuple[PciDevice, MsiEntry]] = {}
        self._created: set[int] = set()
        self._vectors: dict[int, int] = {}

    def create_irq(self) -> int:
        """A new interrupt number. EINVAL when there is none, or no vector for one."""
        for irq in range(self._platform.nr_gsis, self._platform.nr_irqs):
            if irq not in self._created:
                if len(self._created) >= self._room():
                    break
                self._created.add(irq)
                return irq
        raise XenError(Errno.EINVAL, "no interrupt is left for a message")

    def _room(self) -> int:
        first = FIRST_DYNAMIC_VECTOR + self._platform.nr_gsis
        return LAST_DYNAMIC_VECTOR + 1 - first - sum(first <= each for each in RESERVED_VECTORS)

    def destroy_irq(self, irq: int) -> None:
        """The number is free again."""
        self._created.remove(irq)

    def is_created(self, irq: int) -> bool:
        """Whether this is the number of a message."""
        return irq in self._created

    def enable(self, device: PciDevice, irqs: tuple[int, ...], *, number: int, msix: bool) -> None:
        """Give a device messages for `irqs`: one MSI-X entry, or one or more MSI.

        The other kind of message is switched off. The caller has checked what the device can do.
        """
        for other in [each for each in device.entries.values() if each.msix is not msix]:
            self._forget(device, other)
        for place, irq in enumerate(irqs):
            entry = MsiEntry(irq, self._take_vector(irq), number if msix else place, msix, irqs)
            device.entries[irq] = entry
            self._entries[irq] = (device, entry)
            self._write(device, entry)

    def _take_vector(self, irq: int) -> int:
        vector = FIRST_DYNAMIC_VECTOR + self._platform.nr_gsis
        while vector in self._vectors or vector in RESERVED_VECTORS:
            vector += 1
        assert vector <= LAST_DYNAMIC_VECTOR, "more messages than vectors"
        self._vectors[vector] = irq
        return vector

    def disable(self, irq: int) -> None:
        """Take a message from its device."""
        found = self._entries.get(irq)
        if found is not None:
            self._forget(*found)

    def _forget(self, device: PciDevice, entry: MsiEntry) -> None:
        del device.entries[entry.irq], self._entries[entry.irq], self._vectors[entry.vector]
        if device.plugged:
            self._outbox.send(device.link, MsiWrite(entry.number, 0, 0, masked=True))

    def entry(self, irq: int) -> MsiEntry | None:
        """The message of an interrupt."""
        found = self._entries.get(irq)
        return found[1] if found is not None else None

    def is_maskable(self, irq: int) -> bool:
        """Whether the device can be told to hold this message back; MSI-X entries always can."""
        device, entry = self._entries[irq]
        return entry.msix or device.maskable

    def irq(self, vector: int) -> int | None:
        """The interrupt of a vector."""
        return self._vectors.get(vector)

    def mask(self, irq: int, *, masked: bool) -> None:
        """Hold a message back, or let it through."""
        found = self._entries.get(irq)
        if found is not None:
            found[1].masked = masked
            self._write(*found)

    def restore(self, device: PciDevice) -> None:
        """Write everything into the device again."""
        for entry in device.entries.values():
            self._write(device, entry)

    def _write(self, device: PciDevice, entry: MsiEntry) -> None:
        if device.plugged:
            masked = entry.masked
            self._outbox.send(device.link, MsiWrite(entry.number, MSI_ADDRESS, entry.vector, masked=masked))

    def check(self, devices: list[PciDevice]) -> None:
        """Devices, numbers and vectors agree."""
        known = {irq for device in devices for irq in device.entries}
        assert known == self._entries.keys(), "messages of devices that are gone"
        assert known <= self._created, "messages whose numbers are free"
        for irq, (device, entry) in self._entries.items():
            assert entry.irq == irq, f"irq {irq} is filed wrongly"
            assert device.entries.get(irq) is entry, f"irq {irq} is filed wrongly"
            assert self._vectors.get(entry.vector) == irq, f"vector {entry.vector:#x} is not irq {irq}"
        assert len(self._vectors) == len(self._entries), "vectors without a message"
