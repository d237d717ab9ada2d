"""What Prometheus reads of one host: its supervisor serves it, so it outlives every domain.

Rules: the series of a dead domain stay, since journals and records outlive it. A scrape runs in a
thread of its own, one at a time, and only reads.
"""

import os
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from threading import Lock
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from actors.address import Address
from actors.devices.ioapic import IoApicStatistics
from actors.drivers.driver_domain import DriverDomainStatistics
from actors.runtime.units import NS_PER_S
from actors.xenstore.store import StoreStatistics
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.experiment.phases import PHASES
from cluster.lab.experiment.readings import StoreReading
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.faults.target import Target
from cluster.running.control.process_times import ProcessTimes
from cluster.running.metrics import catalog
from cluster.running.metrics.domain_metrics import DomainMetrics
from cluster.running.metrics.families import Families, Histogram, LabelTexts
from cluster.running.metrics.guest_metrics import GuestMetrics
from cluster.running.metrics.network_metrics import NetworkMetrics
from cluster.running.metrics.talk_metrics import TalkMetrics

RECOVERY_BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, float("inf"))
RECOVERY_PHASES: Final = ("detect", "restart", "reconnect", "total")
INTERVALS_LATE: Final = 3


class HostCollector(Collector):
    """The metrics of one host. `find_processes` gives the process ids of its actors by address."""

    def __init__(
        self,
        supervisor: Supervisor,
        host: str,
        clock_ns: Callable[[], int],
        *,
        run: str = "",
        find_processes: Callable[[], dict[str, int]] = dict,
    ) -> None:
        self._supervisor = supervisor
        self._host = host
        self._clock_ns = clock_ns
        self._run = run
        self._lock = Lock()
        self._board = board = supervisor.lab.boards[host]
        each = supervisor.lab.cluster.metrics.guests == "each"
        self._labels = LabelTexts({"cluster": supervisor.lab.cluster.name, "host": host})
        self._guests = GuestMetrics(board.host, supervisor.lab.guests, supervisor.lab.readings, each=each)
        self._domains = DomainMetrics(board, supervisor.lab.readings, each=each)
        first = next(iter(supervisor.lab.boards))
        self._networks = NetworkMetrics(
            board, supervisor.lab.readings, self._domains.label, is_first=host == first
        )
        self._talks = TalkMetrics(board.host, supervisor.lab.guests, self._domains.label)
        self._processes = ProcessTimes(lambda: self._named(find_processes()))

    def registry(self) -> CollectorRegistry:
        """A registry of the library with these metrics only."""
        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Metric]:
        """For the library: every metric, read now."""
        return self._read().metrics()

    def text(self) -> bytes:
        """In the text format, read now."""
        return self._read().text()

    def _read(self) -> Families:
        with self._lock:
            families = Families(self._labels)
            now_ns = self._clock_ns()
            self._write_run(families, now_ns)
            self._guests.write(families, now_ns)
            self._domains.write(families)
            self._networks.write(families)
            self._talks.write(families, now_ns)
            self._write_store(families, now_ns)
            self._write_hardware(families)
            self._write_faults(families, now_ns)
            self._write_processes(families)
            self._write_ages(families, now_ns)
            return families

    def _write_run(self, families: Families, now_ns: int) -> None:
        supervisor, board = self._supervisor, self._board
        host, boots = board.host, board.domains.boots
        chosen = host.architecture
        policies = (host.xen, chosen.name, chosen.hwdom.value, chosen.store.value, chosen.reconnect.value)
        families.add(
            catalog.RUN_INFO, 1, self._run, str(supervisor.lab.cluster.seed), *policies, version("domzero")
        )
        families.add(catalog.RUN_START_TIME_SECONDS, self._unix_s(supervisor.phases.began_ns, now_ns))
        for phase in PHASES:
            families.add(catalog.RUN_PHASE, int(phase == supervisor.phase), phase)
        families.add(catalog.JOURNAL_BYTES, supervisor.lab.journals.used(host.name))
        families.add(catalog.JOURNAL_BUDGET_BYTES, supervisor.lab.journals.limit or 0)
        families.add(catalog.HOST_UP, int(board.is_on))
        families.add(catalog.HOST_BOOTS, board.state.boots)
        families.add(catalog.DOM0_BOOTS, boots["dom0"])
        families.add(catalog.DOMAIN_BOOTS, boots["dom0"], "dom0")
        families.add(catalog.SPARE_PARKED, int(board.domains.spare_state == "parked"), "dom0")
        families.add(catalog.SPARE_PROMOTIONS, board.domains.promotions["dom0"], "dom0")
        if host.architecture.store_has_domain:
            families.add(
                catalog.DOMAIN_BOOTS, boots[host.architecture.store_home], host.architecture.store_home
            )
        for driver in host.drivers:
            families.add(catalog.DOMAIN_BOOTS, boots[driver], driver)

    def _write_store(self, families: Families, now_ns: int) -> None:
        reading = self._supervisor.lab.readings.stores.get(self._host)
        families.add(catalog.XENSTORE_UP, int(reading is not None and self._answers(reading, now_ns)))
        families.add_all(StoreStatistics, reading.statistics if reading is not None else None)
        families.add_all(DriverDomainStatistics, None)
        for name in self._board.host.drivers:
            families.add_all(
                DriverDomainStatistics, self._supervisor.lab.readings.drivers.get((self._host, name))
            )

    def _answers(self, reading: StoreReading, now_ns: int) -> bool:
        """Whether the domain that keeps the store runs, and has answered in this life and of late."""
        keeper = self._board.domains.find(self._board.host.architecture.store_home)
        limit_ns = INTERVALS_LATE * self._supervisor.lab.cluster.metrics.interval
        return keeper is not None and reading.at_ns > max(keeper.started_at_ns, now_ns - limit_ns)

    def _write_hardware(self, families: Families) -> None:
        families.add_all(IoApicStatistics, self._supervisor.lab.readings.ioapics.get(self._host))
        for device in self._board.host.hardware:
            record = self._supervisor.lab.readings.hardware.get((self._host, device.name))
            families.add_all(HARDWARE_KINDS[device.program].statistics, record, device.name)

    def _write_faults(self, families: Families, now_ns: int) -> None:
        injections = [each for each in list(self._supervisor.injections) if each.host == self._host]
        planned = [
            (fault.kind, place.name)
            for fault in self._supervisor.lab.cluster.faults
            for place in map(Target.parse, fault.targets)
            if place.host == self._host
        ]
        for kind, target in dict.fromkeys(
            [*planned, *((each.kind, each.target) for each in injections)],
        ):
            same = [each for each in injections if (each.kind, each.target) == (kind, target)]
            families.add(catalog.FAULTS_INJECTED, len(same), kind, target)
            families.add(catalog.FAULTS_ACTIVE, sum(each.is_open for each in same), kind, target)
            if same:
                at_s = self._unix_s(same[-1].injected_at_ns, now_ns)
                families.add(catalog.FAULT_LAST_TIME_SECONDS, at_s, kind, target)
        families.add(catalog.HOST_FAULTS_INJECTED, len(injections))
        families.add(catalog.HOST_FAULTS_ACTIVE, sum(each.is_open for each in injections))
        durations: dict[str, list[float]] = {phase: [] for phase in RECOVERY_PHASES}
        for each in injections:
            times = (each.injected_at_ns, each.detected_at_ns, each.restarted_at_ns, each.recovered_at_ns)
            for phase, began, ended in zip(RECOVERY_PHASES, times, times[1:], strict=False):
                if began is not None and ended is not None:
                    durations[phase].append(max(ended - began, 0) / NS_PER_S)
            if each.recovered_at_ns is not None:
                durations["total"].append((each.recovered_at_ns - each.injected_at_ns) / NS_PER_S)
        for phase, found in durations.items():
            families.add_histogram(catalog.RECOVERY_DURATION_SECONDS, _histogram(found), phase)

    def _write_processes(self, families: Families) -> None:
        for name, used in self._processes.look().items():
            label = self._domains.label(name)
            families.add(catalog.PROCESS_CPU_SECONDS, round(used.cpu_s, 2), label)
            families.add(catalog.PROCESS_RESIDENT_MEMORY_BYTES, used.resident_bytes, label)

    def _write_ages(self, families: Families, now_ns: int) -> None:
        for (host, name), heard_ns in list(self._supervisor.lab.readings.heard_ns.items()):
            if host == self._host:
                age_s = max(now_ns - heard_ns, 0) / NS_PER_S
                families.add(catalog.STATISTICS_AGE_SECONDS, age_s, self._domains.label(name))

    def _named(self, processes: dict[str, int]) -> dict[str, int]:
        """By the names of the actors; several in one process are one, called after all of them."""
        if not processes:
            return {}
        names: dict[int, list[str]] = {}
        for address, pid in sorted(processes.items()):
            if Address.parse(address).host == self._host:
                names.setdefault(pid, []).append(self._board.name_of(address) or address)
        return {"+".join(each): pid for pid, each in names.items()} | {"supervisor": os.getpid()}

    def _unix_s(self, at_ns: int, now_ns: int) -> float:
        return round(time.time() - (now_ns - at_ns) / NS_PER_S, 3)


def _histogram(durations: list[float]) -> Histogram:
    counts = [sum(each <= bound for each in durations) for bound in RECOVERY_BOUNDS]
    return Histogram(RECOVERY_BOUNDS, counts, sum(durations))
