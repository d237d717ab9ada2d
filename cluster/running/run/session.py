"""One run from the configuration to the verdict: prepare, drive, verify, report.

Rules: nothing is started before everything that can be checked has been; what was started is stopped
whatever happens; the run directory is written in every case, with verdict unknown if it was cut short.
"""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actors.notebook.journal import Journal
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.config.volume import Volume
from cluster.lab.experiment.host_clock import HostClock
from cluster.lab.experiment.phases import PHASES
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.trace.files import read_recordings, remove_recordings
from cluster.lab.trace.perfetto import write_trace
from cluster.lab.verdict.ledger import ReadSectors
from cluster.lab.verdict.report import Report, build_report, facts_of
from cluster.lab.verdict.run_facts import ReadVolume
from cluster.running.control.interruption import Interruption
from cluster.running.control.preflight import check_sockets, check_surroundings
from cluster.running.drivers.console_log import last_line
from cluster.running.drivers.simulated import run_simulated
from cluster.running.metrics.host_servers import HostServers
from cluster.running.run.about import About
from cluster.running.run.doors import Doors
from cluster.running.run.kept_configuration import RESOLVED, keep_sources, resolved_text
from cluster.running.run.kept_page import keep_page
from cluster.running.run.live_run import LiveRun
from cluster.running.run.progress import Progress
from cluster.running.run.run_capture import FILE, CapturePlace, RunCapture
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.run_lock import held
from cluster.running.run.run_notes import RunNotes
from cluster.running.run.run_state import RunState

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to run a configuration. `private`: no command of another terminal can reach it.

    `capture`: where packets go; a place without a name is the run directory.

    `journal_budget`: the bytes that the journals of an endless run may take.
    """

    driver: str = "live"
    out: Path | None = None
    trace: bool = False
    endless: bool = False
    journal_budget: int | None = None
    weigh: bool = False
    capture: CapturePlace | None = None
    private: bool = False


class Session:
    """One run."""

    def __init__(self, cluster: ResolvedCluster, options: SessionOptions, progress: Progress) -> None:
        """Make the run directory. ConfigError, CannotStart or RuntimeDirectoryError if no run is possible."""
        self.metrics = HostServers(cluster.name)
        self._doors = Doors(cluster.name, self.metrics)
        if options.capture is not None:
            options.capture.check(cluster)
        if options.driver == "live":
            if not options.private:
                check_sockets(cluster)
            check_surroundings(cluster)
            if options.endless or not options.private:
                self._doors.claim(needed=options.endless)
        self._options = options
        self._progress = progress
        self._interruption = Interruption()
        try:
            self._run_directory = RunDirectory.create(cluster.name, options.out)
        except BaseException:
            self._doors.give_name_back()
            raise
        self.directory: Path = self._run_directory.path
        self._run_directory.write(RESOLVED, resolved_text(cluster))
        self._notes = RunNotes(self._run_directory, self._about(cluster), progress.say)
        self._cluster = cluster.placed(self.directory / "images")
        self._capture = self._capture_of(options.capture)
        self.guest_memory: list[dict[str, int]] = []
        self.trouble = ""
        self.supervisor: Supervisor
        self.when_up: Callable[[], None] = lambda: None
        self._live: LiveRun

    def run(self) -> Report:
        """Run to the end; the report, which is also in the run directory."""
        with self._interruption, held(self.directory, made_here=True):
            try:
                supervisor, read_volume = self._run()
                self._notes.enter("verify")
                self._progress.observe("verify", "")
                report = self._verified(supervisor, read_volume)
            finally:
                self._progress.stop()
            self.directory.mkdir(parents=True, exist_ok=True)  # somebody may have removed it meanwhile
            self._run_directory.write_interrupts(supervisor.lab.interrupt_tables.kept)
            self._run_directory.write_report(report)
            volumes = [each for host in self._cluster.hosts for each in host.volumes]
            self._notes.end([each.path for each in volumes if not each.made])
            keep_page(self._run_directory, report.facts, self._progress.say)
        return report

    def _about(self, cluster: ResolvedCluster) -> About:
        """What is known before anything is started."""
        options = self._options
        return About(
            name=cluster.name,
            driver=options.driver,
            endless=options.endless,
            trace=options.trace,
            seed=cluster.seed,
            configuration=keep_sources(self.directory, cluster.sources),
        )

    def _capture_of(self, place: CapturePlace | None) -> RunCapture | None:
        if place is None:
            return None
        return RunCapture(
            place if place.path.name else CapturePlace(self.directory / FILE), self._progress.say
        )

    def _run(self) -> tuple[Supervisor, ReadVolume | None]:
        try:
            return self._driven()
        finally:
            if self._capture is not None:
                self._capture.end()

    def _driven(self) -> tuple[Supervisor, ReadVolume | None]:
        if self._options.driver == "live":
            supervisor = self.run_live()
            if self._options.trace:
                self._write_trace(supervisor)
            return supervisor, None
        return run_simulated(
            self._cluster,
            self._observe,
            self.directory,
            trace=self._options.trace,
            stop=lambda: self._interruption.wanted,
            observer=self._capture,
            take_clock=self._progress.take_clock,
        )

    def _verified(self, supervisor: Supervisor, read_volume: ReadVolume | None) -> Report:
        unknown = supervisor.lab.outcome.unknown
        if not self._interruption.wanted or INTERRUPTED in unknown:
            try:
                self._interruption.may_raise = True
                return self._report(supervisor, read_volume)
            except KeyboardInterrupt:
                pass
            finally:
                self._interruption.may_raise = False
        self._progress.say("interrupted: the images are not checked")
        unknown.append(INTERRUPTED)
        return self._report(supervisor, _unread)

    def _report(self, supervisor: Supervisor, read_volume: ReadVolume | None) -> Report:
        return build_report(self._cluster, self._options.driver, supervisor, self.directory, read_volume)

    def run_live(self) -> Supervisor:
        """Drive it with real processes, without the verdict; a trace stays as it was recorded."""
        cluster = self._cluster
        journals = self._prepare()
        supervisor = Supervisor(
            cluster,
            journals,
            self._observe,
            endless=self._options.endless,
            store_logs=self._run_directory.make_store_logs(cluster),
            talk_journals=self._run_directory.make_talk_journals(cluster),
            keep=self._notes.keep,
            journal_budget=self._options.journal_budget,
            host_clock=HostClock(_suspended_ns),
        )
        self.supervisor = supervisor
        self._notes.follow(
            RunState(
                self._run_directory, lambda: facts_of(cluster, "live", supervisor), lambda: supervisor.phase
            )
        )
        self._live = LiveRun(
            cluster=cluster,
            directory=self.directory,
            supervisor=supervisor,
            notes=self._notes,
            metrics=self.metrics,
            doors=self._doors,
            interruption=self._interruption,
            progress=self._progress,
            endless=self._options.endless,
            trace=self._options.trace,
        )
        if self._capture is not None:
            epoch_ns = time.time_ns() - time.monotonic_ns()
            self._capture.begin(supervisor.lab.captures, time.monotonic_ns, epoch_ns)
        self._live.run()
        return supervisor

    def _write_trace(self, supervisor: Supervisor) -> None:
        path = self.directory / "trace.json"
        try:
            count = write_trace(path, supervisor, "live", read_recordings(self.directory))
            remove_recordings(self.directory)
        except OSError as error:  # a full disk is no reason to lose the verdict
            self._progress.say(f"no trace: {path}: {error.strerror or error}")
        else:
            self._progress.say(f"trace: {count:,} events; open {path} in Perfetto")

    def _observe(self, what: str, text: str) -> None:
        if what in {"died", "halted"}:
            live = self._options.driver == "live"
            text = f"{text}: {last_line(self.directory, text) if live else 'its log says why'}"
            self.trouble = self.trouble or text
        if what in PHASES:
            self._notes.enter(what)
        self._progress.observe(what, text)
        if what == "workload":
            self.when_up()
        elif what == "settle" and self._options.weigh:
            self.guest_memory = self._live.guest_memory()

    def _prepare(self) -> dict[GuestId, list[Journal]]:
        for host in self._cluster.hosts:
            self._run_directory.make_images(host)
        return {each.guest_id: self._run_directory.make_journals(each) for each in self._cluster.guests}


def _suspended_ns() -> int:
    """For how long this machine has been suspended since it was booted."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def _unread(_: Volume) -> ReadSectors:
    raise InterruptedError(errno.EINTR, "the check was interrupted")
