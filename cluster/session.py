"""One run from the configuration to the verdict: prepare, drive, verify, report.

Rules: nothing is started before everything that can be checked has been; what was started is stopped
whatever happens; the run directory is written in every case, with verdict unknown if it was cut short.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIServer

import trio
from prometheus_client import start_http_server

from actors.domu.journal import Journal
from actors.messages import CODEC
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import DeadlinePassed
from actors.runtime.memory import SharedMemory
from actors.runtime.transport import listen_unix
from cluster.config import ResolvedCluster, ResolvedHost
from cluster.console_log import ConsoleLog
from cluster.control import control_path, running_clusters
from cluster.control_server import ControlServer
from cluster.live import LiveCluster
from cluster.metrics import HostCollector
from cluster.process import Surroundings, run_forked
from cluster.progress import Progress
from cluster.report import Report, build_report
from cluster.run_directory import RunDirectory
from cluster.simulated import run_simulated
from cluster.supervisor import Supervisor
from cluster.zygote import start_zygote

SUPERVISOR = "supervisor"


class CannotStart(Exception):  # noqa: N818 (it names what happened)
    """Something outside of the configuration stands in the way; nothing was started."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How to run a configuration."""

    driver: str = "live"
    out: Path | None = None
    trace: bool = False
    endless: bool = False
    weigh: bool = False


class Session:
    """One run."""

    def __init__(self, cluster: ResolvedCluster, options: SessionOptions, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self._run_directory = RunDirectory.create(cluster.name, options.out)
        self.directory: Path = self._run_directory.path
        self._cluster = cluster.placed(self.directory / "images")
        self.metrics_urls: dict[str, str] = {}
        self.guest_memory_bytes: list[int] = []
        self.supervisor: Supervisor
        self.when_up: Callable[[], None] = lambda: None

    def run(self) -> Report:
        """Run to the end; the report, which is also in the run directory."""
        progress = self._progress
        try:
            if self._options.driver == "simulated":
                supervisor, read_volume = run_simulated(
                    self._cluster, progress.observe, self.directory, trace=self._options.trace
                )
            else:
                supervisor = self.run_live()
                read_volume = None
            progress.observe("verify", "")
            report = build_report(
                self._cluster, self._options.driver, supervisor, self.directory, read_volume
            )
        finally:
            progress.stop()
        self._run_directory.write_report(report)
        return report

    def run_live(self) -> Supervisor:
        """Drive it with real processes, without the verdict."""
        cluster = self._cluster
        if self._options.endless and cluster.name in running_clusters():
            raise CannotStart(f"a cluster named {cluster.name!r} runs already; `domzero down` stops it")
        journals = self._prepare()
        supervisor = Supervisor(cluster, journals, self._observe, endless=self._options.endless)
        self.supervisor = supervisor
        servers = self._serve_metrics(supervisor)
        origin_ns = time.monotonic_ns()
        surroundings = {host.name: self._surroundings(host, origin_ns) for host in cluster.hosts}
        zygote_pid, zygote = start_zygote(run_forked)
        packs = [[f"{host.name}/{actor}" for actor in pack] for host in cluster.hosts for pack in host.pack]
        live = LiveCluster(zygote, surroundings, packs, {host.name: host.transport for host in cluster.hosts})
        try:
            trio.run(self._drive, supervisor, live, origin_ns)
        finally:
            live.close()
            os.waitpid(zygote_pid, 0)
            for each in surroundings.values():
                os.close(each.memory_fd)
            for server, thread in servers:
                server.shutdown()
                server.server_close()
                thread.join()
        return supervisor

    async def _drive(self, supervisor: Supervisor, live: LiveCluster, origin_ns: int) -> None:
        log = ConsoleLog(self.directory / "logs" / "supervisor.log", SUPERVISOR, origin_ns)
        driver = ActorDriver(SUPERVISOR, supervisor, CODEC, log=log.write, perform=live.perform)
        live.driver = driver
        self._live = live
        path = control_path(self._cluster.name)
        async with trio.open_nursery() as nursery:
            server = ControlServer(supervisor, live, driver, self.directory, self.metrics_urls)
            if self._options.endless or self._cluster.name not in running_clusters():
                path.unlink(missing_ok=True)
                nursery.start_soon(server.serve, listen_unix(path), path)
            nursery.start_soon(live.watch, nursery)
            nursery.start_soon(self._take_signals, supervisor, driver)
            nursery.start_soon(self._show, supervisor)
            try:
                await driver.run()
            finally:
                nursery.cancel_scope.cancel()

    async def _take_signals(self, supervisor: Supervisor, driver: ActorDriver) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                self._progress.say(f"{signal.Signals(number).name}: every process is stopped")
                supervisor.abort()
                driver.post(DeadlinePassed())

    async def _show(self, supervisor: Supervisor) -> None:
        while True:
            self._progress.watch(lambda: _describe(supervisor))
            await trio.sleep(0.2)

    def _observe(self, what: str, text: str) -> None:
        self._progress.observe(what, text)
        if what == "workload":
            self.when_up()
        elif what == "settle" and self._options.weigh:
            self.guest_memory_bytes = self._live.proportional_memory(
                [f"{each.host}/dom{each.domid}" for each in self.supervisor.guests.values()]
            )

    def _prepare(self) -> dict[tuple[str, str], list[Journal]]:
        journals: dict[tuple[str, str], list[Journal]] = {}
        for host in self._cluster.hosts:
            self._run_directory.make_images(host)
            for guest in host.guests:
                journals[host.name, str(guest["name"])] = self._run_directory.make_journals(host, guest)
        return journals

    def _surroundings(self, host: ResolvedHost, origin_ns: int) -> Surroundings:
        _, fd = SharedMemory.create(host.memory_pages)
        os.set_inheritable(fd, True)
        return Surroundings(host.name, str(self.directory), fd, host.memory_pages, origin_ns)

    def _serve_metrics(self, supervisor: Supervisor) -> list[tuple[WSGIServer, Thread]]:
        servers = []
        for host in self._cluster.hosts:
            registry = HostCollector(supervisor, host.name, time.monotonic_ns).registry()
            try:
                server, thread = start_http_server(host.metrics_port, addr="127.0.0.1", registry=registry)
            except OSError as error:
                raise CannotStart(
                    f"{host.name}: metrics_port {host.metrics_port}: {error.strerror}; 0 takes any free port"
                ) from error
            self.metrics_urls[host.name] = f"http://127.0.0.1:{server.server_port}/metrics"
            servers.append((server, thread))
        return servers


def _describe(supervisor: Supervisor) -> str:
    guests = supervisor.guests.values()
    answered = sum(each.completed for each in guests)
    waiting = [name for each in supervisor.injections if each.is_open for name in each.waiting_for]
    text = f"{answered:,} requests answered"
    return (
        f"{text}; waiting for {', '.join(waiting[:4])}{' ...' if len(waiting) > 4 else ''}"
        if waiting
        else text
    )


def start_detached(cluster: ResolvedCluster, options: SessionOptions) -> Path:
    """Start a cluster in the background; its run directory, once the guests work. CannotStart if it fails."""
    if cluster.name in running_clusters():
        raise CannotStart(f"a cluster named {cluster.name!r} runs already; `domzero down` stops it")
    from_child, to_parent = os.pipe()
    pid = os.fork()
    if pid:
        os.close(to_parent)
        with os.fdopen(from_child) as pipe:
            word, _, text = pipe.read().partition(" ")
        if word != "up":
            raise CannotStart(text or "the cluster ended before it was up")
        return Path(text)
    os.close(from_child)
    os.setsid()
    code = 255
    try:
        code = _run_detached(cluster, options, to_parent)
    finally:
        os._exit(code)


def _run_detached(cluster: ResolvedCluster, options: SessionOptions, to_parent: int) -> int:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1):
        os.dup2(null, fd)
    try:
        session = Session(cluster, options, Progress.silent())
        log = os.open(session.directory / "logs" / "session.log", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(log, 2)

        def tell() -> None:
            nonlocal to_parent
            if to_parent >= 0:
                os.write(to_parent, f"up {session.directory}".encode())
                os.close(to_parent)
                to_parent = -1

        session.when_up = tell
        return session.run().exit_code
    except Exception as error:
        if to_parent >= 0:
            os.write(to_parent, f"failed {error}".encode())
        print(error, file=sys.stderr)
        raise
