"""A real Prometheus beside a real crash: started, scraping, and asked afterwards."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest

from actors.runtime.simulation import Simulation
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.drivers.simulated import RunObserver, run_simulated
from cluster.running.metrics import host_metrics, samples
from cluster.running.metrics.host_metrics import HostCollector
from cluster.running.metrics.monitor import Program, prometheus_configuration, wait_for
from cluster.running.metrics.openmetrics import openmetrics_of
from cluster.running.metrics.samples import FILE, SampleWriter
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions
from tests.shell import socket_folder

ROOT = Path(__file__).parent.parent.parent / "grafana"
SCRAPE_S = 0.2
CONFIGURATION = {
    "name": "scraped",
    "run": {"duration": "6s", "settle": "10s"},
    "metrics": {"interval": "200ms"},
    "hosts": [
        {
            "name": "host0",
            "memory": "64MiB",
            "dom0": {"memory": "16MiB"},
            "watchdog": "1s",
            "disks": [{"name": "sda"}],
            "nics": [{"name": "eth0"}],
            "guests": [
                {
                    "name": "web",
                    "count": 2,
                    "memory": "4MiB",
                    "disks": [{"vdev": "xvda", "size": "256KiB"}],
                    "networks": [{}],
                    "workload": {"depth": 4, "read_share": 0.5, "flush_every": 16, "rate": "150/s"},
                    "talks": [{"kind": "stream", "serve": True}],
                },
                {
                    "name": "chat",
                    "memory": "4MiB",
                    "networks": [{}],
                    "talks": [
                        {"kind": "stream", "to": "host0/web-0", "bandwidth": "100kbit", "block": "1KiB"}
                    ],
                },
            ],
        }
    ],
    "faults": [
        {"kind": "hang", "target": "host0/dom0", "at": "2s"},
        {"kind": "crash", "target": "host0/web-1", "at": "4500ms"},
    ],
    "expect": {"lost": 0},
}

Series = list[dict[str, object]]


def installed(program: str) -> str:
    """The path of a program, or a skipped test."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that runs."""

    url: str

    def ask(self, path: str, **parameters: object) -> object:
        """What the API answers; an error of the query is an AssertionError."""
        query = urllib.parse.urlencode({key: str(value) for key, value in parameters.items()})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def at(self, expression: str, when_s: float) -> Series:
        """Evaluate at one moment."""
        return self.ask("query", query=expression, time=when_s)["result"]

    def over(self, expression: str, start_s: float, end_s: float) -> Series:
        """Evaluate over a range."""
        found = self.ask("query_range", query=expression, start=start_s, end=end_s, step=SCRAPE_S)
        return found["result"]


@dataclass(frozen=True, slots=True)
class CrashRun:
    """A run that was scraped; times as Unix seconds."""

    prometheus: Prometheus
    start_s: float
    end_s: float
    offset_s: float
    faults: list[Injection]

    def unix_s(self, at_ns: int) -> float:
        return at_ns / 1e9 + self.offset_s

    @property
    def outage_s(self) -> float:
        """A moment while dom0 hangs."""
        hang = self.faults[0]
        assert hang.recovered_at_ns is not None, "dom0 came back"
        return self.unix_s((hang.injected_at_ns + hang.recovered_at_ns) // 2)

    @property
    def after_death_s(self) -> float:
        """A moment after web-1 died for good."""
        return self.unix_s(self.faults[1].injected_at_ns) + 1.0


@pytest.fixture(scope="session")
def sockets() -> Iterator[Path]:
    """A place for control sockets and targets of our own, with a short name."""
    with socket_folder() as base, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(base))
        yield base


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> ResolvedCluster:
    """The cluster of the run; its host has a port of its own, so that it is scraped from the start."""
    file = tmp_path_factory.mktemp("described") / "scraped.yaml"
    (host,) = CONFIGURATION["hosts"]
    configuration = {**CONFIGURATION, "hosts": [{**host, "metrics_port": free_port()}]}
    file.write_text(json.dumps(configuration))
    return load_cluster(file)


@contextmanager
def started(folder: Path, configuration: dict[str, object]) -> Iterator[tuple[Prometheus, Program]]:
    """A Prometheus that keeps everything in a folder; what is in its `data` already is there."""
    program = installed("prometheus")
    file = folder / "prometheus.yml"
    file.write_text(json.dumps(configuration))
    address = f"127.0.0.1:{free_port()}"
    log_path = folder / "prometheus.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [
                program, f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    running = Program("prometheus", f"http://{address}", "/-/ready", process, log_path)
    try:
        running.wait_until_ready()
        yield Prometheus(running.url), running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def prometheus(sockets: Path, described: ResolvedCluster) -> Iterator[Prometheus]:
    (sockets / f"domzero-{os.getuid()}").mkdir(mode=0o700)
    rules = ROOT / "prometheus" / "rules.yml"
    interval = f"{int(SCRAPE_S * 1000)}ms"
    with started(sockets, prometheus_configuration(described, rules, scrape_interval=interval)) as found:
        prometheus, program = found
        # It looks at what is to be scraped once in five seconds, and that begins now.
        while not prometheus.ask("targets", state="active")["activeTargets"]:
            assert not wait_for(program.process, 0.1), program.log.read_text()
        yield prometheus


@pytest.fixture(scope="session")
def crash_run(
    prometheus: Prometheus, described: ResolvedCluster, tmp_path_factory: pytest.TempPathFactory
) -> CrashRun:
    """dom0 hangs until its watchdog fires, comes back, and a guest dies for good; all under observation."""
    out = tmp_path_factory.mktemp("scraped") / "run"
    session = Session(described, SessionOptions(out=out), Progress.silent())
    offset_s = time.time() - time.monotonic()
    report = session.run()
    assert report.to_dict()["guests"][0]["survived"], "web-0 lived through it"
    supervisor = session.supervisor
    began_s = supervisor.phases.workload_began_ns / 1e9 + offset_s
    return CrashRun(prometheus, began_s + 1, began_s + 6, offset_s, supervisor.injections)


@dataclass(frozen=True, slots=True)
class Recording:
    """A simulated run as it was scraped, in a Prometheus. Times are seconds since its beginning."""

    prometheus: Prometheus
    began_s: float
    supervisor: Supervisor

    def at(self, expression: str, when_s: float) -> list[float]:
        """The values of an expression, as a panel has them that is looked at then."""
        found = self.prometheus.at(expression, self.began_s + when_s)
        return [float(each["value"][1]) for each in found]


class Scraper(RunObserver):
    """Scrapes every host of a simulation once in so many seconds, from its very beginning on."""

    def __init__(self, file: TextIO, interval_s: float, began_s: float) -> None:
        self._interval_ns = int(interval_s * 1e9)
        self._began_s = began_s
        self._file = file

    def begins(self, simulation: Simulation, supervisor: Supervisor) -> None:
        self._simulation = simulation
        collectors = [
            HostCollector(supervisor, name, lambda: simulation.now_ns) for name in supervisor.lab.boards
        ]
        self._samples = SampleWriter(self._file, [each.registry() for each in collectors], self.time)
        self._scrape()

    def time(self) -> float:
        """What a clock on the wall shows in the simulation."""
        return self._began_s + self._simulation.now_ns / 1e9

    def _scrape(self) -> None:
        self._samples.take()
        self._simulation.call_at(self._simulation.now_ns + self._interval_ns, self._scrape)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Recording]]:
    """Simulate a configuration, scraped once in `interval_s`, and have a real Prometheus with that."""
    promtool = installed("promtool")
    with ExitStack() as stack:

        def recorded(configuration: dict[str, object], interval_s: float) -> Recording:
            folder = tmp_path / f"recording-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            (folder / "run.yaml").write_text(json.dumps(configuration))
            began_s = time.time() - 3600
            monkeypatch.setattr(samples, "REPEAT_S", 0)
            cluster = load_cluster(folder / "run.yaml").placed(folder / "images")
            with (folder / FILE).open("w") as file:
                scraper = Scraper(file, interval_s, began_s)
                monkeypatch.setattr(host_metrics, "time", scraper)
                supervisor, _ = run_simulated(
                    cluster, lambda _what, _text: None, None, trace=False, observer=scraper
                )
            text = folder / "run.om"
            text.write_text(openmetrics_of(folder))
            command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data")]
            subprocess.run(command, capture_output=True, check=True, timeout=120)
            found, _ = stack.enter_context(started(folder, {"scrape_configs": []}))
            return Recording(found, began_s, supervisor)

        yield recorded
