"""Physical interrupts: from a vector to an event in every domain that has bound it, and back to its end.

Rules: a level interrupt, and a message that cannot be masked, ends when every domain that got the
event has said PHYSDEVOP_eoi or unbound, or by force 1 ms after it came: a domain that hangs makes a
slow storm of its interrupt, not a dead line. All others end at once. The last domain that unbinds
masks the line, so a dead owner cannot storm.
Source: xen/arch/x86/irq.c (irq_acktype, do_IRQ_guest, pirq_guest_bind, desc_guest_eoi,
irq_guest_eoi_timer_fn).
Left out: rate limiting of interrupts, affinity.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.hypervisor.agenda import Agenda
from actors.hypervisor.event_channels import EventChannels
from actors.hypervisor.msi import Msi
from actors.hypervisor.outbox import Outbox
from actors.hypervisor.platform import Platform
from actors.hypervisor.ports import PortTable
from actors.hypervisor.redirection_table import RedirectionTable

MAX_GUESTS: Final = 32
"""The default of Xen's parameter irq-max-guests."""
FORCED_EOI_NS: Final = 1_000_000
"""The time that do_IRQ_guest gives eoi_timer."""
FORCED_EOI: Final = "forced EOI"

Guest = tuple[PortTable, int]
"""The ports of a domain, and its pirq."""


class AckType(IntEnum):
    """`ACKTYPE_*`: what has to happen before an interrupt ends."""

    NONE = 0
    EOI = 2


@dataclass(slots=True, eq=False)
class Line:
    """One interrupt that somebody has bound: by whom, who of them has not ended it, and if it is shared.

    `again` is a message that came while the last one was in flight: the processor keeps one.
    """

    guests: list[Guest] = field(default_factory=list)
    in_flight: list[Guest] = field(default_factory=list)
    shareable: bool = False
    ack: AckType = AckType.NONE
    again: bool = False


class Irqs:
    """The interrupts of a host, by Xen's number."""

    def __init__(
        self, platform: Platform, io_apic: RedirectionTable, msi: Msi, outbox: Outbox, agenda: Agenda
    ) -> None:
        self._nr_gsis = platform.nr_gsis
        self._io_apic = io_apic
        self._msi = msi
        self._outbox = outbox
        self._lines: dict[int, Line] = {}
        self._agenda = agenda
        self.interrupts = 0
        self.spurious = 0
        self.ended = 0
        self.forced = 0

    def is_bound(self, irq: int) -> bool:
        """Whether a domain has bound the interrupt."""
        return irq in self._lines

    def is_shared(self, irq: int) -> bool:
        """Whether more than one has."""
        line = self._lines.get(irq)
        return line is not None and len(line.guests) > 1

    def needs_eoi(self, irq: int) -> bool:
        """Whether a bound interrupt waits for its end."""
        return self._lines[irq].ack is not AckType.NONE

    def check_bind(self, irq: int, *, will_share: bool) -> None:
        """pirq_guest_bind: EBUSY unless one more domain may bind the interrupt."""
        line = self._lines.get(irq)
        if line is not None and (not (will_share and line.shareable) or len(line.guests) >= MAX_GUESTS):
            raise XenError(Errno.EBUSY, f"irq {irq} is in use")

    def bind(self, irq: int, guest: Guest, *, will_share: bool) -> None:
        """Let the interrupt through to one more domain; `check_bind` has allowed it."""
        line = self._lines.get(irq)
        if line is not None:
            line.guests.append(guest)
            return
        self._lines[irq] = Line([guest], shareable=will_share, ack=self._ack_type(irq))
        if irq < self._nr_gsis:
            self._io_apic.unmask(irq)
        else:
            self._msi.mask(irq, masked=False)

    def _ack_type(self, irq: int) -> AckType:
        """irq_acktype: a message that can be masked counts as an edge."""
        waits = self._io_apic.is_level(irq) if irq < self._nr_gsis else not self._msi.is_maskable(irq)
        return AckType.EOI if waits else AckType.NONE

    def unbind(self, irq: int, guest: Guest) -> None:
        """pirq_guest_unbind: what it had in flight has ended; the last domain masks the line."""
        line = self._lines[irq]
        line.guests.remove(guest)
        if not line.guests:
            del self._lines[irq]
            if irq < self._nr_gsis:
                self._io_apic.mask(irq)
            else:
                self._msi.mask(irq, masked=True)
        self._end_for(irq, line, guest)

    def interrupt(self, events: EventChannels, vector: int) -> None:
        """A vector has arrived: an event for every domain that has bound its line."""
        irq = self._io_apic.gsi(vector)
        if irq is None:
            irq = self._msi.irq(vector)
        if irq is None:
            self.spurious += 1
            return
        self.interrupts += 1
        line = self._lines.get(irq)
        if line is not None:
            self._deliver(events, irq, line)
            return
        self.spurious += 1
        self.ended += 1
        if irq >= self._nr_gsis:
            return
        self._io_apic.mask(irq)
        if self._io_apic.is_level(irq):
            # Only a level entry has a remote IRR that waits for its end.
            self._io_apic.end(irq)

    def _deliver(self, events: EventChannels, irq: int, line: Line) -> None:
        if line.in_flight and irq >= self._nr_gsis:
            line.again = True
            return
        for table, pirq in line.guests:
            events.set_pending(table.pirqs[pirq])
            table.interrupts[irq] = table.interrupts.get(irq, 0) + 1
        if line.ack is AckType.NONE:
            self.ended += 1
            for table, _ in line.guests:
                _count_end(table, irq)
            return
        line.in_flight = list(line.guests)
        at_ns = self._outbox.now_ns + FORCED_EOI_NS
        self._agenda.set((FORCED_EOI, irq), at_ns, partial(self._force, events, irq))

    def eoi(self, events: EventChannels, irq: int, guest: Guest) -> None:
        """pirq_guest_eoi: a domain has served an interrupt; more often than it came is as well."""
        line = self._lines.get(irq)
        if line is not None:
            self._end_for(irq, line, guest)
            self._deliver_again(events, irq, line)

    def _force(self, events: EventChannels, irq: int) -> None:
        """irq_guest_eoi_timer_fn: end by force what has been in flight for too long."""
        self.forced += 1
        line = self._lines[irq]
        for guest in list(line.in_flight):
            self._end_for(irq, line, guest)
        self._deliver_again(events, irq, line)

    def _deliver_again(self, events: EventChannels, irq: int, line: Line) -> None:
        if line.again and not line.in_flight:
            line.again = False
            self._deliver(events, irq, line)

    def _end_for(self, irq: int, line: Line, guest: Guest) -> None:
        if guest not in line.in_flight:
            return
        line.in_flight.remove(guest)
        _count_end(guest[0], irq)
        if not line.in_flight:
            self._agenda.cancel((FORCED_EOI, irq))
            self.ended += 1
            if irq < self._nr_gsis:
                self._io_apic.end(irq)

    def chip_plugged(self) -> None:
        """An IO-APIC is there: program it. What the old one had in flight it has forgotten."""
        for irq, line in self._lines.items():
            if irq < self._nr_gsis:
                line.in_flight.clear()
                self._agenda.cancel((FORCED_EOI, irq))
        self._io_apic.plug()

    def bindings(self) -> list[tuple[int, Guest]]:
        """Every binding, as (irq, guest)."""
        return [(irq, guest) for irq, line in self._lines.items() for guest in line.guests]

    def check(self) -> None:
        """What is in flight is bound and has a time; nobody has bound a line twice."""
        timed = set(self._agenda.keys())
        for irq, line in self._lines.items():
            assert line.guests, f"irq {irq} is let through to nobody"
            assert len(set(map(id, (table for table, _ in line.guests)))) == len(line.guests), f"irq {irq}"
            assert len(line.guests) == 1 or line.shareable, f"irq {irq} is shared and may not be"
            assert all(guest in line.guests for guest in line.in_flight), (
                f"irq {irq}: in flight and not bound"
            )
            assert bool(line.in_flight) == ((FORCED_EOI, irq) in timed), (
                f"irq {irq}: in flight without an end"
            )
            assert line.ack is not AckType.NONE or not line.in_flight, f"irq {irq} waits for no end"
            assert line.in_flight or not line.again, f"irq {irq}: a message is kept back"


def _count_end(table: PortTable, irq: int) -> None:
    table.interrupts_ended[irq] = table.interrupts_ended.get(irq, 0) + 1
