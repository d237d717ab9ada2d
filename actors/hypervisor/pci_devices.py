"""The PCI devices that Xen knows of: who owns each, and what it can do with messages.

Rules: a device that is added belongs to the hardware domain, unless it is known already. One that is
taken from a domain goes to quarantine (DOMID_IO) and from there back to the hardware domain.
A device may have a link of its own to the hypervisor, named after it, on which it raises interrupts.
Source: xen/drivers/passthrough/pci.c, xen/arch/x86/msi.c.
Left out: configuration space: what a device can do is told by the platform.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.types import DOMID_IO
from actors.hypervisor.platform import Platform

HARDWARE_DOMID: Final = 0

Sbdf = tuple[int, int, int]
"""Segment, bus, devfn."""


@dataclass(slots=True)
class MsiEntry:
    """One message of a device: which interrupt it is, and whether the device may send it.

    `group` are the irqs of a multiple message, the first of them leading; `number` is the MSI-X entry, or
    the place in the group.
    """

    irq: int
    vector: int
    number: int
    msix: bool
    group: tuple[int, ...] = ()
    masked: bool = True


@dataclass(slots=True, eq=False)
class PciDevice:
    """`msi_vectors` and `msix_entries` are 0 for a device without that capability."""

    sbdf: Sbdf
    owner: int = HARDWARE_DOMID
    msi_vectors: int = 0
    msix_entries: int = 0
    maskable: bool = True
    msix_prepared: bool = False
    plugged: bool = False
    entries: dict[int, MsiEntry] = field(default_factory=dict)

    @property
    def link(self) -> str:
        """The name of its link: as Xen prints a device."""
        return link_of_device(self.sbdf)


class PciDevices:
    """All PCI devices of a host."""

    def __init__(self, platform: Platform) -> None:
        self._capabilities = {row[:3]: row[3:] for row in platform.pci_msi}
        self._devices: dict[Sbdf, PciDevice] = {}
        for sbdf in platform.pci_devices:
            self.add(sbdf)

    def add(self, sbdf: Sbdf) -> PciDevice:
        """A device is there; again is as well as once."""
        device = self._devices.get(sbdf)
        if device is None:
            vectors, entries, maskable = self._capabilities.get(sbdf, (0, 0, 1))
            device = PciDevice(sbdf, HARDWARE_DOMID, vectors, entries, bool(maskable))
            self._devices[sbdf] = device
        return device

    def remove(self, sbdf: Sbdf) -> PciDevice:
        """A device is not there any more; its messages have been taken from it. ENODEV."""
        device = self.find(sbdf)
        assert not device.entries, f"{device.link} is removed and still has messages"
        return self._devices.pop(sbdf)

    def get(self, sbdf: Sbdf) -> PciDevice | None:
        """The device with this address, if there is one."""
        return self._devices.get(sbdf)

    def find(self, sbdf: Sbdf) -> PciDevice:
        """The device with this address. ENODEV."""
        device = self._devices.get(sbdf)
        if device is None:
            raise XenError(Errno.ENODEV, f"no PCI device {link_of_device(sbdf)}")
        return device

    def owned(self, sbdf: Sbdf, domid: int) -> PciDevice:
        """The device with this address, if a domain owns it. ENODEV."""
        device = self.find(sbdf)
        if device.owner != domid:
            raise XenError(Errno.ENODEV, f"{device.link} is not domain {domid}'s")
        return device

    def by_link(self, link: str) -> PciDevice | None:
        """The device that has a link of this name."""
        return next((device for device in self._devices.values() if device.link == link), None)

    def all(self) -> list[PciDevice]:
        """All devices, by address."""
        return [self._devices[sbdf] for sbdf in sorted(self._devices)]

    def release(self, domid: int) -> None:
        """A domain is dead: what it had goes to quarantine; the hardware domain's stays with its id."""
        if domid != HARDWARE_DOMID:
            for device in self._devices.values():
                if device.owner == domid:
                    device.owner = DOMID_IO


def link_of_device(sbdf: Sbdf) -> str:
    """`pci-SSSS:BB:DD.F`, hexadecimal."""
    segment, bus, devfn = sbdf
    return f"pci-{segment:04x}:{bus:02x}:{devfn >> 3:02x}.{devfn & 7}"
