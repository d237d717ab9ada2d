"""Which figures there are, and what is made of their repeats; how great they are is not checked here."""

import io

import click
import pytest
from rich.console import Console

from cluster.studies.bench import figures, floors, simulation
from cluster.studies.bench.figures import FREE, Benchmark, benchmark_names, run_benchmarks
from cluster.studies.bench.results import Sample
from cluster.studies.bench.simulation import SimulatedRun


def taken(monkeypatch, benchmark, *only, repeats=3):
    monkeypatch.setattr(figures, "benchmarks", lambda: [benchmark])
    return run_benchmarks(only=only, repeats=repeats, console=Console(file=io.StringIO())).results


def test_no_two_figures_have_one_name():
    names = benchmark_names()
    assert len(set(names)) == len(names)
    assert {f"recovery.{way}.{of}" for way in ("resume", "loaded.resume") for of in (1, 8, 32, "slope")} < {
        *names
    }


def test_what_is_measured_together_is_shown_as_far_as_it_is_asked_for(monkeypatch):
    repeats = iter([(3, 30), (1, 10), (2, 20)])
    benchmark = Benchmark(
        (("a.one", "us"), ("a.other", "ms")), lambda: [Sample(each, 2) for each in next(repeats)], FREE
    )
    (found,) = taken(monkeypatch, benchmark, "a.ot")
    assert (found.name, found.mode, found.unit) == ("a.other", "free", "ms")
    assert (found.median, found.min, found.max, found.floor, found.ratio) == (20, 10, 30, 2, 10)


def test_the_slope_of_recovery_is_what_a_further_guest_adds(monkeypatch):
    monkeypatch.setattr(figures, "recovery", lambda _way, count: 40 + 5 * count)
    monkeypatch.setattr(figures, "spawn_ms", lambda: 1)
    benchmark = next(each for each in figures.benchmarks() if "recovery.resume.slope" in each.names())
    found = {each.name: each.median for each in taken(monkeypatch, benchmark, repeats=1)}
    assert found == {
        "recovery.resume.1": 45,
        "recovery.resume.8": 80,
        "recovery.resume.32": 200,
        "recovery.resume.slope": pytest.approx(5),
    }


def test_a_prefix_of_no_figure_is_refused():
    with pytest.raises(click.UsageError, match=r"there are guest\.boot"):
        run_benchmarks(only=["hypercall.", "hyperspace"], repeats=1, console=Console(file=io.StringIO()))


def test_a_simulation_is_told_by_events_and_by_work(monkeypatch):
    monkeypatch.setattr(figures, "busy_run", lambda *, invariants: SimulatedRun(3000, 100, 2.0 + invariants))
    monkeypatch.setattr(figures, "echo_rate", lambda: 7000.0)
    checked = next(each for each in figures.benchmarks() if "simulation.rate.checked" in each.names())
    rate, request = taken(monkeypatch, checked)
    assert (rate.median, rate.unit, rate.floor) == (1000, "1/s", 7000)
    assert (request.name, request.median, request.unit) == ("simulation.request.checked", 30_000, "us")
    assert request.floor == pytest.approx(1000), "seven messages of the driver alone"


def test_the_same_work_is_done_with_invariants_and_without(monkeypatch):
    monkeypatch.setattr(simulation, "BUSY", simulation.BUSY.replace("rate: 1000/s", "rate: 20/s"))
    plain, checked = (simulation.busy_run(invariants=each) for each in (False, True))
    assert plain.requests == checked.requests > 100
    assert plain.events == checked.events


def test_every_floor_is_there_to_be_measured():
    assert floors.read_us(2) > 0
    assert floors.spawn_ms() > 0
    assert 0.5 < floors.loop_megabytes(2) < 1000, "a fork shares what the tests have loaded"
