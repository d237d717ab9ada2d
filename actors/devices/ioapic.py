"""The IO-APIC: turns the interrupt lines of devices into vectors, as its redirection table says.

Rules: edge: a rising edge while unmasked is delivered, one while masked is lost. Level: delivered when
asserted, unmasked and remote IRR is clear; that sets remote IRR, and the end of the interrupt clears it.
A line's "asserted" is logical, so the polarity bit is only recorded. All entries are masked at power on
and when the processor's link closes.
Source: Intel 82093AA data sheet; xen/include/asm-x86/io_apic.h.
Left out: delivery modes other than fixed and lowest priority, destinations (there is one processor).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.messages import (
    EndOfInterrupt,
    InterruptVector,
    Line,
    MmioRead,
    MmioReadReply,
    MmioWrite,
    Pulse,
)
from actors.runtime.machine import CloseLink, Effect, Event, LinkClosed, Machine, Received, Send

INDEX_OFFSET = 0x00
DATA_OFFSET = 0x10
EOI_OFFSET = 0x40

ID_REGISTER = 0
VERSION_REGISTER = 1
ARBITRATION_REGISTER = 2
TABLE_REGISTER = 0x10

VECTOR_MASK = 0xFF
DELIVERY_MODE_MASK = 7 << 8
REMOTE_IRR = 1 << 14
TRIGGER_LEVEL = 1 << 15
MASKED = 1 << 16

_DEFAULT_VERSION = 0x170020
_VERSION_WITH_EOI = 0x20
_LOWEST_PRIORITY = 1 << 8
_FIRST_LEGAL_VECTOR = 16
_WRITABLE_LOW = 0x1AFFF
_WRITABLE_HIGH = 0xFF000000
_WRITABLE_ID = 0xFF000000
_PROCESSOR = "xen"


@dataclass(slots=True)
class RedirectionEntry:
    """One pin: the two halves of its register, and which device links assert its line."""

    low: int = MASKED
    high: int = 0
    asserting: dict[str, bool] = field(default_factory=dict)
    interrupts: int = 0
    lost_edges: int = 0

    @property
    def asserted(self) -> bool:
        """The wired OR of the devices on this pin."""
        return any(self.asserting.values())


@dataclass(frozen=True, slots=True)
class IoApicStatistics:
    """Counters since power on; the first two by pin, for pins with a device."""

    interrupts: dict[str, int]
    lost_edges: dict[str, int]
    undeliverable: int
    unmatched_ends: int


class IoApic(Machine):
    """An IO-APIC; links "xen" (registers, vectors, ends of interrupts) and one per device.

    The argument is {"version": version register, "pins": {device link: pin}}; ValueError if it is wrong.
    """

    def __init__(self, argument: Mapping[str, object]) -> None:
        version = argument.get("version", _DEFAULT_VERSION)
        if not isinstance(version, int) or not 0 <= version <= 0xFFFFFFFF:
            raise ValueError(f"ioapic: version: {version!r} is not a register value")
        self._version = version
        self._id = 0
        self._index = 0
        self._entries = [RedirectionEntry() for _ in range((version >> 16 & 0xFF) + 1)]
        self._pins = _pins(argument.get("pins", {}), len(self._entries))
        for link, pin in self._pins.items():
            self._entries[pin].asserting[link] = False
        self._undeliverable = 0
        self._unmatched_ends = 0

    def handle(self, event: Event, now_ns: int) -> list[Effect]:  # noqa: ARG002, interrupts take no time
        """Registers and EndOfInterrupt from "xen", Line and Pulse from devices; who says else is cut off."""
        if isinstance(event, Received):
            if event.link in self._pins:
                if isinstance(event.message, Pulse):
                    return self._pulse(event.link)
                if isinstance(event.message, Line):
                    return self._set_line(event.link, asserted=event.message.asserted)
            if event.link == _PROCESSOR:
                return self._take(event.message)
            return [_refusal(event.link, event.message)]
        if isinstance(event, LinkClosed):
            if event.link in self._pins:
                return self._set_line(event.link, asserted=False)
            if event.link == _PROCESSOR:
                self._reset()
        return []

    def check(self) -> None:
        """Raise AssertionError if an invariant is broken."""
        for pin, entry in enumerate(self._entries):
            level = entry.low & TRIGGER_LEVEL
            assert level or not entry.low & REMOTE_IRR, f"pin {pin}: remote IRR in an edge entry"
            wanted = level and entry.asserted and not entry.low & (MASKED | REMOTE_IRR)
            assert not wanted or not _deliverable(entry), f"pin {pin}: a level interrupt was not sent"

    def statistics(self) -> IoApicStatistics:
        """Counters as of now."""
        wired = {str(pin): self._entries[pin] for pin in sorted(set(self._pins.values()))}
        return IoApicStatistics(
            interrupts={pin: entry.interrupts for pin, entry in wired.items()},
            lost_edges={pin: entry.lost_edges for pin, entry in wired.items()},
            undeliverable=self._undeliverable,
            unmatched_ends=self._unmatched_ends,
        )

    def _take(self, message: object) -> list[Effect]:
        if isinstance(message, EndOfInterrupt):
            return self._end(message.vector)
        if isinstance(message, MmioWrite):
            return self._write(message.offset, message.value & 0xFFFFFFFF)
        if isinstance(message, MmioRead):
            return [Send(_PROCESSOR, MmioReadReply(message.sequence, self._read(message.offset)))]
        return [_refusal(_PROCESSOR, message)]

    def _write(self, offset: int, value: int) -> list[Effect]:
        if offset == INDEX_OFFSET:
            self._index = value & 0xFF
        elif offset == EOI_OFFSET and self._version & 0xFF >= _VERSION_WITH_EOI:
            return self._end(value & VECTOR_MASK)
        elif offset == DATA_OFFSET and self._index == ID_REGISTER:
            self._id = value & _WRITABLE_ID
        elif offset == DATA_OFFSET:
            return self._write_entry(value)
        return []

    def _write_entry(self, value: int) -> list[Effect]:
        pin, high = divmod(self._index - TABLE_REGISTER, 2)
        if not 0 <= pin < len(self._entries):
            return []
        entry = self._entries[pin]
        if high:
            entry.high = value & _WRITABLE_HIGH
            return []
        kept = entry.low & REMOTE_IRR if value & TRIGGER_LEVEL else 0
        entry.low = value & _WRITABLE_LOW | kept
        return self._fire_level(entry)

    def _read(self, offset: int) -> int:
        if offset == INDEX_OFFSET:
            return self._index
        if offset != DATA_OFFSET:
            return 0
        if self._index in {ID_REGISTER, ARBITRATION_REGISTER}:
            return self._id
        if self._index == VERSION_REGISTER:
            return self._version
        pin, high = divmod(self._index - TABLE_REGISTER, 2)
        if not 0 <= pin < len(self._entries):
            return 0
        return self._entries[pin].high if high else self._entries[pin].low

    def _set_line(self, link: str, *, asserted: bool) -> list[Effect]:
        entry = self._entries[self._pins[link]]
        was_asserted = entry.asserted
        entry.asserting[link] = asserted
        if entry.low & TRIGGER_LEVEL:
            return self._fire_level(entry)
        if was_asserted or not asserted:
            return []
        if entry.low & MASKED:
            entry.lost_edges += 1
            return []
        return self._deliver(entry)

    def _pulse(self, link: str) -> list[Effect]:
        """The line goes up, and down again before anything else happens."""
        effects = self._set_line(link, asserted=True)
        self._entries[self._pins[link]].asserting[link] = False
        return effects

    def _fire_level(self, entry: RedirectionEntry) -> list[Effect]:
        if not entry.low & TRIGGER_LEVEL or entry.low & (MASKED | REMOTE_IRR) or not entry.asserted:
            return []
        return self._deliver(entry)

    def _deliver(self, entry: RedirectionEntry) -> list[Effect]:
        if not _deliverable(entry):
            self._undeliverable += 1
            return []
        entry.interrupts += 1
        if entry.low & TRIGGER_LEVEL:
            entry.low |= REMOTE_IRR
        return [Send(_PROCESSOR, InterruptVector(entry.low & VECTOR_MASK))]

    def _end(self, vector: int) -> list[Effect]:
        effects: list[Effect] = []
        matched = False
        for entry in self._entries:
            if entry.low & VECTOR_MASK == vector and entry.low & REMOTE_IRR:
                matched = True
                entry.low &= ~REMOTE_IRR
                effects += self._fire_level(entry)
        self._unmatched_ends += not matched
        return effects

    def _reset(self) -> None:
        """Power-on values; the devices still hold their lines."""
        self._id = self._index = 0
        for entry in self._entries:
            entry.low = MASKED
            entry.high = 0


def _deliverable(entry: RedirectionEntry) -> bool:
    """True if the one processor accepts what the entry names."""
    legal = entry.low & VECTOR_MASK >= _FIRST_LEGAL_VECTOR
    return legal and entry.low & DELIVERY_MODE_MASK <= _LOWEST_PRIORITY


def _refusal(link: str, message: object) -> CloseLink:
    return CloseLink(link, f"an IO-APIC takes no {type(message).__name__} from {link}")


def _pins(rows: object, nr_pins: int) -> dict[str, int]:
    if not isinstance(rows, dict):
        raise ValueError(f"ioapic: pins: {rows!r} is not a map")  # noqa: TRY004, a bad file, not a bad call
    for link, pin in rows.items():
        if not isinstance(link, str) or link in {_PROCESSOR, "supervisor"}:
            raise ValueError(f"ioapic: pins: {link!r} is not the name of a device link")
        if not isinstance(pin, int) or not 0 <= pin < nr_pins:
            raise ValueError(f"ioapic: pins: {link}: {pin!r} is not a pin from 0 to {nr_pins - 1}")
    return dict(rows)
