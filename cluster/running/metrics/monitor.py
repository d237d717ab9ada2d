"""Prometheus and Grafana for one cluster, out of what is installed: `domzero monitor FILE`.

Rules: everything they write is in a folder that goes with them; both listen on free ports of 127.0.0.1;
what was started here is stopped, whatever happens. The cluster may start before, after, and again.
Source: the command lines of Prometheus 2 and 3 and of Grafana 10 to 12; Grafana's GF_ variables.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from cluster.lab.config.resolved import ResolvedCluster
from cluster.running.control.interruption import Interruption
from cluster.running.control.preflight import LOCALHOST, CannotStart
from cluster.running.metrics.discovery import targets_path

READY_LIMIT_S: Final = 60
STOP_LIMIT_S: Final = 15
POLL_S: Final = 0.1
GRAFANA_HOMES: Final = ("/usr/share/grafana", "/usr/local/share/grafana")


class MonitorEndedError(Exception):
    """Prometheus or Grafana has ended by itself; the text says which, and its last words."""


@dataclass(slots=True)
class Program:
    """One of the two, running."""

    name: str
    url: str
    ready_path: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """MonitorEndedError if it runs no more."""
        if self.process.poll() is not None:
            words = self.log.read_text(errors="replace").splitlines()[-3:]
            raise MonitorEndedError(
                f"{self.name} has ended (status {self.process.returncode}): {' | '.join(words)}"
            )

    def wait_until_ready(self) -> None:
        """MonitorEndedError if it does not get so far."""
        end_s = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < end_s:
            self.check()
            try:
                urllib.request.urlopen(self.url + self.ready_path, timeout=1).close()  # noqa: S310 (ours)
            except OSError:
                wait_for(self.process, POLL_S)
            else:
                return
        raise MonitorEndedError(f"{self.name} was not ready within {READY_LIMIT_S} s; see {self.log}")

    def stop(self) -> None:
        """Ask it to end, then make it."""
        if self.process.poll() is None:
            self.process.terminate()
            if not wait_for(self.process, STOP_LIMIT_S):
                self.process.kill()
                self.process.wait()


def wait_for(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process has ended within that time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def prometheus_configuration(
    cluster: ResolvedCluster, rules: Path, *, scrape_interval: str = "1s"
) -> dict[str, object]:
    """What Prometheus is told; JSON is YAML. A host with a port of its own is known before it runs."""
    fixed = [f"{LOCALHOST}:{host.metrics_port}" for host in cluster.hosts if host.metrics_port]
    return {
        "global": {
            "scrape_interval": scrape_interval,
            "scrape_timeout": scrape_interval,
            "evaluation_interval": "5s",
        },
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": "domzero",
                "static_configs": [{"targets": fixed}],
                "file_sd_configs": [{"files": [str(targets_path(cluster.name))], "refresh_interval": "5s"}],
            }
        ],
    }


class Monitor:
    """Starts both for a cluster. `say` is told what runs where."""

    def __init__(self, cluster: ResolvedCluster, say: Callable[[str], None]) -> None:
        """CannotStart if Prometheus is not installed."""
        self._cluster = cluster
        self._say = say
        self._programs: list[Program] = []
        found = shutil.which("prometheus")
        if found is None:
            raise CannotStart("prometheus is not installed; `apt-get install prometheus` brings it")
        self._prometheus: str = found

    def run(self, wait: Callable[[float], bool]) -> None:
        """Start, then watch until `wait(seconds)` says that somebody wants the end. MonitorEndedError."""
        with (
            tempfile.TemporaryDirectory(prefix="domzero-monitor-") as folder,
            as_file(files("grafana")) as sources,
        ):
            try:
                self._start(Path(folder), sources)
                while not wait(POLL_S * 5):
                    for each in self._programs:
                        each.check()
            finally:
                for each in reversed(self._programs):
                    each.stop()

    def _start(self, folder: Path, sources: Path) -> None:
        prometheus = self._start_prometheus(folder, sources)
        prometheus.wait_until_ready()
        self._say(f"prometheus: {prometheus.url}")
        grafana = self._start_grafana(folder, sources, prometheus.url)
        if grafana is None:
            self._say("grafana: not installed; grafana/README.md says how to look at the dashboards")
            return
        grafana.wait_until_ready()
        self._say(f"grafana: {grafana.url}/d/domzero-cluster")

    def _start_prometheus(self, folder: Path, sources: Path) -> Program:
        configuration = folder / "prometheus.yml"
        rules = sources / "prometheus" / "rules.yml"
        configuration.write_text(json.dumps(prometheus_configuration(self._cluster, rules), indent=1))
        address = f"{LOCALHOST}:{_free_port()}"
        command = [
            self._prometheus,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address={address}",
        ]
        return self._spawn(folder, "prometheus", f"http://{address}", "/-/ready", command, {})

    def _start_grafana(self, folder: Path, sources: Path, prometheus_url: str) -> Program | None:
        found = shutil.which("grafana") or shutil.which("grafana-server")
        if found is None:
            return None
        port = _free_port()
        command = [found, "server"] if Path(found).name == "grafana" else [found]
        home = next((each for each in _grafana_homes(found) if (each / "public").is_dir()), None)
        if home is not None:
            command += ["--homepath", str(home)]
        settings = {
            "DOMZERO_PROMETHEUS_URL": prometheus_url,
            "DOMZERO_DASHBOARDS": str(sources / "dashboards"),
            "GF_PATHS_PROVISIONING": str(sources / "provisioning"),
            "GF_PATHS_DATA": str(folder / "grafana"),
            "GF_PATHS_LOGS": str(folder / "grafana" / "logs"),
            "GF_SERVER_HTTP_ADDR": LOCALHOST,
            "GF_SERVER_HTTP_PORT": str(port),
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        }
        return self._spawn(folder, "grafana", f"http://{LOCALHOST}:{port}", "/api/health", command, settings)

    def _spawn(  # noqa: PLR0917 (what a program is)
        self,
        folder: Path,
        name: str,
        url: str,
        ready_path: str,
        command: list[str],
        settings: dict[str, str],
    ) -> Program:
        log = folder / f"{name}.log"
        with log.open("wb") as out:
            # A session of its own: Ctrl-C is for us, and we stop it then.
            process = subprocess.Popen(  # noqa: S603 (found by name, as configured here)
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **settings},
                start_new_session=True,
            )
        program = Program(name, url, ready_path, process, log)
        self._programs.append(program)
        return program


@contextmanager
def until_interrupted() -> Iterator[Callable[[float], bool]]:
    """`wait(seconds)` for the time of this context: True once SIGINT, SIGTERM or SIGHUP has come."""
    came = threading.Event()
    interruption = Interruption()
    interruption.ask = came.set
    with interruption:
        yield came.wait


def _grafana_homes(program: str) -> list[Path]:
    """Where its files may be: beside the program, or where packages put them."""
    return [Path(program).resolve().parent.parent, *map(Path, GRAFANA_HOMES)]


def _free_port() -> int:
    with socket.create_server((LOCALHOST, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
