"""Two runs of the bench are held against each other; nothing is measured here."""

import io
import itertools
from dataclasses import replace

import pytest
from rich.console import Console

from cluster.studies.bench.comparison import REPEATS_LEAST, Finding, compare
from cluster.studies.bench.computer import Computer
from cluster.studies.bench.results import Measurements, Result, Sample

HERE = Computer("x86_64", "a model", 2, "6.1", "3.11.7", "0.35.0", "1.2.4")
CALM = (0.98, 0.99, 1.0, 1.01, 1.02)


def result(ratio, spread=CALM, unit="us", name="vbd.read", floor=10.0):
    return Result.of(name, "free", unit, [Sample(ratio * each * floor, floor) for each in spread])


def run(*results, machine=HERE):
    return Measurements(machine, list(results))


def found(then, now, margin=1.1, only=()):
    return compare(then, now, only=only, margin=margin)


@pytest.mark.parametrize(
    ("then", "now", "margin", "finding", "code"),
    [
        (result(2.0), result(2.0), 1.1, Finding.noise, 0),
        (result(2.0), result(2.05), 1.1, Finding.noise, 0),
        (result(2.0), result(2.1), 1.1, Finding.within_margin, 0),
        (result(2.0), result(2.5), 1.1, Finding.worse, 1),
        (result(2.0), result(2.5), 1.5, Finding.within_margin, 0),
        (result(2.0), result(1.5), 1.1, Finding.better, 0),
        (result(2.0), result(4.0, (0.4, 0.8, 1, 1.2, 1.6)), 1.1, Finding.noise, 0),
        (result(2.0, (0.5, 1, 1, 1, 2.5)), result(4.0), 1.1, Finding.noise, 0),
        (result(0.6, unit="1/s"), result(0.4, unit="1/s"), 1.1, Finding.worse, 1),
        (result(0.6, unit="1/s"), result(0.9, unit="1/s"), 1.1, Finding.better, 0),
        (result(2.0), result(2.5, CALM[1:]), 1.1, Finding.few, 2),
        (result(2.0, CALM[1:]), result(2.0), 1.1, Finding.few, 2),
        (result(-0.1), result(2.0), 1.1, Finding.no_ratio, 2),
    ],
)
def test_a_ratio_is_worse_beyond_the_spread_and_the_margin(then, now, margin, finding, code):
    comparison = found(run(then), run(now), margin)
    assert [each.finding for each in comparison.rows] == [finding]
    assert comparison.exit_code == code


def test_ratios_are_compared_and_not_seconds():
    (row,) = found(run(result(2.0, floor=10.0)), run(result(2.0, floor=30.0))).rows
    assert (row.finding, row.worse) == (Finding.noise, pytest.approx(1))


def test_a_repeat_is_held_against_the_floor_beside_it():
    loaded = Result.of("vbd.read", "free", "us", [Sample(20 * load, 10 * load) for load in (1, 1, 2, 3, 5)])
    assert (loaded.ratio, loaded.ratio_min, loaded.ratio_max) == (2, 2, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"processor": "aarch64"}, ["processor aarch64 then, x86_64 now"]),
        ({"cores": 8}, ["cores 8 then, 2 now"]),
        ({"python": "3.12.1"}, ["Python 3.12 then, 3.11 now"]),
        ({"python": "3.11.2", "kernel": "5.4", "model": "another", "trio": "0.30.0"}, []),
    ],
)
def test_another_computer_is_never_passed(change, said):
    comparison = found(run(result(2.0), machine=replace(HERE, **change)), run(result(1.0)))
    assert comparison.differences == said
    assert comparison.exit_code == (2 if said else 0)
    assert comparison.rows[0].finding == (Finding.elsewhere if said else Finding.better)


def test_what_only_one_of_them_has_is_unknown_and_a_worse_one_outweighs_it():
    then, now = run(result(2.0), result(2.0, name="old")), run(result(2.0), result(2.0, name="new"))
    comparison = found(then, now)
    assert {each.name: each.finding for each in comparison.rows} == {
        "vbd.read": Finding.noise,
        "new": Finding.not_recorded,
        "old": Finding.not_measured,
    }
    assert comparison.exit_code == 2
    now.results[0] = result(9.0)
    assert found(then, now).exit_code == 1


def test_what_is_not_asked_for_is_not_missed_but_nothing_at_all_has_not_passed():
    then = run(result(2.0), result(2.0, name="guest.boot"))
    assert found(then, run(result(2.0)), only=("vbd.",)).exit_code == 0
    assert found(run(), run()).exit_code == 2


def test_every_finding_is_shown_with_what_all_comes_to():
    out = io.StringIO()
    then, now = run(result(2.0), result(1.0, name="b")), run(result(2.5), result(1.0, name="c"))
    found(then, now).print_table(Console(file=out, width=200))
    lines = [" ".join(each.split()) for each in out.getvalue().splitlines()]
    assert lines == [
        "benchmark mode then now change finding",
        "vbd.read free 2.00 2.50 1.25 x worse worse",
        "c free 1.00 unknown: not recorded",
        "b free 1.00 unknown: not measured",
        "1 of 1 worse by more than 1.1 times; 2 unknown",
    ]


def test_chance_finds_one_figure_of_252_worse():
    orders = list(itertools.combinations(range(2 * REPEATS_LEAST), REPEATS_LEAST))
    worse = 0
    for now in orders:
        then = [place for place in range(2 * REPEATS_LEAST) if place not in now]
        of_then, of_now = (result(1.0, [1 + place for place in places]) for places in (then, now))
        (row,) = found(run(of_then), run(of_now)).rows
        worse += row.finding == Finding.worse
    assert (worse, len(orders)) == (1, 252)
