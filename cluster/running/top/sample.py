"""What `domzero top` shows: the domains of a cluster at two moments, and the rates between them.

Rules: a rate needs the same domain at both moments; a counter that went back (a new life) has no rate yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cluster.running.control.watched import DomainRow, Watched

STATES = "dsbcpr"


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """The devices of one class of one domain: their counters, and how much they grow by second."""

    totals: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)

    def total(self, counter: str) -> int:
        """A counter; 0 for a domain that cannot have such devices."""
        return self.totals.get(counter, 0)

    def rate(self, counter: str) -> float:
        """How much it grows by second."""
        return self.rates.get(counter, 0.0)


NONE: Final = DeviceRow()


@dataclass(frozen=True, slots=True)
class Row:
    """One domain; `domid` is None for a guest that does not run. `devices`: by class.

    How long it has been out of service now (`outage_s`), and was at most: None for what is no guest.
    """

    host: str
    name: str
    domid: int | None
    state: str
    cpu_s: float = 0.0
    cpu_percent: float = 0.0
    mem_kib: int = 0
    mem_percent: float = 0.0
    vcpus: int = 0
    devices: Mapping[str, DeviceRow] = field(default_factory=dict)
    outage_s: float | None = None
    longest_s: float | None = None

    def of_class(self, device_class: str) -> DeviceRow:
        """Its devices of a class."""
        return self.devices.get(device_class, NONE)


class TopSample:
    """One answer of the cluster, and the one before it."""

    def __init__(self, seen: Watched, before: "TopSample | None" = None) -> None:
        self.seen = seen
        self.guests = {(each.host, each.name): each for each in seen.guests}
        self.domains = {(host.name, row.name): row for host in seen.hosts for row in host.rows}
        self._before = before
        self._seconds = (seen.now_ns - before.seen.now_ns) / 1e9 if before is not None else 0.0

    def rows(self) -> list[Row]:
        """Every domain that runs, host by host, then the guests that do not."""
        running = [self._row(host, name, row) for (host, name), row in self.domains.items()]
        gone = [
            self._guest_of(Row(host, name, None, "-" * len(STATES)))
            for host, name in self.guests
            if (host, name) not in self.domains
        ]
        order = list(self.seen.machines)
        return sorted(
            running + gone, key=lambda each: (order.index(each.host), each.domid is None, each.domid or 0)
        )

    def _row(self, host: str, name: str, row: DomainRow) -> Row:
        before = self._before.domains.get((host, name)) if self._before is not None else None
        # Another domain id is another life: its processor time begins anew.
        spent_s = row.cpu_s - before.cpu_s if before is not None and before.domid == row.domid else 0.0
        mem_kib = row.memory_mib * 1024
        shown = Row(
            host=host,
            name=name,
            domid=row.domid,
            state="".join(each if each in row.letters else "-" for each in STATES),
            cpu_s=row.cpu_s,
            cpu_percent=100 * self._rate(spent_s),
            mem_kib=mem_kib,
            mem_percent=100 * mem_kib / self.seen.machines[host].memory_kib,
            vcpus=row.vcpus,
        )
        return self._guest_of(shown)

    def _guest_of(self, row: Row) -> Row:
        """The same with what is known of the guest, if it is one."""
        now = self.guests.get((row.host, row.name))
        if now is None:
            return row
        then = self._before.guests.get((row.host, row.name), now) if self._before is not None else now
        devices = {
            device_class: DeviceRow(
                totals, {each: self._rate(totals[each] - then.devices[device_class][each]) for each in totals}
            )
            for device_class, totals in now.devices.items()
        }
        return replace(row, devices=devices, outage_s=now.outage_s, longest_s=now.longest_s)

    def _rate(self, difference: float) -> float:
        return max(difference, 0.0) / self._seconds if self._seconds > 0 else 0.0
