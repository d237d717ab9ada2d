"""Which figures there are, and what is made of their repeats; how great they are is not checked here."""

import io

import click
import pytest
from rich.console import Console

from cluster.studies.bench import figures
from cluster.studies.bench.figures import FREE, Benchmark, benchmark_names, run_benchmarks
from cluster.studies.bench.results import Sample


def taken(monkeypatch, only, benchmark, repeats=3):
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
    (found,) = taken(monkeypatch, "a.ot", benchmark)
    assert (found.name, found.mode, found.unit) == ("a.other", "free", "ms")
    assert (found.median, found.min, found.max, found.floor, found.ratio) == (20, 10, 30, 2, 10)


def test_the_slope_of_recovery_is_what_a_further_guest_adds(monkeypatch):
    monkeypatch.setattr(figures, "recovery", lambda _way, count: 40 + 5 * count)
    monkeypatch.setattr(figures, "spawn_floor", lambda: 1)
    benchmark = next(each for each in figures.benchmarks() if "recovery.resume.slope" in each.names())
    found = {each.name: each.median for each in taken(monkeypatch, "", benchmark, repeats=1)}
    assert found == {
        "recovery.resume.1": 45,
        "recovery.resume.8": 80,
        "recovery.resume.32": 200,
        "recovery.resume.slope": pytest.approx(5),
    }


def test_a_prefix_of_no_figure_is_refused():
    with pytest.raises(click.UsageError, match=r"there are hypercall\.rtt"):
        run_benchmarks(only="hyperspace", repeats=1, console=Console(file=io.StringIO()))
