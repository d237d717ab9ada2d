"""physdev_op: interrupts of devices, the IO-APIC, and the list of PCI devices.

Rules: the hardware's owner is the control domain; what programs the chip is -EPERM for all others.
Source: xen/arch/x86/physdev.c, xen/drivers/passthrough/pci.c.
Left out: MSI (no device here has it), pirq_eoi_gmfn, PCI configuration space.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Physdevop
from actors.hypervisor.arguments import Arguments, Result, number, number_or
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.pirqs import ALLOCATED, MAP_PIRQ_TYPE_GSI

MSI_TYPES: Final = frozenset({0, 3, 4})
MAX_IOPL: Final = 3


class PhysdevOps:
    """The commands of physdev_op."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._pci = set(host.platform.pci_devices)

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Physdevop.irq_status_query: self.irq_status_query,
            Physdevop.set_iopl: self.set_iopl,
            Physdevop.apic_read: self.apic_read,
            Physdevop.apic_write: self.apic_write,
            Physdevop.alloc_irq_vector: self.alloc_irq_vector,
            Physdevop.eoi: self.eoi,
            Physdevop.map_pirq: self.map_pirq,
            Physdevop.unmap_pirq: self.unmap_pirq,
            Physdevop.setup_gsi: self.setup_gsi,
            Physdevop.get_free_pirq: self.get_free_pirq,
            Physdevop.pci_device_add: self.pci_device_add,
            Physdevop.pci_device_remove: self.pci_device_remove,
        }

    def eoi(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_eoi."""
        self._host.pirqs.eoi(caller.ports, number(arguments, "irq"))
        return 0

    def irq_status_query(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_irq_status_query."""
        return 0, {"flags": self._host.pirqs.status(caller.ports, number(arguments, "irq"))}

    def set_iopl(self, _caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_set_iopl: checked, and without effect."""
        if not 0 <= number(arguments, "iopl") <= MAX_IOPL:
            raise XenError(Errno.EINVAL, "iopl")
        return 0

    def apic_read(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_apic_read."""
        base, register = number(arguments, "apic_physbase"), number(arguments, "reg")
        check_control(caller)
        return 0, {"value": self._host.io_apic.read(base, register)}

    def apic_write(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_apic_write; letting an entry through maps its GSI for the caller, as in Xen."""
        base, register, value = (number(arguments, name) for name in ("apic_physbase", "reg", "value"))
        check_control(caller)
        gsi = self._host.io_apic.write(base, register, value)
        if gsi and not value >> 16 & 1:
            self._host.pirqs.map_gsi(caller.pirqs, caller.pirqs, gsi, -1 if caller.pirqs.pirq(gsi) else gsi)
        return 0

    def alloc_irq_vector(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_alloc_irq_vector: the vector is Xen's own affair; the caller is given its irq back."""
        irq = number(arguments, "irq")
        check_control(caller)
        return 0, {"vector": irq}

    def setup_gsi(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_setup_gsi: triggering 1 is level, polarity 1 is active low."""
        gsi, triggering, polarity = (number(arguments, name) for name in ("gsi", "triggering", "polarity"))
        check_control(caller)
        self._host.pirqs.setup_gsi(gsi, level=bool(triggering), active_low=bool(polarity))
        return 0

    def get_free_pirq(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_get_free_pirq: the pirq is the caller's from now on."""
        pirq = self._host.pirqs.free_pirq(caller.pirqs, number(arguments, "type"))
        caller.pirqs.gsis[pirq] = ALLOCATED
        return 0, {"pirq": pirq}

    def map_pirq(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_map_pirq. ESRCH, EPERM, EINVAL, EEXIST, ENOSPC; ENODEV for an MSI."""
        kind, index, pirq = (number(arguments, name) for name in ("type", "index", "pirq"))
        domain = self._host.domains.find_for(caller, number(arguments, "domid"))
        _check_device_model(caller, domain)
        if kind in MSI_TYPES:
            raise XenError(Errno.ENODEV, "no device here has message signalled interrupts")
        if kind != MAP_PIRQ_TYPE_GSI:
            raise XenError(Errno.EINVAL, f"map type {kind}")
        return 0, {"pirq": self._host.pirqs.map_gsi(caller.pirqs, domain.pirqs, index, pirq)}

    def unmap_pirq(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_unmap_pirq. ESRCH, EPERM, EINVAL, EBUSY."""
        domain = self._host.domains.find_for(caller, number(arguments, "domid"))
        _check_device_model(caller, domain)
        self._host.pirqs.unmap(domain.pirqs, number(arguments, "pirq"), domain.ports)
        return 0

    def pci_device_add(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_pci_device_add."""
        device = _device(arguments)
        check_control(caller)
        self._pci.add(device)
        return 0

    def pci_device_remove(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_pci_device_remove. ENODEV."""
        device = _device(arguments)
        check_control(caller)
        if device not in self._pci:
            raise XenError(Errno.ENODEV, f"no PCI device {device}")
        self._pci.remove(device)
        return 0


def _device(arguments: Arguments) -> tuple[int, int, int]:
    return number_or(arguments, "seg", 0), number(arguments, "bus"), number(arguments, "devfn")


def _check_device_model(caller: Domain, target: Domain) -> None:
    """XSM_DM_PRIV without device models: the control domain; a PV domain may not act on itself either."""
    if not caller.is_hardware:
        raise XenError(Errno.EPERM, f"domain {caller.domid} on domain {target.domid}")
