"""physdev_op on PCI devices: the hardware domain tells Xen what it finds, and has messages restored.

Rules: where Xen looks for the device first, an unknown one is -ENODEV also for those who may not ask.
Source: xen/drivers/pci/physdev.c, xen/drivers/passthrough/pci.c, xen/arch/x86/{physdev,msi}.c.
Left out: PHYSDEVOP_pci_device_reset, which came after 4.17 and is -ENOSYS as in 4.17; MMCFG areas, of
which this machine has none.
"""

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Physdevop
from actors.abi.interface import XEN_PCI_DEV_VIRTFN
from actors.hypervisor.arguments import Arguments, Result, mapping, number, number_or
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.pci_devices import Sbdf


class PciOps:
    """The commands of physdev_op that are about the list of PCI devices."""

    def __init__(self, host: Host) -> None:
        self._pirqs = host.pirqs
        self._pci = host.pirqs.pci

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Physdevop.manage_pci_add: self.manage_pci_add,
            Physdevop.manage_pci_remove: self.manage_pci_remove,
            Physdevop.manage_pci_add_ext: self.manage_pci_add_ext,
            Physdevop.pci_device_add: self.pci_device_add,
            Physdevop.pci_device_remove: self.pci_device_remove,
            Physdevop.pci_mmcfg_reserved: self.pci_mmcfg_reserved,
            Physdevop.restore_msi: self.restore_msi,
            Physdevop.restore_msi_ext: self.restore_msi_ext,
            Physdevop.prepare_msix: lambda caller, each: self._prepare_msix(caller, each, prepare=True),
            Physdevop.release_msix: lambda caller, each: self._prepare_msix(caller, each, prepare=False),
        }

    def pci_device_add(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_pci_device_add; with a virtual function comes its physical one. EPERM."""
        device, flags = _device(arguments), number_or(arguments, "flags", 0)
        physical = _physical(arguments, device) if flags & XEN_PCI_DEV_VIRTFN else None
        return self._add(caller, device, physical)

    def manage_pci_add(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_manage_pci_add. EPERM."""
        return self._add(caller, _plain(arguments), None)

    def manage_pci_add_ext(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_manage_pci_add_ext. EINVAL, EPERM."""
        device = _plain(arguments)
        extended, virtual = number(arguments, "is_extfn"), number(arguments, "is_virtfn")
        if not 0 <= extended <= 1 or not 0 <= virtual <= 1:
            raise XenError(Errno.EINVAL, "neither yes nor no")
        return self._add(caller, device, _physical(arguments, device) if virtual else None)

    def _add(self, caller: Domain, device: Sbdf, physical: Sbdf | None) -> Result:
        check_control(caller)
        if physical is not None:
            self._pci.add(physical)
        self._pci.add(device)
        return 0

    def pci_device_remove(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_pci_device_remove: its messages go with it. EPERM, ENODEV."""
        return self._remove(caller, _device(arguments))

    def manage_pci_remove(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_manage_pci_remove. EPERM, ENODEV."""
        return self._remove(caller, _plain(arguments))

    def _remove(self, caller: Domain, device: Sbdf) -> Result:
        check_control(caller)
        self._pirqs.remove_device(self._pci.find(device))
        return 0

    def pci_mmcfg_reserved(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_pci_mmcfg_reserved: EPERM, ENODEV for an area that Xen does not know."""
        check_control(caller)
        raise XenError(Errno.ENODEV, f"no MMCFG area at {number(arguments, 'address'):#x}")

    def restore_msi(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_restore_msi: write the device's messages again. ENODEV, EPERM."""
        return self._restore(caller, _plain(arguments))

    def restore_msi_ext(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_restore_msi_ext. ENODEV, EPERM."""
        return self._restore(caller, _device(arguments))

    def _restore(self, caller: Domain, device: Sbdf) -> Result:
        found = self._pci.find(device)
        check_control(caller)
        self._pirqs.msi.restore(found)
        return 0

    def _prepare_msix(self, caller: Domain, arguments: Arguments, *, prepare: bool) -> Result:
        """PHYSDEVOP_prepare_msix and release_msix: EPERM, ENODEV, EBUSY in use, or not prepared."""
        device = _device(arguments)
        check_control(caller)
        found = self._pci.find(device)
        if not found.msix_entries:
            raise XenError(Errno.ENODEV, f"{found.link} has no MSI-X")
        if any(each.msix for each in found.entries.values()) or found.msix_prepared is prepare:
            raise XenError(Errno.EBUSY, f"{found.link}: MSI-X is in use, or not prepared")
        found.msix_prepared = prepare
        return 0


def _plain(arguments: Arguments) -> Sbdf:
    return 0, number(arguments, "bus") & 0xFF, number(arguments, "devfn") & 0xFF


def _device(arguments: Arguments) -> Sbdf:
    segment = number_or(arguments, "seg", 0) & 0xFFFF
    return segment, number(arguments, "bus") & 0xFF, number(arguments, "devfn") & 0xFF


def _physical(arguments: Arguments, device: Sbdf) -> Sbdf:
    found = mapping(arguments, "physfn")
    return device[0], number(found, "bus") & 0xFF, number(found, "devfn") & 0xFF
