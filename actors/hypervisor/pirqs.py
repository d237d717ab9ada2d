"""Physical interrupts: which domain may use which, and the way from a vector to an event and back.

Rules: a pirq is a domain's handle for an interrupt; the hardware domain's GSIs keep their numbers.
Level: the interrupt ends when every domain that got the event has said PHYSDEVOP_eoi or unbound.
Edge: it ends at once. The last domain that unbinds masks the line, so a dead owner cannot storm.
Source: xen/arch/x86/{irq,physdev}.c.
Left out: MSI, the forced EOI after 1 ms (a domain that hangs is found by its watchdog).
"""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.interface import PIRQ_NEEDS_EOI, PIRQ_SHARED
from actors.hypervisor.event_channels import EventChannels
from actors.hypervisor.io_apic import IoApic
from actors.hypervisor.platform import Platform
from actors.hypervisor.ports import PortTable

MAP_PIRQ_TYPE_GSI: Final = 1
FIRST_FREE_PIRQ: Final = 16
MAX_GUESTS: Final = 32
ALLOCATED: Final = -1


@dataclass(slots=True, eq=False)
class PirqMap:
    """One domain's pirqs: to GSIs, or `ALLOCATED` when only reserved. `permitted` GSIs may be mapped."""

    nr_pirqs: int
    hardware: bool
    gsis: dict[int, int] = field(default_factory=dict)
    permitted: set[int] = field(default_factory=set)

    def gsi(self, pirq: int) -> int | None:
        """The GSI behind a pirq."""
        gsi = self.gsis.get(pirq)
        return None if gsi == ALLOCATED else gsi

    def pirq(self, gsi: int) -> int | None:
        """The pirq in front of a GSI."""
        return next((pirq for pirq, each in self.gsis.items() if each == gsi), None)


@dataclass(slots=True, eq=False)
class Line:
    """One GSI that somebody has bound: by (ports, pirq), who of them has not ended it, and if shared."""

    guests: list[tuple[PortTable, int]] = field(default_factory=list)
    in_flight: list[tuple[PortTable, int]] = field(default_factory=list)
    shareable: bool = False


class Pirqs:
    """The physical interrupts of a host."""

    def __init__(self, platform: Platform, io_apic: IoApic) -> None:
        self._platform = platform
        self._io_apic = io_apic
        self._lines = [Line() for _ in range(platform.nr_gsis)]
        self._maps: dict[int, PirqMap] = {}
        self.interrupts = 0
        self.spurious = 0
        self.ended = 0

    def adopt(self, table: PortTable, pirqs: PirqMap) -> None:
        """A domain exists."""
        self._maps[id(table)] = pirqs

    def forget(self, table: PortTable) -> None:
        """A domain is gone; its ports were closed before."""
        pirqs = self._maps.pop(id(table))
        pirqs.gsis.clear()
        assert all(guest is not table for line in self._lines for guest, _ in line.guests), (
            "ports are still open"
        )

    def free_pirq(self, pirqs: PirqMap, kind: int) -> int:
        """A pirq that is not in use: GSIs from 16 up, all others from the top down. ENOSPC."""
        if kind == MAP_PIRQ_TYPE_GSI:
            for pirq in range(FIRST_FREE_PIRQ, min(self._platform.nr_gsis, pirqs.nr_pirqs)):
                if pirq not in pirqs.gsis:
                    return pirq
        for pirq in range(pirqs.nr_pirqs - 1, FIRST_FREE_PIRQ - 1, -1):
            if pirq not in pirqs.gsis:
                return pirq
        raise XenError(Errno.ENOSPC, "no free pirq")

    def map_gsi(self, caller: PirqMap, pirqs: PirqMap, index: int, pirq: int) -> int:
        """Map a GSI (`index`, the caller's own name for it) for a domain; the pirq, chosen if negative.

        EINVAL no such GSI, EPERM not allowed, EEXIST mapped under another pirq, ENOSPC.
        """
        if not 0 <= index < self._platform.nr_gsis:
            raise XenError(Errno.EINVAL, f"no GSI {index}")
        gsi = caller.gsi(index)
        if gsi is None:
            if not caller.hardware:
                raise XenError(Errno.EINVAL, f"GSI {index} is not ours to map")
            gsi = index
        present = pirqs.pirq(gsi)
        if pirq < 0:
            pirq = self.free_pirq(pirqs, MAP_PIRQ_TYPE_GSI) if present is None else present
        elif present is not None and pirq != present:
            raise XenError(Errno.EEXIST, f"GSI {gsi} is pirq {present}")
        if not caller.hardware and gsi not in caller.permitted:
            raise XenError(Errno.EPERM, f"GSI {gsi}")
        if pirq >= pirqs.nr_pirqs or gsi == 0:
            raise XenError(Errno.EINVAL, f"pirq {pirq} for GSI {gsi}")
        if pirqs.gsi(pirq) in {None, gsi}:
            pirqs.gsis[pirq] = gsi
            pirqs.permitted.add(gsi)
        return pirq

    def unmap(self, pirqs: PirqMap, pirq: int, table: PortTable) -> None:
        """Undo `map_gsi`. EINVAL not mapped, EBUSY while bound."""
        gsi = pirqs.gsi(pirq)
        if gsi is None:
            raise XenError(Errno.EINVAL, f"pirq {pirq} is not mapped")
        if pirq in table.pirqs:
            raise XenError(Errno.EBUSY, f"pirq {pirq} is bound")
        del pirqs.gsis[pirq]
        if not pirqs.hardware:
            pirqs.permitted.discard(gsi)

    def setup_gsi(self, gsi: int, *, level: bool, active_low: bool) -> None:
        """Set how a GSI is triggered; without effect once it is bound. EINVAL no such GSI."""
        if not 0 <= gsi < self._platform.nr_gsis:
            raise XenError(Errno.EINVAL, f"no GSI {gsi}")
        if not self._lines[gsi].guests:
            self._io_apic.route(gsi, level=level, active_low=active_low)

    def bind(self, events: EventChannels, table: PortTable, pirq: int, *, will_share: bool) -> int:
        """Bind a pirq to a new port and let its line through; the port.

        EINVAL out of range, EPERM not mapped or not allowed, EEXIST bound, EBUSY not to be shared, ENOSPC.
        """
        pirqs = self._maps[id(table)]
        if not 0 <= pirq < pirqs.nr_pirqs:
            raise XenError(Errno.EINVAL, f"pirq {pirq} of {pirqs.nr_pirqs}")
        gsi = pirqs.gsi(pirq)
        if gsi is None or (not pirqs.hardware and gsi not in pirqs.permitted):
            raise XenError(Errno.EPERM, f"pirq {pirq} is not ours")
        if pirq in table.pirqs:
            raise XenError(Errno.EEXIST, f"pirq {pirq} is bound")
        line = self._lines[gsi]
        if line.guests and (not (will_share and line.shareable) or len(line.guests) >= MAX_GUESTS):
            raise XenError(Errno.EBUSY, f"GSI {gsi} is in use")
        port = events.bind_pirq(table, pirq)
        line.guests.append((table, pirq))
        if len(line.guests) == 1:
            line.shareable = will_share
            self._io_apic.unmask(gsi)
        return port

    def unbind(self, table: PortTable, pirq: int) -> None:
        """The port of a pirq closes: what it had in flight has ended; the last one masks the line."""
        gsi = self._maps[id(table)].gsis[pirq]
        line = self._lines[gsi]
        line.guests.remove((table, pirq))
        if not line.guests:
            self._io_apic.mask(gsi)
        self._end(gsi, (table, pirq))

    def interrupt(self, events: EventChannels, vector: int) -> None:
        """A vector has arrived: an event for every domain that has bound its line."""
        gsi = self._io_apic.gsi(vector)
        if gsi is None:
            self.spurious += 1
            return
        self.interrupts += 1
        line = self._lines[gsi]
        for guest in line.guests:
            events.set_pending(guest[0].pirqs[guest[1]])
            counts = guest[0].interrupts
            counts[gsi] = counts.get(gsi, 0) + 1
        if line.guests and self._io_apic.is_level(gsi):
            line.in_flight = list(line.guests)
            return
        if not line.guests:
            self.spurious += 1
            self._io_apic.mask(gsi)
        self.ended += 1
        for guest in line.guests:
            _count_end(guest[0], gsi)
        if self._io_apic.is_level(gsi):
            # Only a level entry has a remote IRR that waits for its end.
            self._io_apic.end(gsi)

    def eoi(self, table: PortTable, pirq: int) -> None:
        """A domain has served an interrupt. EINVAL for a pirq that is not mapped."""
        gsi = self._maps[id(table)].gsi(pirq)
        if gsi is None:
            raise XenError(Errno.EINVAL, f"pirq {pirq} is not mapped")
        self._end(gsi, (table, pirq))

    def status(self, table: PortTable, pirq: int) -> int:
        """Flags of irq_status_query. EINVAL out of range."""
        pirqs = self._maps[id(table)]
        if not 0 <= pirq < pirqs.nr_pirqs:
            raise XenError(Errno.EINVAL, f"pirq {pirq} of {pirqs.nr_pirqs}")
        gsi = pirqs.gsi(pirq)
        shared = gsi is not None and len(self._lines[gsi].guests) > 1
        return PIRQ_NEEDS_EOI | (PIRQ_SHARED if shared else 0)

    def chip_plugged(self) -> None:
        """An IO-APIC is there: program it. What the old one had in flight it has forgotten."""
        for line in self._lines:
            line.in_flight.clear()
        self._io_apic.plug()

    def _end(self, gsi: int, guest: tuple[PortTable, int]) -> None:
        line = self._lines[gsi]
        if guest in line.in_flight:
            line.in_flight.remove(guest)
            _count_end(guest[0], gsi)
            if not line.in_flight:
                self.ended += 1
                self._io_apic.end(gsi)

    def check(self) -> None:
        """Bindings and ports agree both ways; what is in flight is bound."""
        for gsi, line in enumerate(self._lines):
            for table, pirq in line.guests:
                assert pirq in table.pirqs, (
                    f"GSI {gsi} goes to domain {table.domid}, which has no port for it"
                )
                assert self._maps[id(table)].gsis.get(pirq) == gsi, f"GSI {gsi} is bound under pirq {pirq}"

        self.check_in_flight()

    def check_in_flight(self) -> None:
        """What is in flight is bound."""
        for gsi, line in enumerate(self._lines):
            for guest in line.in_flight:
                assert guest in line.guests, f"GSI {gsi}: in flight and not bound"

    def bindings(self) -> int:
        """How many (domain, pirq) bindings there are."""
        return sum(len(line.guests) for line in self._lines)


def _count_end(table: PortTable, gsi: int) -> None:
    table.interrupts_ended[gsi] = table.interrupts_ended.get(gsi, 0) + 1
