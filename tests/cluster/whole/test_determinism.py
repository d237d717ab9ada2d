"""A simulated run is a function of its configuration and its seed, down to the last byte of the trace."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def busy(scenarios, variant):
    """Everything that could bring disorder: two hosts, a store domain, a guest and dom0 that die."""
    return variant(
        scenarios["two-hosts"],
        name="busy",
        host={"xenstore": "stubdom", "disks": [{"name": "sda"}, {"name": "sdb", "trigger": "edge"}]},
        faults=(
            {"kind": "crash", "target": "host0/dom0", "at": "100ms"},
            {"kind": "crash", "target": "host1/web-1", "at": "120ms"},
        ),
        duration="200ms",
        survivors=3,
    )


def test_the_same_seed_gives_the_same_trace(busy, laboratory) -> None:
    first = laboratory.simulate(busy, trace=True, out="first", invariants=False)
    second = laboratory.simulate(busy, trace=True, out="second", invariants=False)

    trace = (first.directory / "trace.log").read_bytes()
    assert len(trace) > 100_000
    assert trace == (second.directory / "trace.log").read_bytes()
    assert first.report.to_dict() == second.report.to_dict()
    for log in sorted((first.directory / "logs").iterdir()):
        assert log.read_bytes() == (second.directory / "logs" / log.name).read_bytes()


def test_another_seed_gives_another_trace(busy, laboratory) -> None:
    first = laboratory.simulate(busy, trace=True, out="first", invariants=False)
    other = laboratory.simulate(busy, trace=True, out="other", seed=2, invariants=False)

    assert (first.directory / "trace.log").read_bytes() != (other.directory / "trace.log").read_bytes()
    assert first.facts() == other.facts()


def test_neither_the_hash_seed_nor_the_process_matters(busy, laboratory) -> None:
    here = laboratory.simulate(busy, trace=True, out="here", invariants=False)

    file, there = laboratory.write(busy), laboratory.folder / "there"
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "cluster.command.cli",
            "run",
            file,
            "--driver",
            "simulated",
            "--trace",
            "--out",
            there,
        ],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr.decode()
    assert (there / "trace.log").read_bytes() == (here.directory / "trace.log").read_bytes()


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_other_seeds_end_as_well(seed: int, scenarios, laboratory) -> None:
    scenario = scenarios["three-crashes"]

    run = laboratory.simulate(scenario, seed=seed)

    assert run.facts() == scenario.expected(), run.story()
