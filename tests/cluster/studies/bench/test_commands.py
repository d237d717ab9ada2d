"""What the command of the bench reads and exits with; nothing is measured here."""

import json

import pytest
from click.testing import CliRunner

from cluster.lab.config.errors import ConfigError
from cluster.studies.bench import commands
from cluster.studies.bench.commands import bench
from cluster.studies.bench.computer import Computer
from cluster.studies.bench.results import Measurements, Result, Sample


def measured(ratio):
    samples = [Sample(ratio * each, 1.0) for each in (98, 99, 100, 101, 102)]
    return Measurements(Computer.here(), [Result.of("vbd.read", "free", "us", samples)])


def told(monkeypatch, ratio, *words):
    monkeypatch.setattr(commands, "run_benchmarks", lambda **_: measured(ratio))
    return CliRunner().invoke(bench, list(words), standalone_mode=False)


@pytest.mark.parametrize(("ratio", "code"), [(1.0, 0), (2.0, 1), (0.5, 0)])
def test_a_recorded_run_is_what_was_printed(tmp_path, monkeypatch, ratio, code):
    file = tmp_path / "recorded.json"
    file.write_text(told(monkeypatch, 1.0, "--json").stdout)
    assert Measurements.read(file) == measured(1.0)
    result = told(monkeypatch, ratio, "--against", str(file))
    assert result.return_value == code
    assert "vbd.read" in result.stdout
    again = told(monkeypatch, ratio, "--against", str(file), "--json")
    assert again.return_value == code
    (row,) = json.loads(again.stdout)["comparison"]["rows"]
    assert row["worse"] == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (None, "cannot be read: no such file"),
        ("{", "no recorded run: Invalid JSON"),
        ('{"machine": {}, "results": []}', "no recorded run: machine.processor: Field required"),
    ],
)
def test_what_is_no_recorded_run_is_refused_before_anything_is_measured(tmp_path, monkeypatch, text, wrong):
    file = tmp_path / "recorded.json"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(commands, "run_benchmarks", lambda **_: pytest.fail("it was measured"))
    result = CliRunner().invoke(bench, ["--against", str(file)], standalone_mode=False)
    assert isinstance(result.exception, ConfigError)
    assert wrong in str(result.exception)
