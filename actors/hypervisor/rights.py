"""What a domain may touch of the machine besides its memory, and what the hardware domain begins with.

Rules: the hardware domain has every frame and port but those that Xen keeps: its timers, interrupt
controllers and the way to configuration space. Who gives a right away must have it.
Source: xen/arch/x86/dom0_build.c (dom0_setup_permissions), xen/include/xen/iocap.h.
"""

from typing import Final

from actors.hypervisor.range_set import RangeSet

MAX_IOPORTS: Final = 65536
PADDR_FRAMES: Final = 1 << 40
PAGE_SHIFT: Final = 12
LAPIC_FRAME: Final = 0xFEE00
MSI_LAST_FRAME: Final = 0xFEEFF
XEN_PORTS: Final = ((0x20, 0x21), (0xA0, 0xA1), (0x40, 0x43), (0x61, 0x61), (0xCFC, 0xCFF))


class Rights:
    """`frames` and `ports` of one domain."""

    def __init__(self) -> None:
        self.frames = RangeSet()
        self.ports = RangeSet()


def hardware_rights(ioapic_base: int) -> Rights:
    """Those of dom0 when it begins."""
    rights = Rights()
    rights.frames.add(0, PADDR_FRAMES - 1)
    rights.frames.remove(ioapic_base >> PAGE_SHIFT, ioapic_base >> PAGE_SHIFT)
    rights.frames.remove(LAPIC_FRAME, MSI_LAST_FRAME)
    rights.ports.add(0, MAX_IOPORTS - 1)
    for first, last in XEN_PORTS:
        rights.ports.remove(first, last)
    return rights
