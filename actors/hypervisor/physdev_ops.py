"""physdev_op on interrupts: ends, mappings, the IO-APIC, and what a guest may set of its own.

Rules: what programs the chip is the control domain's, -EPERM for all others; a mapping is made by it,
or by the device model of the domain. Source: xen/arch/x86/physdev.c, xen/include/xsm/dummy.h.
Left out: I/O privilege has no effect here and is checked only.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Physdevop
from actors.abi.interface import (
    MAP_PIRQ_TYPE_GSI,
    MAP_PIRQ_TYPE_MSI,
    MAP_PIRQ_TYPE_MSI_SEG,
    MAP_PIRQ_TYPE_MULTI_MSI,
)
from actors.hypervisor.arguments import Arguments, Out, Result, number, number_or
from actors.hypervisor.call import Commands
from actors.hypervisor.domains import Domain, Life, check_control, check_device_model
from actors.hypervisor.host import Host
from actors.hypervisor.msi_mapping import MessageWish, MsiMapping, TooManyMessages
from actors.hypervisor.pirq_map import PIRQ_ALLOCATED

MSI_TYPES: Final = frozenset({MAP_PIRQ_TYPE_MSI, MAP_PIRQ_TYPE_MSI_SEG, MAP_PIRQ_TYPE_MULTI_MSI})
MAX_IOPL: Final = 3
MAX_IO_PORTS: Final = 65536


class PhysdevOps:
    """The commands of physdev_op that are not about the list of PCI devices."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._pirqs = host.pirqs
        self._messages = MsiMapping(host.platform, host.pirqs)

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Physdevop.irq_status_query: self.irq_status_query,
            Physdevop.set_iopl: self.set_iopl,
            Physdevop.set_iobitmap: self.set_iobitmap,
            Physdevop.apic_read: self.apic_read,
            Physdevop.apic_write: self.apic_write,
            Physdevop.alloc_irq_vector: self.alloc_irq_vector,
            Physdevop.eoi: self.eoi,
            Physdevop.pirq_eoi_gmfn_v1: lambda caller, each: self._eoi_page(caller, each, auto_unmask=True),
            Physdevop.pirq_eoi_gmfn_v2: lambda caller, each: self._eoi_page(caller, each, auto_unmask=False),
            Physdevop.map_pirq: self.map_pirq,
            Physdevop.unmap_pirq: self.unmap_pirq,
            Physdevop.setup_gsi: self.setup_gsi,
            Physdevop.get_free_pirq: self.get_free_pirq,
            Physdevop.dbgp_op: self.dbgp_op,
        }

    def eoi(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_eoi. EINVAL."""
        self._pirqs.eoi(self._host.events, caller.ports, number(arguments, "irq"))
        return 0

    def _eoi_page(self, caller: Domain, arguments: Arguments, *, auto_unmask: bool) -> Result:
        """PHYSDEVOP_pirq_eoi_gmfn: bits of a page, by pirq. EINVAL no page of the caller's, EBUSY."""
        gmfn = number(arguments, "gmfn")
        mfn = caller.physmap.mfn(gmfn)
        if mfn is None:
            raise XenError(Errno.EINVAL, f"nothing behind gfn {gmfn}")
        self._pirqs.use_eoi_page(caller.ports, mfn, auto_unmask=auto_unmask)
        return 0

    def irq_status_query(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_irq_status_query. EINVAL."""
        return 0, {"flags": self._pirqs.status(caller.ports, number(arguments, "irq"))}

    def set_iopl(self, _caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_set_iopl. EINVAL."""
        if not 0 <= number(arguments, "iopl") <= MAX_IOPL:
            raise XenError(Errno.EINVAL, "iopl")
        return 0

    def set_iobitmap(self, _caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_set_iobitmap. EINVAL."""
        if not 0 <= number(arguments, "nr_ports") <= MAX_IO_PORTS:
            raise XenError(Errno.EINVAL, "more ports than there are")
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
            self._pirqs.map_gsi(caller.pirqs, caller.pirqs, gsi, -1 if caller.pirqs.pirq(gsi) else gsi)
        return 0

    def alloc_irq_vector(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_alloc_irq_vector: the vector is Xen's own affair; the caller is given its irq back."""
        irq = number(arguments, "irq")
        check_control(caller)
        return 0, {"vector": irq}

    def setup_gsi(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_setup_gsi: triggering 1 is level, polarity 1 is active low. EINVAL, EPERM."""
        gsi, triggering, polarity = (number(arguments, name) for name in ("gsi", "triggering", "polarity"))
        if not 0 <= gsi < self._host.platform.nr_gsis:
            raise XenError(Errno.EINVAL, f"no GSI {gsi}")
        check_control(caller)
        self._pirqs.setup_gsi(gsi, level=bool(triggering), active_low=bool(polarity))
        return 0

    def get_free_pirq(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_get_free_pirq: the pirq is the caller's from now on. ENOSPC."""
        kind = number(arguments, "type")
        pirq = caller.pirqs.free_pirq(for_gsi=kind == MAP_PIRQ_TYPE_GSI)
        caller.pirqs.irqs[pirq] = PIRQ_ALLOCATED
        return 0, {"pirq": pirq}

    def map_pirq(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_map_pirq of a GSI or of messages. ESRCH, EPERM, EINVAL, and as the mappings say."""
        kind, index, pirq = (number(arguments, name) for name in ("type", "index", "pirq"))
        if kind == MAP_PIRQ_TYPE_MULTI_MSI and number_or(arguments, "table_base", 0):
            raise XenError(Errno.EINVAL, "several messages have no table")
        domain = self._domain(caller, arguments)
        if kind in MSI_TYPES:
            return self._map_messages(caller, domain, arguments)
        if kind != MAP_PIRQ_TYPE_GSI:
            raise XenError(Errno.EINVAL, f"map type {kind}")
        return 0, {"pirq": self._pirqs.map_gsi(caller.pirqs, domain.pirqs, index, pirq)}

    def _domain(self, caller: Domain, arguments: Arguments) -> Domain:
        """The domain that a mapping is about. ESRCH, EPERM, EINVAL for a zombie, which has no pirqs left."""
        domain = self._host.domains.find_for(caller, number(arguments, "domid"))
        check_device_model(caller, domain)
        if domain.life is Life.DEAD:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} is dead")
        return domain

    def _map_messages(self, caller: Domain, domain: Domain, arguments: Arguments) -> Result:
        kind, bus = number(arguments, "type"), number_or(arguments, "bus", 0)
        msix = bool(number_or(arguments, "table_base", 0))
        wish = MessageWish(
            index=number(arguments, "index"),
            pirq=number(arguments, "pirq"),
            sbdf=(
                0 if kind == MAP_PIRQ_TYPE_MSI else bus >> 16 & 0xFFFF,
                bus & 0xFF,
                number_or(arguments, "devfn", 0) & 0xFF,
            ),
            entry_nr=number_or(arguments, "entry_nr", 0),
            msix=msix,
            several=kind == MAP_PIRQ_TYPE_MULTI_MSI,
        )
        try:
            pirq, count = self._messages.map(caller.pirqs, domain.pirqs, domain.domid, wish)
        except TooManyMessages as error:
            told: Out = {"entry_nr": error.count}
            return -int(error.errno), told
        mapped: Out = {"pirq": pirq}
        if wish.several:
            mapped["entry_nr"] = count
        return 0, mapped

    def unmap_pirq(self, caller: Domain, arguments: Arguments) -> Result:
        """PHYSDEVOP_unmap_pirq. ESRCH, EPERM, EINVAL, EBUSY."""
        domain = self._domain(caller, arguments)
        self._pirqs.unmap(domain.ports, number(arguments, "pirq"))
        return 0

    def dbgp_op(self, caller: Domain, _arguments: Arguments) -> Result:
        """PHYSDEVOP_dbgp_op: for the hardware domain, and without a debug port nothing to do. EPERM."""
        check_control(caller)
        return 0
