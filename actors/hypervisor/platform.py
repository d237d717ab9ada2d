"""The machine that the hypervisor runs on, and the limits it was booted with.

Rules: the defaults are the platform of the recordings in the conformance suite, as far as it can be
seen from a hypercall; everything may be given by the argument of the hypervisor's program.
Source: the README of the recordings; xen/arch/x86/{setup,irq,io_apic}.c.
"""

from dataclasses import dataclass, fields

from actors.abi.releases import RELEASES, Release
from actors.policies import Hwdom


@dataclass(frozen=True, slots=True)
class Platform:
    """Values are in the units of their names; `pci_devices` are (segment, bus, devfn).

    `pci_msi` are rows (segment, bus, devfn, MSI, MSI-X entries, whether MSI can be masked) of the devices
    that have messages, also of such as dom0 has yet to add.
    """

    hwdom: str = Hwdom.reboot.value
    noreboot: bool = False
    ioapic: bool = False
    nr_frames: int = 1 << 20
    dom0_memory_pages: int = 384000
    dom0_vcpus: int = 2
    dom0_cmdline: str = ""
    dom0_spare: bool = False
    recovery_box_frames: int = 0
    direct_links: bool = False
    dom0_nr_pirqs: int = 416
    domu_nr_pirqs: int = 56
    nr_cpus: int = 2
    cpu_khz: int = 2_000_000
    ioapic_id: int = 0
    ioapic_version: int = 0x170020
    ioapic_base: int = 0xFEC00000
    nr_gsis: int = 24
    max_grant_frames: int = 64
    max_maptrack_frames: int = 1024
    xen_version: str = "4.17"
    iommu: bool = False
    dom0_vcpus_pin: bool = False
    pci_devices: tuple[tuple[int, int, int], ...] = ((0, 0, 0), (0, 0, 0x98))
    pci_msi: tuple[tuple[int, int, int, int, int, int], ...] = ()

    @property
    def nr_irqs(self) -> int:
        """How many interrupts there can be; the hardware domain has a name for each."""
        return self.dom0_nr_pirqs

    @property
    def release(self) -> Release:
        """The Xen that is spoken."""
        return RELEASES[self.xen_version]

    @classmethod
    def parse(cls, argument: dict[str, object], nr_frames: int) -> "Platform":
        """The platform out of a program's argument; ValueError if a value cannot be."""
        known = {field.name: field.default for field in fields(cls)}
        given: dict[str, object] = {"nr_frames": nr_frames, "ioapic": True}
        for name, value in argument.items():
            key = "xen_version" if name == "xen" else name
            if key not in known:
                continue
            default = known[key]
            if type(value) is not type(default):
                raise ValueError(f"{name}: {type(default).__name__} is wanted, not {value!r}")
            given[key] = value
        platform = cls(**given)  # type: ignore[arg-type]
        if platform.hwdom not in set(Hwdom):
            raise ValueError(f"hwdom: one of {', '.join(Hwdom)} is wanted, not {platform.hwdom!r}")
        if platform.xen_version not in RELEASES:
            raise ValueError(f"xen: one of {', '.join(RELEASES)} is wanted, not {platform.xen_version!r}")
        if not 0 < platform.nr_frames <= nr_frames:
            raise ValueError(f"nr_frames: the memory has {nr_frames}, not {platform.nr_frames}")
        return platform
