"""The hypervisor's view of the IO-APIC: what it wrote into the redirection entries.

Rules: the vector is Xen's choice, whatever the guest wrote; an entry is unmasked only while somebody
has bound its interrupt. Reads answer from this shadow, so the chip's own bits (remote IRR, send
pending) read as zero. A chip that is plugged in again is programmed again.
Source: xen/arch/x86/io_apic.c (ioapic_guest_read, ioapic_guest_write, io_apic_set_pci_routing).
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.hypervisor.outbox import IOAPIC, Outbox
from actors.hypervisor.platform import Platform
from actors.messages import EndOfInterrupt, MmioWrite

FIRST_DYNAMIC_VECTOR: Final = 0x20
REG_ID: Final = 0
REG_VERSION: Final = 1
FIRST_ENTRY: Final = 0x10
IOREGSEL: Final = 0x00
IOWIN: Final = 0x10
LEGACY_GSIS: Final = 16
RTE_ACTIVE_LOW: Final = 1 << 13
RTE_LEVEL: Final = 1 << 15
RTE_MASKED: Final = 1 << 16
_RTE_KEPT: Final = 0x0F00 | RTE_ACTIVE_LOW | RTE_LEVEL


@dataclass(slots=True)
class Entry:
    """A redirection entry as written: `low` without vector and mask; `programmed` once anybody asked."""

    low: int
    masked: bool = True
    programmed: bool = False


class RedirectionTable:
    """The one IO-APIC of a host: pin = GSI."""

    def __init__(self, platform: Platform, outbox: Outbox) -> None:
        self._platform = platform
        self._outbox = outbox
        self.plugged = False
        self._entries = [
            Entry(0 if gsi < LEGACY_GSIS else RTE_LEVEL | RTE_ACTIVE_LOW) for gsi in range(platform.nr_gsis)
        ]

    def is_level(self, gsi: int) -> bool:
        """Whether the pin is level triggered."""
        return bool(self._entries[gsi].low & RTE_LEVEL)

    def vector(self, gsi: int) -> int:
        """The vector of a pin."""
        return FIRST_DYNAMIC_VECTOR + gsi

    def gsi(self, vector: int) -> int | None:
        """The pin of a vector, if it is one of ours."""
        gsi = vector - FIRST_DYNAMIC_VECTOR
        return gsi if 0 <= gsi < self._platform.nr_gsis else None

    def route(self, gsi: int, *, level: bool, active_low: bool) -> None:
        """Set how a pin is triggered; masked until it is bound."""
        entry = self._entries[gsi]
        entry.low = (RTE_LEVEL if level else 0) | (RTE_ACTIVE_LOW if active_low else 0)
        self._program(gsi)

    def unmask(self, gsi: int) -> None:
        """Let interrupts of a pin through."""
        self._entries[gsi].masked = False
        self._program(gsi)

    def mask(self, gsi: int) -> None:
        """Let nothing of a pin through."""
        self._entries[gsi].masked = True
        self._program(gsi)

    def end(self, gsi: int) -> None:
        """End of interrupt."""
        if self.plugged:
            self._outbox.send(IOAPIC, EndOfInterrupt(self.vector(gsi)))

    def read(self, base: int, register: int) -> int:
        """A register by its index. EINVAL for a base that is none of our chip."""
        self._check_base(base)
        if register == REG_ID:
            return self._platform.ioapic_id << 24
        if register == REG_VERSION:
            return self._platform.ioapic_version
        gsi, high = divmod(register - FIRST_ENTRY, 2)
        if not 0 <= gsi < self._platform.nr_gsis or high:
            return 0
        return self._low(gsi)

    def write(self, base: int, register: int, value: int) -> int | None:
        """A guest writes a register: the GSI if that was the low half of an entry, else ignored. EINVAL."""
        self._check_base(base)
        gsi, high = divmod(register - FIRST_ENTRY, 2)
        if register < FIRST_ENTRY or high:
            return None
        if gsi >= self._platform.nr_gsis or value >> 8 & 7 > 1:
            raise XenError(Errno.EINVAL, f"IO-APIC register {register:#x}")
        entry = self._entries[gsi]
        if entry.masked:
            entry.low = value & _RTE_KEPT
            self._program(gsi)
        return gsi

    def plug(self) -> None:
        """The chip is there: bring it to what was programmed."""
        self.plugged = True
        for gsi, entry in enumerate(self._entries):
            if entry.programmed:
                self._program(gsi)

    def _low(self, gsi: int) -> int:
        entry = self._entries[gsi]
        if not entry.programmed:
            return RTE_MASKED
        return entry.low | self.vector(gsi) | (RTE_MASKED if entry.masked else 0)

    def _program(self, gsi: int) -> None:
        self._entries[gsi].programmed = True
        if self.plugged:
            for register, value in ((FIRST_ENTRY + 2 * gsi + 1, 0), (FIRST_ENTRY + 2 * gsi, self._low(gsi))):
                self._outbox.send(IOAPIC, MmioWrite(IOREGSEL, register))
                self._outbox.send(IOAPIC, MmioWrite(IOWIN, value))

    def _check_base(self, base: int) -> None:
        if base != self._platform.ioapic_base:
            raise XenError(Errno.EINVAL, f"no IO-APIC at {base:#x}")
