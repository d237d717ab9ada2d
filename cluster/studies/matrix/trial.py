"""One seed of a cell: what its guests went through, as plain data.

Rules: that a guest never comes back, or that nobody can shut a host down in order any more, is what a matrix
is to find out, and no failure of a check; a write that is lost, a broken machine and all else that no
architecture may do is one.
"""

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from actors.block.blkfront_statistics import BlkfrontStatistics
from actors.dom0.stub_store import XENSTORE_PAGES
from actors.notebook.journal import Content, MemoryJournal
from actors.runtime.simulation import Simulation
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.verdict.report import Report, facts_of, report_of
from cluster.lab.verdict.timeline import fault_span
from cluster.running.drivers.simulated import IMAGES, RunObserver, run_simulated
from cluster.running.run.session import Session
from cluster.studies.campaign.trial import Record, finding_of, sort_in, verdict_of
from cluster.studies.matrix.cell import Cell
from cluster.studies.matrix.measures import Fates, Times, Work

LIVENESS: Final = "liveness"
"""The check that says what became of the guests, which is told in full beside it."""
COURSE: Final = "course"
LEAKS: Final = "leaks"
BIN_NS: Final = 5_000_000
BEFORE_NS: Final = 25_000_000
BINS: Final = 25


@dataclass(slots=True)
class CellTrial:
    """What came of one seed of a cell. `seed`: the number of the trial in its matrix; `number`: its seed."""

    seed: int
    cell: tuple[str, str, str]
    number: int
    driver: str = "simulated"
    verdict: str = "held"
    failed: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    fates: Fates = field(default_factory=Fates)
    times: Times = field(default_factory=Times)
    work: Work = field(default_factory=Work)

    def to_record(self) -> Record:
        """As plain data."""
        return asdict(self)

    def take(self, report: Report, supervisor: Supervisor) -> None:
        """Note what a finished run says."""
        stuck = self._take_checks(report)
        guests = report.guests
        self.fates = Fates(
            guests=len(guests),
            survived=sum(each.survived is True for each in guests),
            broken=sum(each.came_back is not True for each in guests),
            stuck=int(stuck),
            errors=sum(each.errors for each in guests),
            writes_lost=sum(each.ledger.lost for each in guests if each.ledger is not None),
        )
        cluster = report.facts.cluster
        self.work.requests = sum(each.completed for each in guests)
        self.work.duration = cluster.duration_ns
        self.work.memory_pages = sum(map(_pages_beside_guests, cluster.hosts))
        self.times.outages = [each.outage_max_ns for each in guests if each.outage_max_ns is not None]
        for injection in report.facts.injections:
            self._take_times(injection)
        for frontends in supervisor.lab.readings.frontends.values():
            for each in frontends.values():
                if isinstance(each, BlkfrontStatistics) and each.reconnects:
                    self.times.handshake.append(each.detached_ns // each.reconnects)
                    self.times.replay.append(each.unanswered_ns // each.reconnects)

    def judge(self) -> None:
        """Sum the checks up."""
        self.verdict = verdict_of(self.failed, self.unknown)

    def _take_checks(self, report: Report) -> bool:
        """Keep what did not hold; whether the guests could not be shut down."""
        for check in report.checks:
            if check.name != LIVENESS:
                sort_in(check, self.failed, self.unknown)
        stuck = self.unknown.pop(COURSE, "")
        if stuck:
            self.failed.pop(LEAKS, "")  # who was not shut down holds what it has
        return bool(stuck)

    def _take_times(self, injection: Injection) -> None:
        span = fault_span(injection)
        if injection.mortal and span.detect_ns is not None:
            self.times.detect.append(span.detect_ns)
        if injection.mortal and span.restart_ns is not None:
            self.times.restart.append(span.restart_ns)


def live_cell(cell: Cell, session: Session, seed: int, number: int) -> CellTrial:
    """Run one seed of a cell in real processes; the session leaves its run directory."""
    trial = CellTrial(seed, cell.names, number, "live")
    report = session.run()
    trial.take(report, session.supervisor)
    trial.judge()
    return trial


def simulate_cell(cell: Cell, cluster: ResolvedCluster, seed: int, number: int) -> CellTrial:
    """Run one seed of a cell in virtual time."""
    began_s = time.process_time()
    trial = CellTrial(seed, cell.names, number)
    cluster = cluster.placed(IMAGES)
    onlooker = _Onlooker()
    try:
        supervisor, read_volume = run_simulated(
            cluster, lambda _what, _text: None, None, trace=False, observer=onlooker
        )
        trial.take(report_of(facts_of(cluster, "simulated", supervisor), read_volume), supervisor)
        trial.work.served = onlooker.served(supervisor)
    except Exception as error:  # noqa: BLE001 (a machine that breaks is a finding)
        trial.failed |= finding_of(error)
    trial.judge()
    trial.work.events = onlooker.nr_events
    trial.work.cpu_s = round(time.process_time() - began_s, 4)
    return trial


class _TimedJournal(MemoryJournal):
    """A journal that also notes when each request was answered with success."""

    def __init__(self, times_ns: list[int], **header: Any) -> None:  # noqa: ANN401 (MemoryJournal's own)
        super().__init__(**header)
        self._times_ns = times_ns

    def record_ack(self, sequence: int, now_ns: int) -> None:
        """A write or a flush."""
        super().record_ack(sequence, now_ns)
        self._times_ns.append(now_ns)

    def record_read_done(self, ticket: int, sectors: int, now_ns: int, data: Content = b"") -> None:
        """A read."""
        super().record_read_done(ticket, sectors, now_ns, data)
        self._times_ns.append(now_ns)


class _Onlooker(RunObserver):
    """What a report does not say of a run: how many events it was, and when requests were answered."""

    def __init__(self) -> None:
        self._simulation: Simulation | None = None
        self._times_ns: list[int] = []

    def begins(self, simulation: Simulation, supervisor: Supervisor) -> None:  # noqa: ARG002
        self._simulation = simulation

    def journal(self, **header: object) -> MemoryJournal:
        return _TimedJournal(self._times_ns, **header)

    @property
    def nr_events(self) -> int:
        """Events so far."""
        return 0 if self._simulation is None else self._simulation.nr_events

    def served(self, supervisor: Supervisor) -> list[int]:
        """Answers in each bin around the first fault; none without a fault."""
        if not supervisor.injections:
            return []
        began_ns = supervisor.injections[0].injected_at_ns - BEFORE_NS
        bins = Counter((each - began_ns) // BIN_NS for each in self._times_ns)
        return [bins[at] for at in range(BINS)]


def _pages_beside_guests(host: ResolvedHost) -> int:
    spare = host.dom0_pages if host.architecture.spare.is_there else 0
    store = XENSTORE_PAGES if host.architecture.store_has_domain else 0
    return host.dom0_pages + spare + store + sum(each.memory_pages for each in host.driver_domains)
