"""domctl on rights: interrupts, machine frames, I/O ports, PCI devices, and who models whose devices.

Rules: who gives a right must have it. A device goes from the hardware domain or from quarantine to a
domain that has an IOMMU, and back to quarantine; the commands on devices take ids that are no domain's,
so that they ask for the caller's right themselves, and the guard of `domctls.py` does for the others.
Source: xen/common/domctl.c, xen/arch/x86/domctl.c, xen/drivers/passthrough/{iommu,pci}.c.
Left out: device groups, phantom functions.
"""

from typing import Final

from actors.abi.control import XEN_DOMCTL_DEV_PCI, XEN_DOMCTL_DEV_RDM_RELAXED
from actors.abi.errno import Errno, XenError
from actors.abi.interface import CREATEDOMAIN_HVM, CREATEDOMAIN_IOMMU
from actors.abi.types import DOMID_INVALID, DOMID_IO
from actors.hypervisor.arguments import ALL_ONES_32, Arguments, Result, number, number_or
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.pci_devices import HARDWARE_DOMID, Sbdf
from actors.hypervisor.rights import MAX_IOPORTS

ALL_ONES_64: Final = (1 << 64) - 1


class DomctlRights:
    """The commands of domctl that give and take rights."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._pci = host.pirqs.pci

    def irq_permission(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_irq_permission. EINVAL for a pirq out of range, EPERM if the caller has no right."""
        domain, pirq = self._domain(arguments), number(arguments, "pirq")
        if not 0 <= pirq < caller.pirqs.nr_pirqs:
            raise XenError(Errno.EINVAL, f"pirq {pirq}")
        irq = caller.pirqs.irq(pirq)
        if irq is None or irq not in caller.pirqs.permitted:
            raise XenError(Errno.EPERM, f"pirq {pirq} is not ours")
        if number(arguments, "allow_access"):
            domain.pirqs.permitted.add(irq)
        else:
            domain.pirqs.permitted.discard(irq)
        return 0

    def iomem_permission(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_iomem_permission. EINVAL a range that wraps, EPERM."""
        domain = self._domain(arguments)
        first, count = number(arguments, "first_mfn"), number(arguments, "nr_mfns")
        last = first + count - 1 & ALL_ONES_64
        if last < first or first < 0:
            raise XenError(Errno.EINVAL, f"{count} frames from {first:#x} on")
        if (first, last) not in caller.rights.frames:
            raise XenError(Errno.EPERM, f"frames {first:#x} to {last:#x} are not ours")
        if number(arguments, "allow_access"):
            domain.rights.frames.add(first, last)
        else:
            domain.rights.frames.remove(first, last)
        return 0

    def ioport_permission(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_ioport_permission. EINVAL no port or more than there are, EPERM."""
        domain = self._domain(arguments)
        first, count = number(arguments, "first_port"), number(arguments, "nr_ports")
        end = first + count & ALL_ONES_32
        if not 0 <= first < end <= MAX_IOPORTS:
            raise XenError(Errno.EINVAL, f"{count} ports from {first:#x} on")
        if (first, end - 1) not in caller.rights.ports:
            raise XenError(Errno.EPERM, f"ports {first:#x} to {end - 1:#x} are not ours")
        if number(arguments, "allow_access"):
            domain.rights.ports.add(first, end - 1)
        else:
            domain.rights.ports.remove(first, end - 1)
        return 0

    def set_target(self, _caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_set_target: the domain models devices for another, and may act on it from now on.

        ESRCH, EINVAL itself or a second target, EOPNOTSUPP a target that needs no model.
        """
        domain, target = self._domain(arguments), self._host.domains.find(number(arguments, "target"))
        if domain is target:
            raise XenError(Errno.EINVAL, "a domain does not model its own devices")
        if not target.flags & CREATEDOMAIN_HVM:
            raise XenError(Errno.EOPNOTSUPP, f"domain {target.domid} is paravirtual")
        if domain.target is not None or domain.is_dying:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} has a target, or dies")
        domain.target = target
        target.models += 1
        return 0

    def assign_device(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_assign_device, to a domain or to quarantine (DOMID_IO).

        ESRCH, EPERM, EOPNOTSUPP no IOMMU, EINVAL, ENODEV, EBUSY.
        """
        domid = number(arguments, "domain")
        domain = self._receiver(caller, domid)
        sbdf = self._sbdf(caller, domain, arguments)
        if (domain is not None and domain.is_dying) or self._flags(arguments) & ~XEN_DOMCTL_DEV_RDM_RELAXED:
            raise XenError(Errno.EINVAL, "the domain dies, or flags are unknown")
        device = self._pci.find(sbdf)
        if device.owner not in {HARDWARE_DOMID, DOMID_IO}:
            raise XenError(Errno.EBUSY, f"{device.link} is domain {device.owner}'s")
        device.owner = domid
        return 0

    def test_assign_device(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_test_assign_device: whether a device could be assigned. EINVAL if not; as above."""
        domid = number(arguments, "domain")
        domain = self._receiver(caller, DOMID_IO if domid == DOMID_INVALID else domid)
        sbdf = self._sbdf(caller, domain, arguments)
        device = self._pci.get(sbdf)
        if self._flags(arguments) or device is None or device.owner not in {HARDWARE_DOMID, DOMID_IO}:
            raise XenError(Errno.EINVAL, "there is no such device, or it is assigned")
        return 0

    def deassign_device(self, caller: Domain, arguments: Arguments) -> Result:
        """XEN_DOMCTL_deassign_device: to quarantine, and from there to the hardware domain. As above."""
        domid = number(arguments, "domain")
        sbdf = self._sbdf(caller, self._receiver(caller, domid), arguments)
        if self._flags(arguments):
            raise XenError(Errno.EINVAL, "flags are for assigning")
        device = self._pci.owned(sbdf, domid)
        device.owner = HARDWARE_DOMID if domid == DOMID_IO else DOMID_IO
        return 0

    def _domain(self, arguments: Arguments) -> Domain:
        return self._host.domains.find(number(arguments, "domain"))

    def _receiver(self, caller: Domain, domid: int) -> Domain | None:
        domain = None if domid == DOMID_IO else self._host.domains.find(domid)
        check_control(caller)
        if not self._host.platform.iommu or (domain is not None and not domain.flags & CREATEDOMAIN_IOMMU):
            raise XenError(Errno.EOPNOTSUPP, "without an IOMMU no device is safe in another's hands")
        return domain

    def _sbdf(self, caller: Domain, domain: Domain | None, arguments: Arguments) -> Sbdf:
        if domain is caller:
            raise XenError(Errno.EINVAL, "a domain does not assign to itself")
        if number_or(arguments, "dev", XEN_DOMCTL_DEV_PCI) != XEN_DOMCTL_DEV_PCI:
            raise XenError(Errno.ENODEV, "only PCI devices are here")
        machine = number(arguments, "machine_sbdf")
        return machine >> 16 & 0xFFFF, machine >> 8 & 0xFF, machine & 0xFF

    def _flags(self, arguments: Arguments) -> int:
        return number_or(arguments, "flags", 0)
