"""Samples over time, and the OpenMetrics text made of them."""

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from cluster.running.metrics import samples as samples_module
from cluster.running.metrics.openmetrics import openmetrics_of
from cluster.running.metrics.samples import FILE, SampleWriter

ROW = re.compile(r"(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+) (?P<time>\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Host(Collector):
    """A host whose metrics the test moves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.boots = 1
        self.guests = ["web"]

    def collect(self) -> Iterator[Metric]:
        boots = CounterMetricFamily("x_boots", 'How "often".', labels=["host"])
        boots.add_metric([self.name], self.boots)
        yield boots
        up = GaugeMetricFamily("x_up", "Whether.", labels=["host", "guest"])
        for guest in self.guests:
            up.add_metric([self.name, guest], 1)
        yield up
        latency = HistogramMetricFamily("x_seconds", "How long.", labels=["host"], unit="seconds")
        latency.add_metric([self.name], [("0.5", self.boots), ("+Inf", self.boots)], sum_value=0.25)
        yield latency


class Run:
    """A run with two hosts, sampled once a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = [Host("host0"), Host("host1")]
        self.now_s = 1_700_000_000.0
        registries = []
        for host in self.hosts:
            registry = CollectorRegistry()
            registry.register(host)
            registries.append(registry)
        self.file = (folder / FILE).open("w")
        self.samples = SampleWriter(self.file, registries, lambda: self.now_s)

    def take(self) -> None:
        self.samples.take()
        self.now_s += 1

    def values(self, sample: str, **labels: str) -> list[tuple[float, float]]:
        """(time, value) of one series. The library's parser drops buckets at the second time they come."""
        if not self.file.closed:
            self.file.flush()
        found = []
        for line in openmetrics_of(self.folder).splitlines():
            row = ROW.fullmatch(line)
            if row and row["name"] == sample and dict(LABEL.findall(row["labels"])).items() >= labels.items():
                found.append((float(row["time"]), float(row["value"])))
        return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    made.file.close()


def test_values_come_with_the_time_at_which_they_were_so(run: Run) -> None:
    run.take()
    run.hosts[0].boots = 2
    run.take()
    assert run.values("x_boots_total", host="host0") == [(1_700_000_000, 1), (1_700_000_001, 2)]
    assert run.values("x_boots_total", host="host1") == [(1_700_000_000, 1)]
    assert run.values("x_seconds_bucket", host="host0", le="0.5") == [(1_700_000_000, 1), (1_700_000_001, 2)]


def test_series_that_appear_later_are_kept_too(run: Run) -> None:
    run.take()
    run.hosts[1].guests.append("db")
    run.take()
    assert run.values("x_up", guest="db") == [(1_700_000_001, 1)]


def test_a_value_that_does_not_change_is_told_again_in_time_and_at_the_end(run: Run) -> None:
    for _ in range(62):
        run.take()
    assert [at for at, _ in run.values("x_up", host="host0")] == [1_700_000_000, 1_700_000_060]
    run.now_s = 1_700_000_070
    run.samples.close()
    assert run.values("x_up", host="host0")[-1] == (1_700_000_070, 1)


def test_families_of_two_hosts_stand_together(run: Run) -> None:
    run.take()
    text = openmetrics_of(run.folder)
    assert text.count("# TYPE x_boots counter") == 1
    assert text.endswith("# EOF\n")


def test_a_run_that_was_cut_short_is_exported_as_far_as_it_went(run: Run) -> None:
    run.take()
    path = run.folder / FILE
    whole = path.read_text()
    for end in range(0, len(whole), 7):
        path.write_text(whole[:end])
        assert openmetrics_of(run.folder).endswith("# EOF\n")


def test_the_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples_module, "LIMIT_BYTES", 100)
    registry = CollectorRegistry()
    host = Host("host0")
    registry.register(host)
    file = io.StringIO()
    samples = SampleWriter(file, [registry], lambda: 5.0)
    for _ in range(100):
        host.boots += 1
        samples.take()
    assert samples.count == 1


@pytest.mark.parametrize(
    "line",
    ["[]", "{}", "nonsense", '{"at": 5, "values": {"7": 1}}', '{"at": 5, "values": {"x": 1}}', "[1, 2, 3]"],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE).write_text(f'["x", "gauge", "text"]\n{line}\n')
    with pytest.raises(click.UsageError, match=f"{FILE}:2"):
        openmetrics_of(tmp_path)


def test_a_run_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="runs with real processes keep samples"):
        openmetrics_of(tmp_path)


def test_promtool_makes_blocks_of_it(run: Run, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian package prometheus) is not installed")
    for _ in range(3):
        run.hosts[0].boots += 1
        run.take()
    run.samples.close()
    text = tmp_path / "run.om"
    text.write_text(openmetrics_of(run.folder))
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(text), str(tmp_path / "blocks")]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert made.returncode == 0, made.stderr
    command = [promtool, "tsdb", "list", str(tmp_path / "blocks")]
    (block,) = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()[1:]
    series = 2 * (1 + 1 + 4)
    assert block.split()[6] == str(series), block
