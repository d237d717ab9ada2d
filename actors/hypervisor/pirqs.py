"""Pirqs: which domain has which interrupt under which name, and what it may do with it.

Rules: mapping gives a domain the right to an interrupt, unmapping takes it away, also from the hardware
domain. Unmapping a pirq that is bound unbinds the interrupt by force; its port stays, and the name is
not free before that closes. A message is mapped for the owner of its device.
Source: xen/arch/x86/{irq,physdev}.c (map_domain_pirq, unmap_domain_pirq, allocate_pirq).
"""

from actors.abi.errno import Errno, XenError
from actors.abi.interface import PIRQ_NEEDS_EOI, PIRQ_SHARED
from actors.hypervisor.agenda import Agenda
from actors.hypervisor.event_channels import EventChannels
from actors.hypervisor.frames import FrameTable
from actors.hypervisor.irqs import Irqs
from actors.hypervisor.msi import Msi
from actors.hypervisor.outbox import Outbox
from actors.hypervisor.pci_devices import PciDevice, PciDevices
from actors.hypervisor.pirq_map import PIRQ_ALLOCATED, PirqMap
from actors.hypervisor.platform import Platform
from actors.hypervisor.ports import PortTable
from actors.hypervisor.redirection_table import RedirectionTable
from actors.runtime.memory import Memory


class Pirqs:
    """The physical interrupts of a host, as its domains see them."""

    def __init__(
        self,
        platform: Platform,
        io_apic: RedirectionTable,
        outbox: Outbox,
        agenda: Agenda,
        *,
        frames: FrameTable,
        memory: Memory,
    ) -> None:
        self._platform = platform
        self._io_apic = io_apic
        self._frames = frames
        self._memory = memory
        self.pci = PciDevices(platform)
        self.msi = Msi(platform, outbox)
        self.irqs = Irqs(platform, io_apic, self.msi, outbox, agenda)
        self._maps: dict[int, PirqMap] = {}

    def adopt(self, table: PortTable, pirqs: PirqMap) -> None:
        """A domain exists; the hardware domain may use every GSI but 0, which is the timer of Xen."""
        self._maps[id(table)] = pirqs
        if pirqs.hardware:
            pirqs.permitted.update(range(1, self._platform.nr_gsis))

    def forget(self, table: PortTable) -> None:
        """A domain is gone; its ports were closed before."""
        assert not table.pirqs, "ports are still open"
        pirqs = self._maps[id(table)]
        self._unmap(pirqs, [row for row in pirqs.irqs.items() if row[1] != PIRQ_ALLOCATED])
        pirqs.irqs.clear()
        pirqs.permitted.clear()
        if pirqs.eoi_mfn is not None:
            self._frames.put(pirqs.eoi_mfn)
            pirqs.eoi_mfn = None
        del self._maps[id(table)]
        self.pci.release(table.domid)

    def check_map(self, caller: PirqMap, pirqs: PirqMap, pirq: int, irq: int) -> bool:
        """Whether an interrupt may be mapped and is not yet; False where Xen takes no notice of the wish.

        EPERM no right, EINVAL out of range, EBUSY unmapped by force and not closed yet.
        """
        if irq not in caller.permitted:
            raise XenError(Errno.EPERM, f"irq {irq}")
        if not 0 <= pirq < pirqs.nr_pirqs or irq <= 0:
            raise XenError(Errno.EINVAL, f"pirq {pirq} for irq {irq}")
        old_irq, old_pirq = pirqs.irq(pirq), pirqs.pirq(irq)
        if (old_irq is not None and old_irq != irq) or (old_pirq is not None and old_pirq != pirq):
            return False
        if pirq in pirqs.forced or irq in pirqs.forced.values():
            raise XenError(Errno.EBUSY, f"pirq {pirq} waits for its port to close")
        return True

    def choose_pirq(self, pirqs: PirqMap, irq: int, pirq: int, *, for_gsi: bool) -> int:
        """The pirq for an interrupt: the one wanted, or if that is negative the present or a free one.

        EEXIST mapped under another one, EBUSY unmapped by force, ENOSPC.
        """
        present = pirqs.pirq(irq)
        if pirq >= 0:
            if present is not None and pirq != present:
                raise XenError(Errno.EEXIST, f"irq {irq} is pirq {present}")
            return pirq
        if present is not None:
            return present
        if irq in pirqs.forced.values():
            raise XenError(Errno.EBUSY, f"irq {irq} waits for a port to close")
        return pirqs.free_pirq(for_gsi=for_gsi)

    def map_gsi(self, caller: PirqMap, pirqs: PirqMap, index: int, pirq: int) -> int:
        """Map a GSI (`index`, the caller's own name for it) for a domain; the pirq, chosen if negative.

        EINVAL no such GSI or not the caller's, EEXIST, EBUSY, ENOSPC, EPERM not allowed.
        """
        if not 0 <= index < self._platform.nr_gsis:
            raise XenError(Errno.EINVAL, f"no GSI {index}")
        irq = caller.irq(index)
        if irq is None:
            if not caller.hardware:
                raise XenError(Errno.EINVAL, f"GSI {index} is not ours to map")
            irq = index
        pirq = self.choose_pirq(pirqs, irq, pirq, for_gsi=True)
        if self.check_map(caller, pirqs, pirq, irq):
            self.set(pirqs, pirq, irq)
        return pirq

    def set(self, pirqs: PirqMap, pirq: int, irq: int) -> None:
        """An interrupt is a domain's, under this name."""
        pirqs.irqs[pirq] = irq
        pirqs.permitted.add(irq)

    def unmap(self, table: PortTable, pirq: int) -> None:
        """Undo a mapping, of a multiple message all of it. EINVAL not mapped, EBUSY the second of such."""
        pirqs = self._maps[id(table)]
        irq = pirqs.irq(pirq)
        if irq is None:
            raise XenError(Errno.EINVAL, f"pirq {pirq} is not mapped")
        entry = self.msi.entry(irq)
        if entry is not None and entry.group[0] != irq:
            raise XenError(Errno.EBUSY, f"pirq {pirq} is part of a multiple message")
        rows = self._whole(pirqs, pirq)
        for each, mapped in rows:
            if each in table.pirqs:
                self.irqs.unbind(mapped, (table, each))
                pirqs.forced[each] = mapped
        self._unmap(pirqs, rows)

    def _whole(self, pirqs: PirqMap, pirq: int) -> list[tuple[int, int]]:
        entry = self.msi.entry(pirqs.irqs[pirq])
        count = len(entry.group) if entry is not None else 1
        return [(each, pirqs.irqs[each]) for each in range(pirq, pirq + count)]

    def _unmap(self, pirqs: PirqMap, rows: list[tuple[int, int]]) -> None:
        for pirq, irq in rows:
            del pirqs.irqs[pirq]
            pirqs.permitted.discard(irq)
            if self.msi.is_created(irq):
                self.msi.disable(irq)
                self.destroy_irq(irq)

    def destroy_irq(self, irq: int) -> None:
        """The number of a message is given up, and nobody may use it any more."""
        self.msi.destroy_irq(irq)
        for pirqs in self._maps.values():
            pirqs.permitted.discard(irq)

    def remove_device(self, device: PciDevice) -> None:
        """A device goes: its messages are taken from it; the names that domains have for them stay."""
        for irq in list(device.entries):
            self.msi.disable(irq)
        self.pci.remove(device.sbdf)

    def setup_gsi(self, gsi: int, *, level: bool, active_low: bool) -> None:
        """Set how a GSI is triggered; without effect once it is bound."""
        if not self.irqs.is_bound(gsi):
            self._io_apic.route(gsi, level=level, active_low=active_low)

    def bind(self, events: EventChannels, table: PortTable, pirq: int, *, will_share: bool) -> int:
        """Bind a pirq to a new port and let its line through; the port.

        EINVAL out of range, EPERM not mapped or not allowed, EEXIST bound, ENOSPC, EBUSY not to be shared.
        """
        pirqs = self._maps[id(table)]
        if not 0 <= pirq < pirqs.nr_pirqs:
            raise XenError(Errno.EINVAL, f"pirq {pirq} of {pirqs.nr_pirqs}")
        irq = pirqs.irq(pirq)
        if irq is None or irq not in pirqs.permitted:
            raise XenError(Errno.EPERM, f"pirq {pirq} is not ours")
        if pirq in table.pirqs:
            raise XenError(Errno.EEXIST, f"pirq {pirq} is bound")
        table.free_port()
        if irq >= self._platform.nr_gsis and self.msi.entry(irq) is None:
            raise XenError(Errno.EINVAL, f"pirq {pirq} is a message of a device that is gone")
        self.irqs.check_bind(irq, will_share=will_share)
        port = events.bind_pirq(table, pirq)
        self.irqs.bind(irq, (table, pirq), will_share=will_share)
        if pirqs.eoi_mfn is not None:
            self._mark_eoi(pirqs.eoi_mfn, pirq, needed=self.irqs.needs_eoi(irq))
        return port

    def _mark_eoi(self, mfn: int, pirq: int, *, needed: bool) -> None:
        words, bit = self._memory.words(mfn), 1 << pirq % 32
        words[pirq // 32] = words[pirq // 32] | bit if needed else words[pirq // 32] & ~bit

    def unbind(self, table: PortTable, pirq: int) -> None:
        """The port of a pirq closes."""
        pirqs = self._maps[id(table)]
        if pirqs.forced.pop(pirq, None) is None:
            self.irqs.unbind(pirqs.irqs[pirq], (table, pirq))

    def eoi(self, events: EventChannels, table: PortTable, pirq: int) -> None:
        """A domain has served an interrupt. EINVAL for a pirq that is nothing."""
        pirqs = self._maps[id(table)]
        if not 0 <= pirq < pirqs.nr_pirqs or pirqs.is_free(pirq):
            raise XenError(Errno.EINVAL, f"pirq {pirq} is not mapped")
        irq = pirqs.irq(pirq)
        if irq is not None:
            self.irqs.eoi(events, irq, (table, pirq))

    def status(self, table: PortTable, pirq: int) -> int:
        """Flags of irq_status_query. EINVAL out of range."""
        pirqs = self._maps[id(table)]
        if not 0 <= pirq < pirqs.nr_pirqs:
            raise XenError(Errno.EINVAL, f"pirq {pirq} of {pirqs.nr_pirqs}")
        irq = pirqs.irq(pirq)
        return PIRQ_NEEDS_EOI | (PIRQ_SHARED if irq is not None and self.irqs.is_shared(irq) else 0)

    def use_eoi_page(self, table: PortTable, mfn: int, *, auto_unmask: bool) -> None:
        """From now on a page of the domain's tells which of its pirqs need an end. EBUSY a second time."""
        pirqs = self._maps[id(table)]
        if pirqs.eoi_mfn is not None:
            raise XenError(Errno.EBUSY, "there is such a page already")
        self._frames.get(mfn)
        pirqs.eoi_mfn = mfn
        pirqs.auto_unmask = auto_unmask

    def check(self, foreign: dict[int, int]) -> None:
        """Bindings and ports agree both ways; adds the pages held here to `foreign` references."""
        self.irqs.check()
        self.msi.check(self.pci.all())
        bound = {(id(table), pirq): irq for irq, (table, pirq) in self.irqs.bindings()}
        assert all(each in self._maps for each, _ in bound), "an interrupt goes to a domain that is gone"
        mapped: set[int] = set()
        for key, pirqs in self._maps.items():
            if pirqs.eoi_mfn is not None:
                foreign[pirqs.eoi_mfn] = foreign.get(pirqs.eoi_mfn, 0) + 1
            for pirq in pirqs.irqs:
                irq = pirqs.irq(pirq)
                found = bound.pop((key, pirq), irq)
                assert found == irq, f"pirq {pirq} is irq {irq} and bound to {found}"
                if irq is not None and irq >= self._platform.nr_gsis:
                    assert self.msi.is_created(irq), f"pirq {pirq} names irq {irq}, which is nobody's"
                    assert irq not in mapped, f"irq {irq} is a message for two domains"
                    mapped.add(irq)
            assert not pirqs.forced.keys() & pirqs.irqs.keys(), "pirqs that are mapped and unmapped by force"
        assert not bound, f"bound and not mapped: {bound}"

    def check_ports(self, tables: list[PortTable]) -> None:
        """Every port of a pirq has its binding, or lost it by force."""
        bound = {(id(table), pirq) for _, (table, pirq) in self.irqs.bindings()}
        for table in tables:
            pirqs = self._maps.get(id(table))
            for pirq in table.pirqs:
                assert pirqs is not None, f"domain {table.domid} has ports and no pirqs"
                assert ((id(table), pirq) in bound) != (pirq in pirqs.forced), f"pirq {pirq} of {table.domid}"
                bound.discard((id(table), pirq))
        assert not bound, "interrupts are bound without a port"
