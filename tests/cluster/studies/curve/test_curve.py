"""`domzero curve`: points and baselines, figures beside a paper's, results that go on, refusals."""

import json
import re
from pathlib import Path
from statistics import median

import click
import pytest
from click.testing import CliRunner

from cluster.command.cli import cli
from cluster.lab.config.errors import ConfigError
from cluster.lab.page.curve_page import curve_page
from cluster.studies.curve.outcome import CurveOutcome
from cluster.studies.curve.plan import CurvePlan
from cluster.studies.curve.schema import CurveFile
from tests.cluster.test_documented_fields import documented, fields

ROOT = Path(__file__).parents[4]
TEXT = """\
name: small
seed: 3
run: {duration: 60ms, settle: 1s}
costs: {guest_boot: 0ms}
hosts:
  - name: host0
    memory: 64MiB
    architecture: driver-domains
    dom0: {memory: 16MiB}
    disks: [{name: sda}]
    driver_domains: [{name: storage, memory: 8MiB, disks: [sda]}]
    guests:
      - name: web
        memory: 4MiB
        disks: [{vdev: xvda, size: 64KiB, backend: storage}]
        workload: {kind: random, depth: 1, rate: 500/s}
faults:
  - {kind: crash, target: host0/storage, at: 20ms}
curve:
  x: boot, ms
  seeds: 2
  points:
    - {x: 0, set: {costs/guest_boot: 0ms}}
    - {x: 50, set: {costs/guest_boot: 50ms}}
  lines:
    renegotiate: {}
    resume: {hosts/host0/reconnect: resume}
  baseline: {faults: []}
  figures:
    - {title: outage, place: guests/web/outage_ns/max, paper: {resume: [[50, 60]]}, source: a paper}
    - {title: requests, place: guests/*/requests/completed, read: lost}
"""


@pytest.fixture
def small(tmp_path: Path):
    """The file with changes."""

    def write(*changes: tuple[str, str]) -> Path:
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "small.yaml").write_text(text)
        return tmp_path / "small.yaml"

    return write


def domzero(*words: object, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(cli, [str(each) for each in words], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    assert (result.return_value or 0) == code, result.output
    return result.stdout, result.stderr


def checked(path: Path) -> CurvePlan:
    """The plan of a file whose every run can be made."""
    plan = CurvePlan(CurveFile.read(path))
    for each in plan.numbers:
        plan.case(each).cluster()
    return plan


@pytest.fixture
def done(small, tmp_path: Path) -> tuple[Path, str, str]:
    out = tmp_path / "out"
    return out, *domzero("curve", small(), "--jobs", 1, "--out", out)


def test_points_are_told_beside_the_paper_s(done) -> None:
    out, told, said = done
    found = json.loads((out / "curve.json").read_text())
    outage, lost = found["figures"]

    assert set(fields(found)) == documented("docs/run-json.md", "`curve.json`")
    assert (outage["unit"], lost["unit"]) == ("ms", "%")
    assert found["verdicts"] == ["held"]
    for line in outage["lines"]:
        first, last = line["points"]
        assert (first["x"], last["x"], first["runs"]) == (0, 50, 2)
        assert 45 < last["p50"] - first["p50"] < 55, "what the boot takes longer, the guest is out longer"
    assert [[each["paper"] for each in line["points"]] for line in outage["lines"]] == [
        [None] * 2,
        [None, 60],
    ]
    records = [json.loads(each) for each in (out / "results.jsonl").read_text().splitlines()[1:]]
    requests = {(each["line"], each["point"], each["seed"] % 2): each["figures"][1] for each in records}
    base = median(requests["resume", None, seed] for seed in (0, 1))
    assert lost["lines"][1]["points"][1]["p50"] == pytest.approx(
        median(100 * (1 - requests["resume", 1, seed] / base) for seed in (0, 1))
    )
    assert re.search(r"^ +50 .* 60$", told, re.M)
    assert "paper: a paper" in told
    assert f"results: {out}" in said
    assert (out / "report.html").read_text().count("<svg viewBox") == 2
    assert (out / "report.html").read_text().count('<rect class="box paper paper-1"') == 2, "point and key"


def test_the_same_command_goes_on_where_it_was(done, small, tmp_path: Path) -> None:
    out, told, _ = done
    lines = (out / "results.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 2 * 3 * 2
    (out / "results.jsonl").write_text("".join(f"{each}\n" for each in lines[:8]))
    (out / "curve.json").unlink()

    assert domzero("curve", small(), "--jobs", 1, "--out", out)[0] == told
    assert sorted((out / "results.jsonl").read_text().splitlines()[1:]) == sorted(lines[1:])


def test_the_page_is_made_again_from_what_is_kept(done) -> None:
    out, _, _ = done
    before = (out / "report.html").read_text()
    domzero("report", out)
    assert (out / "report.html").read_text() == before

    (out / "curve.json").write_text(json.dumps({"schema": 1, "figures": [{}], "verdicts": []}))
    with pytest.raises(click.UsageError, match="not as it was written: name: Field required"):
        domzero("report", out)
    (out / "curve.json").write_text(json.dumps({"schema": 2, "figures": [], "verdicts": []}))
    with pytest.raises(
        click.UsageError, match=r"a curve \(curve.json\) of schema 2, which a newer version wrote"
    ):
        domzero("report", out)


def test_a_run_that_does_not_hold_fails_the_curve(small, tmp_path: Path) -> None:
    path = small(("memory: 8MiB, ", "memory: 8MiB, on_crash: destroy, "))
    told, _ = domzero("curve", path, "--jobs", 1, "--out", tmp_path / "out", code=1)
    found = json.loads((tmp_path / "out/curve.json").read_text())

    assert "failed" in found["verdicts"]
    assert found["figures"][0]["lines"][0]["points"][0] == {
        "x": 0,
        "p50": None,
        "min": None,
        "max": None,
        "runs": 0,
        "paper": None,
    }
    assert re.search(r"^ +0 +- ", told, re.M)


def test_what_was_not_run_is_unknown(small) -> None:
    plan = CurvePlan(CurveFile.read(small()))
    told = CurveOutcome.of(plan, []).to_dict()

    assert told["verdicts"] == ["unknown"]
    assert "Nothing was measured." in curve_page(told)


def test_one_run_can_be_replayed(small, tmp_path: Path) -> None:
    domzero("curve", small(), "--replay", 3, "--out", tmp_path / "run")
    assert (tmp_path / "run/trace.json").exists()


def test_lines_and_points_change_their_own_places(small) -> None:
    plan = CurvePlan(CurveFile.read(small()))
    case = plan.case(plan.numbers[-1])

    assert plan.places == [(line, at) for line in ("renegotiate", "resume") for at in (None, 0, 1)]
    assert (case.seed, case.tree()["costs"]) == (4, {"guest_boot": "50ms"})
    assert case.tree()["hosts"][0]["reconnect"] == "resume"
    assert plan.case(0).tree()["faults"] == []


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("curve:\n", "curves:\n", "the file has no curve; write curve: {x: .."),
        ("x: 50", "x: 0", "x does not rise; write each x once"),
        ("baseline: {faults: []}\n", "seeds: 1\n", "write each key once"),
        ("  baseline: {faults: []}\n", "", "there is nothing to compare with"),
        ("paper: {resume", "paper: {resum", "no line 'resum'; one of renegotiate, resume"),
        ("{x: 50, set: {costs/", "{x: 50, set: {cost/", "no 'cost' at the top, where there is name, seed"),
        ("boot: 50ms", "boot: 50", "guest_boot"),
        ("read: lost", "read: gained", "'gained' is not known"),
    ],
)
def test_what_a_file_has_wrong_is_said(small, old, new, wrong) -> None:
    path = small((old, new))
    with pytest.raises(ConfigError) as caught:
        checked(path)
    assert wrong in str(caught.value)


@pytest.mark.parametrize("path", sorted((ROOT / "configs/curves").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_curve_that_comes_along_can_be_run(path: Path) -> None:
    assert checked(path).numbers
