"""What the hypervisor tells of one host's domains: calls, events, interrupts, grants, frames, states.

Rules: a domain that has been is in here for good, with what was known of it last; only its state and
what it held (ports, grants, frames) are nothing once it is gone.
"""

from typing import Final

from actors.hypervisor.statistics import DomainStatistics, HypervisorStatistics
from cluster.lab.experiment.domain_processes import DomainProcess
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.readings import CONTROL, Readings
from cluster.running.metrics import catalog
from cluster.running.metrics.catalog import ALL_GUESTS
from cluster.running.metrics.families import Families
from cluster.running.metrics.family import Family

STATES: Final = {"ended": 0, "running": 1, "paused": 2, "hung": 3}
SHUT_DOWN, CRASHED, DYING = 4, 5, 6


class DomainMetrics:
    """Writes the metrics of the domains. `each`: every guest has series of its own."""

    def __init__(self, board: HostBoard, readings: Readings, *, each: bool) -> None:
        self._board = board
        self._host = board.host.name
        self._readings = readings
        self._each = each
        self._names = [*CONTROL[: 1 + board.host.architecture.store_has_domain]]
        self._names += board.host.drivers
        self._guests = [guest.name for guest in board.host.guests]
        self._names += self._guests
        domains = (*board.host.driver_domains, *board.host.guests)
        self._vcpus = {each.name: each.vcpus for each in domains}
        self._vcpus["dom0"] = board.host.dom0_vcpus
        self._devices = {str(each.gsi): each.name for each in board.host.hardware}

    def label(self, name: str) -> str:
        """How a domain is called in its series."""
        return name if self._each or name not in self._guests else ALL_GUESTS

    def write(self, families: Families) -> None:
        """All of them."""
        processes = {each.name: each for each in list(self._board.domains)}
        present = self._present()
        for name in self._names:
            row = self._readings.domains.get((self._host, name))
            label, is_here = self.label(name), name in present
            families.add(catalog.DOMAIN_STATE, _state(processes.get(name), row if is_here else None), label)
            families.add(catalog.DOMAIN_VCPUS, self._vcpus.get(name, 1), label)
            families.add_all(DomainStatistics, row, label, is_gone=not is_here)
            if row is not None:
                self._write_interrupts(families, catalog.INTERRUPTS, row.interrupts, label)
                self._write_interrupts(families, catalog.INTERRUPTS_ENDED, row.interrupts_ended, label)
        families.add_all(HypervisorStatistics, self._readings.hypervisors.get(self._host))

    def _present(self) -> set[str | None]:
        """The names of the domains that the hypervisor had when it was asked last."""
        if not self._board.is_on:
            return set()
        hypervisor = self._readings.hypervisors.get(self._host)
        rows = hypervisor.domains if hypervisor is not None else []
        return {self._board.domains.name_of(row.domid) for row in rows}

    def _write_interrupts(
        self, families: Families, family: Family, counts: dict[str, int], label: str
    ) -> None:
        for gsi, count in counts.items():
            families.add(family, count, label, gsi, self._devices.get(gsi, ""))


def _state(process: DomainProcess | None, row: DomainStatistics | None) -> int:
    """A domain that has shut down may have no process any more, and a process may run on for a moment."""
    if row is not None and row.life == "dying":
        return DYING
    if row is not None and row.life == "shutdown":
        return CRASHED if "c" in row.state else SHUT_DOWN
    return STATES[process.state] if process is not None else 0
