"""What is written for programs has the fields that the documentation names, and no others."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster.command.cli import cli
from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.host_clock import ClockGap
from cluster.lab.verdict.report import facts_of, report_of
from cluster.running.drivers.simulated import run_simulated
from tests.cluster.studies.matrix.conftest import TEXT as MATRIX
from tests.shell import Shell, socket_folder

ROOT = Path(__file__).parents[2]
CONFIG = """\
name: small
run: {duration: 1s, settle: 5s}
hosts:
  - name: host0
    memory: 256MiB
    dom0: {memory: 64MiB}
    disks: [{name: sda}, {name: sdb}]
    driver_domains: [{name: storage, disks: [sdb]}]
    guests:
      - xl: web.cfg
        workload: {kind: random, rate: 200/s}
faults:
  - {kind: crash, target: host0/dom0, at: 300ms}
expect: {survivors: all, lost: 0}
"""
GUEST = "name = 'web'\nmemory = 16\ndisk = ['web.img,raw,xvda,rw']\n"
BY_NAME = {"failed", "unknown", "dependencies"}
"""Maps whose keys are names, not fields."""


def documented(page: str, title: str) -> set[str]:
    """The fields in the tables below a title, those of a list with its name before them."""
    (body,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", (ROOT / page).read_text(), re.M | re.S)
    found = set()
    for part in re.split(r"^### ", body, flags=re.M):
        match = re.match(r"`(\w+\[\])`", part)
        before = f"{match[1]}." if match else ""
        found |= {before + field for field in re.findall(r"^\| `([\w.\[\]]+)` \|", part, re.M)}
    return found


def fields(data: object, path: str = "") -> Iterator[str]:
    """Every field that holds something other than maps; lists of maps as `name[]`."""
    if isinstance(data, dict) and path.rpartition(".")[2] not in BY_NAME:
        for key, value in data.items():
            yield from fields(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list) and any(isinstance(each, dict) for each in data):
        for each in data:
            yield from fields(each, f"{path}[]")
    elif path:
        yield path


@pytest.fixture
def folder() -> Iterator[Path]:
    with socket_folder() as folder:
        (folder / "small.yaml").write_text(CONFIG)
        (folder / "web.cfg").write_text(GUEST)
        (folder / "web.img").write_bytes(bytes(1 << 20))
        yield folder


@pytest.fixture
def domzero(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_run_json(domzero) -> None:
    report = json.loads(domzero("run", "small.yaml", "--driver", "simulated", "--out", "out", "--json"))
    cluster = load_cluster(Path("small.yaml"))
    supervisor, read_volume = run_simulated(cluster, lambda _what, _text: None, None, trace=False)
    gap = ClockGap("workload", 1, 2, 0, 1, ("1",))
    stopped = report_of(replace(facts_of(cluster, "simulated", supervisor), clock_gaps=[gap]), read_volume)

    assert report["clock_gaps"] == []
    found = {*fields(report), *fields(stopped.to_dict())} - {"clock_gaps"}
    assert found == documented("docs/run-json.md", "`run.json`")


def test_timeline_json(domzero, folder: Path) -> None:
    domzero("run", "small.yaml", "--driver", "simulated", "--out", "out")

    found = json.loads((folder / "out/timeline.json").read_text())

    assert set(fields(found)) == documented("docs/run-json.md", "`timeline.json`")


def test_the_list_of_runs(domzero, folder: Path) -> None:
    domzero("run", "small.yaml", "--driver", "simulated", "--out", "out")

    found = json.loads(domzero("runs", "list", "--in", str(folder), "--json"))

    assert set(fields(found)) == documented("docs/run-json.md", "`runs list --json`")


def test_the_results_of_a_sweep(domzero, folder: Path) -> None:
    domzero("sweep", "small.yaml", "--seeds", "0:2", "--jobs", "1", "--out", "results.jsonl")

    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]

    assert {each for line in lines for each in fields(line)} == documented(
        "docs/run-json.md", "Results of a sweep"
    )


def test_matrix_json(domzero, folder: Path) -> None:
    (folder / "matrix.yaml").write_text(MATRIX)
    domzero("matrix", "matrix.yaml", "--cells", "*/*/reconnect", "--jobs", "1", "--out", "cells")

    found = json.loads((folder / "cells/matrix.json").read_text())

    del found["live"]
    assert set(fields(found)) == documented("docs/run-json.md", "`matrix.json`")


@pytest.mark.processes
def test_about_json_and_the_status_of_a_cluster(folder: Path) -> None:
    shell = Shell(folder, CONFIG)
    shell.said("up", "small.yaml", "-d", "--out", "out")
    try:
        status = json.loads(shell.said("status", "--json"))
    finally:
        shell.said("down")
    about = json.loads((folder / "out/about.json").read_text())

    assert set(fields(status)) == documented("docs/run-json.md", "`status --json`")
    assert set(fields(about)) == documented("docs/run-directory.md", "`about.json`")
