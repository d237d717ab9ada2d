"""What is made of measures over numbers of guests; how great they are is not checked here."""

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from cluster.studies.bench import commands
from cluster.studies.bench import slopes as slopes_module
from cluster.studies.bench.chart import Line, Panel, svg
from cluster.studies.bench.commands import slopes
from cluster.studies.bench.computer import Computer
from cluster.studies.bench.slopes import FORMS, Form, NotMeasured, Point, Slopes, measure_slopes, slope_of


def measured(monkeypatch, measure, most=100, repeats=3):
    form = Form("own", "each a process", (1, 10, 100, 1000), measure)
    monkeypatch.setattr(slopes_module, "FORMS", (form,))
    found, said = Slopes(Computer.here(), repeats), []
    measure_slopes(most, found, lambda *told: said.append(told))
    return found, said


def test_each_number_of_guests_up_to_the_most_is_measured_again_and_again(monkeypatch):
    repeats = iter([1.0, 1.1, 0.9] * 3)

    def measure(count):
        yield "boot", (50 + 2 * count) * next(repeats)

    found, said = measured(monkeypatch, measure)
    assert [each.guests for each in found.points] == [1, 10, 100]
    assert found.points[1] == Point("boot", "own", 10, 70, pytest.approx(63), pytest.approx(77))
    assert slope_of(found.points) == pytest.approx(2)
    assert slope_of(found.points[:1]) is None
    assert said[0] == ("1 guests, each a process, repeat 1 of 3", 0, 9)
    assert said[-1] == ("100 guests, each a process, repeat 3 of 3", 8, 9)


def test_what_cannot_be_measured_is_a_gap_and_the_rest_goes_on(monkeypatch):
    def measure(count):
        yield "boot", 5.0
        if count == 10:
            raise NotMeasured("they did not recover")
        yield "recovery", 7.0

    found, _ = measured(monkeypatch, measure, repeats=1)
    assert [(each.measure, each.guests) for each in found.points] == [
        *(("boot", 1), ("recovery", 1), ("boot", 10)),
        *(("boot", 100), ("recovery", 100)),
    ]
    assert [(each.guests, each.reason) for each in found.gaps] == [(10, "they did not recover")]


def test_guests_that_the_machine_has_no_memory_for_are_not_started(monkeypatch):
    monkeypatch.setattr(slopes_module, "_free_mb", lambda: 2399)
    own = FORMS[0]
    with pytest.raises(NotMeasured, match=r"they need 2,400 MB, and 2,399 are free"):
        list(own.measure(200))


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_is_measured_is_drawn_and_kept(monkeypatch, tmp_path, interrupted):
    def measure(most, found, _progress):
        found.points += [Point("boot", "own", each, 3.0 * each, 2.0 * each, 4.0 * each) for each in (1, most)]
        if interrupted:
            raise KeyboardInterrupt

    monkeypatch.setattr(commands, "measure_slopes", measure)
    out = tmp_path / "drawn.svg"
    result = CliRunner().invoke(slopes, ["--out", str(out), "--most", "8"], standalone_mode=False)
    assert result.return_value == (2 if interrupted else 0)
    assert "1 to 8" in result.stdout
    kept = json.loads(out.with_suffix(".json").read_text())
    assert [each["guests"] for each in kept["points"]] == [1, 8]
    assert "each a process: 3 ms a guest" in out.read_text()


def test_a_picture_shows_each_point_where_it_belongs():
    decade = Line("a & b", [(1, 1.0, 1.0, 1.0), (10, 10.0, 10.0, 10.0), (100, 100.0, 50.0, 100.0)])
    picture = svg([Panel("one", [decade]), Panel("other", [decade])])
    groups = ElementTree.fromstring(picture).findall("{*}g")
    assert [each.get("transform") for each in groups] == ["translate(0,0)", "translate(460,0)"]
    assert "a &amp; b" in picture
    (way,) = groups[0].findall("{*}polyline")
    places = [tuple(map(float, each.split(","))) for each in way.get("points").split()]
    (x1, y1), (x2, y2), (x3, y3) = places
    assert x2 - x1 == pytest.approx(x3 - x2), "a decade is as wide as the next"
    assert y1 - y2 == pytest.approx(y2 - y3), "and as high"
    assert [x1, x3, y3] == [62, 460 - 22, 78]
    ticks = [each.text for each in groups[0].findall("{*}text")]
    assert ticks[1:8] == ["1", "10", "100", "1", "10", "100", "guests"]


@pytest.mark.processes
@pytest.mark.parametrize("form", FORMS[:2], ids=lambda each: each.name)
def test_two_guests_are_measured_in_every_way(monkeypatch, form):
    monkeypatch.setattr(slopes_module, "PACK", 2)
    found = dict(form.measure(2))
    assert list(found) == ["boot", "memory", "scrape", "recovery"]
    assert all(value > 0 for value in found.values())


def test_the_numbers_of_guests_reach_as_far_as_is_said():
    counts = {each.name: max(each.counts) for each in FORMS}
    assert counts == {"own": 200, "packed": 1000, "records": 1000}
