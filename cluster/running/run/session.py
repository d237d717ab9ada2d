"""One run from the configuration to the verdict: prepare, drive, verify, report.

Rules: nothing is started before everything that can be checked has been; what was started is stopped
whatever happens; the run directory is written in every case, with verdict unknown if it was cut short.
"""

import errno
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trio
from prometheus_client.registry import CollectorRegistry

from actors.address import Address
from actors.messages import CODEC
from actors.notebook.journal import Journal
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import DeadlinePassed
from actors.runtime.memory import SharedMemory
from actors.runtime.transport import listen_unix
from cluster.lab.config.errors import reason_of
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.config.volume import Volume
from cluster.lab.experiment.host_board import SUPERVISOR
from cluster.lab.experiment.host_clock import HostClock
from cluster.lab.experiment.phases import PHASES
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.trace.files import begin_recording, read_recordings, remove_recordings
from cluster.lab.trace.perfetto import write_trace
from cluster.lab.verdict.ledger import ReadSectors
from cluster.lab.verdict.report import Report, build_report, facts_of
from cluster.lab.verdict.run_facts import ReadVolume
from cluster.running.control.client import claim_name
from cluster.running.control.interruption import Interruption
from cluster.running.control.preflight import check_sockets, check_surroundings, own_name, port_trouble
from cluster.running.control.runtime_directory import control_path, xenstore_path
from cluster.running.control.server import ControlServer
from cluster.running.control.xenstore_socket import XenstoreSocket
from cluster.running.drivers.console_log import ConsoleLog, last_line
from cluster.running.drivers.live import LiveCluster
from cluster.running.drivers.process import Surroundings, run_forked
from cluster.running.drivers.simulated import run_simulated
from cluster.running.drivers.zygote import start_zygote
from cluster.running.metrics.discovery import Targets, targets_of, targets_path, write_targets
from cluster.running.metrics.host_metrics import HostCollector
from cluster.running.metrics.samples import keep_samples
from cluster.running.metrics.server import MetricsServer
from cluster.running.run.about import FILE as ABOUT
from cluster.running.run.about import About
from cluster.running.run.kept_configuration import RESOLVED, keep_sources, resolved_text
from cluster.running.run.progress import Progress, answered_text
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.run_lock import held
from cluster.running.run.run_state import INTERVAL_S, RunState

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to run a configuration. `private`: no command of another terminal can reach it.

    `journal_budget`: the bytes that the journals of an endless run may take.
    """

    driver: str = "live"
    out: Path | None = None
    trace: bool = False
    endless: bool = False
    journal_budget: int | None = None
    weigh: bool = False
    private: bool = False


class Session:
    """One run."""

    def __init__(self, cluster: ResolvedCluster, options: SessionOptions, progress: Progress) -> None:
        """Make the run directory. ConfigError, CannotStart or RuntimeDirectoryError if no run is possible."""
        self._claim: socket.socket | None = None
        if options.driver == "live":
            if not options.private:
                check_sockets(cluster)
            check_surroundings(cluster)
            if options.endless:
                self._claim = own_name(cluster.name)
            elif not options.private:
                # Several runs may have one name; the first of them is the one that commands can speak to.
                self._claim = claim_name(cluster.name)
        self._options = options
        self._progress = progress
        self._interruption = Interruption()
        try:
            self._run_directory = RunDirectory.create(cluster.name, options.out)
        except BaseException:
            self._let_go_of_name()
            raise
        self.directory: Path = self._run_directory.path
        self._began_s = time.monotonic()
        self._about = self._keep_configuration(cluster)
        self._state: RunState | None = None
        self._not_written = ""
        self._cluster = cluster.placed(self.directory / "images")
        self.metrics_urls: dict[str, str] = {}
        self.xenstore_sockets: dict[str, str] = {}
        self.guest_memory: list[dict[str, int]] = []
        self._registries: list[CollectorRegistry] = []
        self.trouble = ""
        self.supervisor: Supervisor
        self.when_up: Callable[[], None] = lambda: None

    def run(self) -> Report:
        """Run to the end; the report, which is also in the run directory."""
        with self._interruption, held(self.directory, made_here=True):
            try:
                supervisor, read_volume = self._run()
                self._enter("verify")
                self._progress.observe("verify", "")
                report = self._verified(supervisor, read_volume)
            finally:
                self._progress.stop()
            self.directory.mkdir(parents=True, exist_ok=True)  # somebody may have removed it meanwhile
            self._run_directory.write_interrupts(supervisor.interrupt_tables.kept)
            self._run_directory.write_report(report)
            volumes = [each for host in self._cluster.hosts for each in host.volumes]
            self._about.end([each.path for each in volumes if not each.made])
            self._run_directory.write(ABOUT, self._about.text())
        return report

    def _keep_configuration(self, cluster: ResolvedCluster) -> About:
        """Write what is known before anything is started."""
        options = self._options
        about = About(
            name=cluster.name,
            driver=options.driver,
            endless=options.endless,
            trace=options.trace,
            seed=cluster.seed,
            configuration=keep_sources(self.directory, cluster.sources),
        )
        self._run_directory.write(RESOLVED, resolved_text(cluster))
        self._run_directory.write(ABOUT, about.text())
        return about

    def _enter(self, phase: str) -> None:
        """Note a phase that begins."""
        self._about.enter(phase, self._began_s)
        self._write(lambda: self._run_directory.write(ABOUT, self._about.text(), sync=False))
        self._keep_state()

    def _keep_state(self) -> None:
        if self._state is not None:
            self._write(self._state.keep)

    def _write(self, write: Callable[[], object]) -> None:
        """Write a note; that the disk is full, or the folder gone, is said once and ends no run."""
        try:
            write()
        except OSError as error:
            reason = reason_of(error)
            if reason != self._not_written:
                self._not_written = reason
                self._progress.say(f"{self.directory}: no notes can be kept for `domzero verify`: {reason}")

    def _let_go_of_name(self) -> None:
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def _run(self) -> tuple[Supervisor, ReadVolume | None]:
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
            take_clock=self._progress.take_clock,
        )

    def _verified(self, supervisor: Supervisor, read_volume: ReadVolume | None) -> Report:
        unknown = supervisor.outcome.unknown
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
            keep=self._keep_state,
            journal_budget=self._options.journal_budget,
            host_clock=HostClock(_suspended_ns),
        )
        self.supervisor = supervisor
        self._state = RunState(
            self._run_directory, lambda: facts_of(cluster, "live", supervisor), lambda: supervisor.phase
        )
        origin_ns = time.monotonic_ns()
        surroundings = {host.name: self._surroundings(host, origin_ns) for host in cluster.hosts}
        # Before any thread there is and any listener: a fork copies neither well.
        zygote_pid, zygote = start_zygote(run_forked)
        packs = [
            [str(Address(host.name, actor)) for actor in pack] for host in cluster.hosts for pack in host.pack
        ]
        live = LiveCluster(zygote, surroundings, packs, {host.name: host.transport for host in cluster.hosts})
        log = ConsoleLog(self.directory / "logs" / "supervisor.log", SUPERVISOR, origin_ns)
        servers: dict[str, MetricsServer] = {}
        try:
            self._serve_metrics(supervisor, live, servers)
            trio.run(self._drive, supervisor, live, log)
        finally:
            log.close()
            live.close()
            self._let_go_of_name()
            os.waitpid(zygote_pid, 0)
            for each in surroundings.values():
                os.close(each.memory_fd)
            for server in servers.values():
                server.close()
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

    async def _drive(self, supervisor: Supervisor, live: LiveCluster, log: ConsoleLog) -> None:
        recorder = begin_recording(self.directory, SUPERVISOR) if self._options.trace else None
        driver = ActorDriver(
            SUPERVISOR, supervisor, CODEC, log=log.write, perform=live.perform, trace=recorder
        )
        live.driver = driver
        self._live = live
        path = control_path(self._cluster.name)
        async with trio.open_nursery() as nursery:
            server = ControlServer(
                supervisor,
                live,
                driver,
                self.directory,
                metrics_urls=self.metrics_urls,
                xenstore_sockets=self.xenstore_sockets,
            )
            targets = None
            if self._claim is not None:
                path.unlink(missing_ok=True)
                nursery.start_soon(server.serve, listen_unix(path), path)
                for host in supervisor.boards:
                    self._serve_xenstore(nursery, XenstoreSocket(supervisor, live, host), host)
                targets = targets_path(self._cluster.name)
                write_targets(targets, self._targets())
            live.watch(nursery)
            self._take_signals(supervisor, driver)
            nursery.start_soon(self._show, supervisor)
            nursery.start_soon(keep_samples, self.directory, self._registries)
            nursery.start_soon(self._keep_up)
            try:
                await driver.run()
            finally:
                self._interruption.ask = lambda: None
                if targets is not None:
                    targets.unlink(missing_ok=True)
                nursery.cancel_scope.cancel()

    def _serve_xenstore(self, nursery: trio.Nursery, server: XenstoreSocket, host: str) -> None:
        path = xenstore_path(self._cluster.name, host)
        path.unlink(missing_ok=True)
        self.xenstore_sockets[host] = str(path)
        nursery.start_soon(server.serve, listen_unix(path), path)

    def _take_signals(self, supervisor: Supervisor, driver: ActorDriver) -> None:
        token = trio.lowlevel.current_trio_token()

        asked = 0

        def stop() -> None:
            nonlocal asked
            asked += 1
            # What stays up has no end of its own: to end it is no interruption.
            orderly = self._options.endless and asked == 1
            self._interruption.wanted = not orderly
            if orderly:
                self._progress.say("going down in order, as with `domzero down`; Ctrl-C again cuts the power")
                supervisor.go_down()
            else:
                self._progress.say("interrupted: every process is stopped")
                supervisor.abort()
            driver.post(DeadlinePassed())

        self._interruption.ask = lambda: token.run_sync_soon(stop)
        if self._interruption.wanted:
            stop()

    async def _keep_up(self) -> None:
        """Write what has been noted since, now and then."""
        while True:
            await trio.sleep(INTERVAL_S)
            self._keep_state()

    async def _show(self, supervisor: Supervisor) -> None:
        while True:
            self._progress.watch(lambda: answered_text(supervisor))
            await trio.sleep(0.2)

    def _observe(self, what: str, text: str) -> None:
        if what in {"died", "halted"}:
            live = self._options.driver == "live"
            text = f"{text}: {last_line(self.directory, text) if live else 'its log says why'}"
            self.trouble = self.trouble or text
        if what in PHASES:
            self._enter(what)
        self._progress.observe(what, text)
        if what == "workload":
            self.when_up()
        elif what == "settle" and self._options.weigh:
            self.guest_memory = self._live.memory(
                [str(Address.domain(each.host, each.domid)) for each in self.supervisor.guests.values()]
            )

    def _prepare(self) -> dict[GuestId, list[Journal]]:
        for host in self._cluster.hosts:
            self._run_directory.make_images(host)
        return {each.guest_id: self._run_directory.make_journals(each) for each in self._cluster.guests}

    def _surroundings(self, host: ResolvedHost, origin_ns: int) -> Surroundings:
        _, fd = SharedMemory.create(host.memory_pages)
        os.set_inheritable(fd, True)
        return Surroundings(
            host.name, str(self.directory), fd, host.memory_pages, origin_ns, trace=self._options.trace
        )

    def _serve_metrics(
        self, supervisor: Supervisor, live: LiveCluster, servers: dict[str, MetricsServer]
    ) -> None:
        for host in self._cluster.hosts:
            collector = HostCollector(
                supervisor,
                host.name,
                time.monotonic_ns,
                run=self.directory.name,
                find_processes=live.pids,
            )
            try:
                servers[host.name] = server = MetricsServer(collector, host.metrics_port, self._targets)
            except OSError as error:
                raise port_trouble(host, error) from error
            self._registries.append(collector.registry())
            self.metrics_urls[host.name] = f"http://{server.address}/metrics"

    def _targets(self) -> Targets:
        addresses = {host: url.split("/")[2] for host, url in self.metrics_urls.items()}
        return targets_of(self._cluster.name, addresses)


def _suspended_ns() -> int:
    """For how long this machine has been suspended since it was booted."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def _unread(_: Volume) -> ReadSectors:
    raise InterruptedError(errno.EINTR, "the check was interrupted")
