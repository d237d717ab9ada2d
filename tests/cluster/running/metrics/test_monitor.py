import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.lab.config.resolved import ResolvedCluster
from cluster.running.control.preflight import CannotStart
from cluster.running.metrics.discovery import targets_path
from cluster.running.metrics.monitor import (
    Monitor,
    MonitorEndedError,
    prometheus_configuration,
    until_interrupted,
)

FAKE = """#!{python}
import http.server, json, os, sys, pathlib
name = pathlib.Path(sys.argv[0]).name
told = {{"arguments": sys.argv[1:], "pid": os.getpid(), "environment": dict(os.environ)}}
for each in sys.argv[1:]:
    if each.startswith("--config.file="):
        told["configuration"] = pathlib.Path(each.partition("=")[2]).read_text()
pathlib.Path("{folder}", name + ".json").write_text(json.dumps(told))
if "{failing}" == name:
    print("no such flag")
    sys.exit(3)
address = [each.partition("=")[2] for each in sys.argv if each.startswith("--web.listen-address=")]
port = int(address[0].rpartition(":")[2]) if address else int(os.environ["GF_SERVER_HTTP_PORT"])
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path in ("/-/ready", "/api/health") else 404)
        self.end_headers()
    def log_message(self, *_): ...
http.server.HTTPServer(("127.0.0.1", port), Answers).serve_forever()
"""


pytestmark = pytest.mark.usefixtures("sockets")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put programs that only pretend into an empty PATH; the folder where they say what they got."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def _install(*names: str, failing: str = "") -> Path:
        for name in names:
            text = FAKE.format(python=sys.executable, folder=tmp_path, failing=failing)
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        return tmp_path

    return _install


def told(folder: Path, name: str) -> dict:
    return json.loads((folder / f"{name}.json").read_text())


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_prometheus_it_says_what_to_install(load: Callable[..., ResolvedCluster], install) -> None:
    install()

    with pytest.raises(CannotStart, match="apt-get install prometheus"):
        Monitor(load(), print)


def test_hosts_with_a_port_of_their_own_are_scraped_from_the_start(
    load: Callable[..., ResolvedCluster],
) -> None:
    (job,) = prometheus_configuration(load(("memory: 1GiB", "metrics_port: 9511")), Path("r"))[
        "scrape_configs"
    ]

    assert job["static_configs"] == [{"targets": ["127.0.0.1:9511"]}]
    assert job["file_sd_configs"] == [{"files": [str(targets_path("test"))], "refresh_interval": "5s"}]


@pytest.mark.processes
def test_both_are_started_told_everything_and_stopped(
    load: Callable[..., ResolvedCluster], install: Callable[..., Path]
) -> None:
    folder = install("prometheus", "grafana")
    said: list[str] = []
    answers = iter([False, True])

    Monitor(load(), said.append).run(lambda _seconds: next(answers))

    prometheus, grafana = told(folder, "prometheus"), told(folder, "grafana")
    assert [each.split(": ")[0] for each in said] == ["prometheus", "grafana"]
    assert all("http://127.0.0.1:" in each for each in said)
    assert json.loads(prometheus["configuration"])["rule_files"][0].endswith("grafana/prometheus/rules.yml")
    settings = grafana["environment"]
    assert grafana["arguments"][0] == "server"
    assert settings["DOMZERO_PROMETHEUS_URL"] == said[0].split(": ")[1]
    assert (Path(settings["DOMZERO_DASHBOARDS"]) / "cluster.json").exists()
    assert (Path(settings["GF_PATHS_PROVISIONING"]) / "datasources").is_dir()
    assert settings["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert list(targets_path("test").parent.iterdir()) == [], "nothing is left behind"
    assert not runs(prometheus["pid"])
    assert not runs(grafana["pid"])
    assert not Path(settings["GF_PATHS_DATA"]).parent.exists()


@pytest.mark.processes
def test_without_grafana_there_is_prometheus_alone(
    load: Callable[..., ResolvedCluster], install: Callable[..., Path]
) -> None:
    install("prometheus")
    said: list[str] = []

    Monitor(load(), said.append).run(lambda _seconds: True)

    assert said[1].startswith("grafana: not installed")


@pytest.mark.processes
def test_one_that_ends_by_itself_is_the_end_of_both(
    load: Callable[..., ResolvedCluster], install: Callable[..., Path]
) -> None:
    folder = install("prometheus", "grafana", failing="grafana")

    with pytest.raises(MonitorEndedError, match=r"grafana has ended \(status 3\): no such flag"):
        Monitor(load(), lambda _text: None).run(lambda _seconds: False)

    assert not runs(told(folder, "prometheus")["pid"])


@pytest.mark.processes
def test_the_real_prometheus_takes_what_it_is_given(load: Callable[..., ResolvedCluster]) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    said: list[str] = []
    found: list[dict] = []

    def look(_seconds: float) -> bool:
        url = said[0].split(": ")[1]
        with urllib.request.urlopen(f"{url}/api/v1/rules", timeout=30) as answer:
            found.append(json.load(answer))
        return True

    Monitor(load(), said.append).run(look)

    (group,) = found[0]["data"]["groups"]
    assert group["name"] == "domzero"


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_waiting(number: signal.Signals) -> None:
    with until_interrupted() as wait:
        assert not wait(0)
        os.kill(os.getpid(), number)
        assert wait(30)


@pytest.mark.processes
def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text("name: small\nhosts:\n  - name: host0\n")
    done = subprocess.run(
        [sys.executable, "-m", "cluster.command.cli", "monitor", str(file)],
        env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 254
    assert done.stderr.startswith("domzero: prometheus is not installed")
