"""What the hypervisor tells of one host's domains: calls, events, interrupts, grants, frames, states.

Rules: a domain that has been is in here for good, with what was known of it last; only its state and
what it held (ports, grants, frames) are nothing once it is gone.
"""

from typing import Final, cast

from cluster.experiment.board import Board, DomainProcess
from cluster.experiment.readings import CONTROL, Readings, Values
from cluster.metrics import catalog
from cluster.metrics.catalog import ALL_GUESTS
from cluster.metrics.families import Families

STATES: Final = {"ended": 0, "running": 1, "paused": 2, "hung": 3}
SHUT_DOWN, CRASHED, DYING = 4, 5, 6
_COUNTERS: Final = (
    catalog.HYPERCALL_EXITS,
    catalog.HYPERCALLS_REFUSED,
    catalog.EVENTS_SENT,
    catalog.UPCALLS,
    catalog.UPCALLS_TAKEN,
)
_HELD: Final = (
    (catalog.EVENT_CHANNELS, "ports"),
    (catalog.EVENT_CHANNELS_PENDING, "ports_pending"),
    (catalog.GRANTS_MAPPED, "grants_mapped"),
    (catalog.GRANTS_IN_USE, "grants_in_use"),
)


class DomainMetrics:
    """Writes the metrics of the domains. `each`: every guest has series of its own."""

    def __init__(self, board: Board, readings: Readings, *, each: bool) -> None:
        self._board = board
        self._host = board.host.name
        self._readings = readings
        self._each = each
        self._names = [*CONTROL[: 1 + (board.host.xenstore == "stubdom")]]
        self._names += board.host.drivers
        self._guests = [str(guest["name"]) for guest in board.host.guests]
        self._names += self._guests
        domains = (*board.host.driver_domains, *board.host.guests)
        self._vcpus = {str(each["name"]): cast("int", each["vcpus"]) for each in domains}
        self._vcpus["dom0"] = board.host.dom0_vcpus
        self._devices = {str(gsi): name for name, gsi, _ in board.host.interrupts}

    def label(self, name: str) -> str:
        """How a domain is called in its series."""
        return name if self._each or name not in self._guests else ALL_GUESTS

    def write(self, families: Families) -> None:
        """All of them."""
        processes = {each.name: each for each in list(self._board.domains.values())}
        present = self._present()
        for name in self._names:
            row = self._readings.domains.get((self._host, name), {})
            label = self.label(name)
            here = row if name in present else {}
            families.add(catalog.DOMAIN_STATE, _state(processes.get(name), here), label)
            families.add(catalog.DOMAIN_VCPUS, self._vcpus.get(name, 1), label)
            families.add(catalog.FRAMES, _number(here, "frames"), label)
            for counter in _COUNTERS:
                families.add(counter, _number(row, counter.name), label)
            for metric, key in _HELD:
                families.add(metric, _number(here, key), label)
            for call, count in _counts(row, "hypercalls").items():
                families.add(catalog.HYPERCALLS, count, label, call)
            self._write_interrupts(families, row, label)
        self._write_host(families)

    def _present(self) -> set[str | None]:
        """The names of the domains that the hypervisor had when it was asked last."""
        if self._board.state.power != "on":
            return set()
        values = self._readings.latest.get(self._board.hypervisor, {})
        rows = cast("list[Values]", values.get("domains", []))
        return {self._board.name_of(f"{self._host}/dom{row['domid']}") for row in rows}

    def _write_interrupts(self, families: Families, row: Values, label: str) -> None:
        for metric in (catalog.INTERRUPTS, catalog.INTERRUPTS_ENDED):
            for gsi, count in _counts(row, metric.name).items():
                families.add(metric, count, label, gsi, self._devices.get(gsi, ""))

    def _write_host(self, families: Families) -> None:
        values = self._readings.latest.get(self._board.hypervisor, {})
        families.add(catalog.SPURIOUS_INTERRUPTS, _number(values, "spurious_interrupts"))
        families.add(catalog.LINGERING_FRAMES, _number(values, "frames_lingering"))
        families.add(catalog.FRAMES, _number(values, "frames_free"), "free")
        families.add(catalog.FRAMES, _number(values, "frames_reserved"), "xen")


def _state(process: DomainProcess | None, row: Values) -> int:
    """A domain that has shut down may have no process any more, and a process may run on for a moment."""
    if row.get("life") == "dying":
        return DYING
    if row.get("life") == "shutdown":
        return CRASHED if "c" in str(row["state"]) else SHUT_DOWN
    return STATES[process.state] if process is not None else 0


def _number(values: Values, key: str) -> int:
    return cast("int", values.get(key, 0))


def _counts(values: Values, key: str) -> dict[str, int]:
    return cast("dict[str, int]", values.get(key, {}))
