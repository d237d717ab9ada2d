"""PHYSDEVOP_map_pirq of messages: a device's MSI, several MSI at once, or an MSI-X entry becomes a pirq.

Rules, in Xen's order: a number for the interrupt, a name for it, the right to it, the device (whose
owner is the domain it is mapped for), and what the device can do; of all this nothing stays when one
is refused. Source: xen/arch/x86/irq.c (allocate_and_map_msi_pirq, map_domain_pirq),
xen/arch/x86/msi.c (pci_enable_msi).
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.hypervisor.pci_devices import PciDevice, Sbdf
from actors.hypervisor.pirq_map import PirqMap
from actors.hypervisor.pirqs import Pirqs
from actors.hypervisor.platform import Platform

MAX_MSI_IRQS: Final = 32


class TooManyMessages(XenError):  # noqa: N818 (XenError is the kind, this names what is wrong)
    """ENFILE or ENOSPC, and how many there could be."""

    def __init__(self, errno: Errno, count: int) -> None:
        super().__init__(errno, f"at most {count} messages")
        self.count = count


@dataclass(frozen=True, slots=True)
class MessageWish:
    """`index` is the irq or -1; `entry_nr` an MSI-X entry, or how many MSI; `msix` for the former."""

    index: int
    pirq: int
    sbdf: Sbdf
    entry_nr: int
    msix: bool
    several: bool


class MsiMapping:
    """Maps messages for domains."""

    def __init__(self, platform: Platform, pirqs: Pirqs) -> None:
        self._platform = platform
        self._pirqs = pirqs

    def map(self, caller: PirqMap, pirqs: PirqMap, domid: int, wish: MessageWish) -> tuple[int, int]:
        """The first pirq, and how many there are now (of an MSI-X entry its number).

        EINVAL, EEXIST, EDOM, EOPNOTSUPP, ENOSPC, EPERM, ENODEV; ENFILE more than the device has.
        """
        first = wish.index
        created: list[int] = []
        if wish.several or wish.index == -1:
            first = self._pirqs.msi.create_irq()
            created.append(first)
            caller.permitted.add(first)
        elif not self._platform.nr_gsis <= first < self._platform.nr_irqs:
            raise XenError(Errno.EINVAL, f"irq {first} is not for messages")
        used = False
        try:
            count = _rounded(self._count(wish)) if wish.several else 1
            pirq = self._choose(pirqs, first, wish, count)
            used = self._pirqs.check_map(caller, pirqs, pirq, first)
            if used:
                used = False
                device = self._device(domid, first, wish, count)
                _check_rest(pirqs, pirq, count)
                created.extend(self._pirqs.msi.create_irq() for _ in range(count - 1))
                irqs = (first, *created[1:])
                self._pirqs.msi.enable(device, irqs, number=wish.entry_nr, msix=wish.msix)
                used = True
                for place, irq in enumerate(irqs):
                    self._pirqs.set(pirqs, pirq + place, irq)
        finally:
            for irq in created if not used else ():
                self._pirqs.destroy_irq(irq)
        return pirq, wish.entry_nr if wish.msix else count

    def _count(self, wish: MessageWish) -> int:
        if wish.pirq >= 0:
            return max(wish.entry_nr, 1)
        if not 0 < wish.entry_nr <= MAX_MSI_IRQS:
            raise XenError(Errno.EDOM, f"{wish.entry_nr} messages")
        if wish.entry_nr != 1 and not self._platform.iommu:
            raise XenError(Errno.EOPNOTSUPP, "several messages need the remapping of an IOMMU")
        return wish.entry_nr

    def _choose(self, pirqs: PirqMap, irq: int, wish: MessageWish, count: int) -> int:
        if not wish.several or wish.pirq >= 0:
            return self._pirqs.choose_pirq(pirqs, irq, wish.pirq, for_gsi=False)
        try:
            return pirqs.free_block(count)
        except XenError as error:
            while count > 1:
                count >>= 1
                try:
                    pirqs.free_block(count)
                    break
                except XenError:
                    continue
            raise TooManyMessages(Errno.ENOSPC, count) from error

    def _device(self, domid: int, irq: int, wish: MessageWish, count: int) -> PciDevice:
        device = self._pirqs.pci.owned(wish.sbdf, domid)
        if not (device.msix_entries if wish.msix else device.msi_vectors):
            raise XenError(Errno.ENODEV, f"{device.link} has no such messages")
        if wish.msix and not 0 <= wish.entry_nr < device.msix_entries:
            raise XenError(Errno.EINVAL, f"{device.link} has {device.msix_entries} entries")
        if irq in device.entries:
            raise XenError(Errno.EEXIST, f"irq {irq} is a message of {device.link}")
        if self._pirqs.msi.entry(irq) is not None:
            raise XenError(Errno.EBUSY, f"irq {irq} is a message of another device")
        if not wish.msix and count > device.msi_vectors:
            raise TooManyMessages(Errno.ENFILE, device.msi_vectors)
        return device


def _check_rest(pirqs: PirqMap, pirq: int, count: int) -> None:
    for each in range(pirq + 1, pirq + count):
        if each >= pirqs.nr_pirqs or not pirqs.is_free(each):
            raise XenError(Errno.EBUSY, f"pirq {each} is not free")


def _rounded(count: int) -> int:
    return 1 << (count - 1).bit_length()
