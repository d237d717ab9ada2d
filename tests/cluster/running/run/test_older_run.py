"""A run that an older version kept is shown and done again; what is of no known schema is refused by name.

`older_run` was written by the version of 29 November 2026 whose faults had numbers and whose hosts had no
architecture; only what was of its machine has been made neutral.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cluster.command.cli import cli
from cluster.running.run.kept_report import read_report
from cluster.running.run.kept_values import opened, sealed

OLDER = Path(__file__).parent / "older_run"


def domzero(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in words])


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLDER, tmp_path / "older"))


def change(path: Path, **fields: Any) -> None:
    data = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({key: each for key, each in data.items() if each is not None}))


def test_it_has_a_page(older: Path) -> None:
    found = domzero("report", older)

    assert (found.exit_code, found.exception) == (0, None)
    text = re.sub(r"<[^>]*>", " ", (older / "report.html").read_text())
    assert "1 crash" in text
    assert "restartable-dom0" in text
    assert "No timeline was kept" in text


def test_what_it_does_not_say_is_null_or_what_was_so(older: Path) -> None:
    report = read_report(older / "run.json")

    assert report["hosts"][0]["architecture"] == "restartable-dom0"
    assert report["hosts"][0]["links"] == "hypervisor"
    assert (report["faults"][0]["id"], report["fault_targets"][0]["injection"]) == ("1", "1")
    assert report["guests"][0]["came_back"] is None
    assert report["talks"]["bytes"] == dict.fromkeys(("sent", "in_order", "missing", "doubled", "corrupt"))


def test_it_is_done_again_from_the_configuration_that_it_kept(older: Path) -> None:
    found = domzero("rerun", older, "--out", older.parent / "again", "--json")

    assert found.exit_code == 0
    assert f"is of another version: the configuration is read anew from {older}/configuration" in found.stderr
    again = json.loads(found.stdout)
    assert (again["seed"], again["driver"], again["verdict"]) == (7, "simulated", "held")


def test_where_its_configuration_is_as_it_was_that_is_read(older: Path) -> None:
    original = older.parent / "small.yaml"
    shutil.copy(older / "configuration/small.yaml", original)
    change(
        older / "about.json",
        configuration=[{"file": "configuration/small.yaml", "read_from": str(original)}],
    )
    assert f"anew from {original}" in domzero("rerun", older, "--out", older.parent / "again").stderr

    original.write_text(original.read_text() + "# changed\n")
    assert f"anew from {older}" in domzero("rerun", older, "--out", older.parent / "more").stderr


def test_what_was_changed_is_not_taken_for_what_is_older(older: Path) -> None:
    path = older / "resolved.json"
    path.write_text(path.read_text().replace("small", "other"))

    found = domzero("rerun", older, "--out", older.parent / "again")

    assert found.exit_code == 2  # of click; `main` makes it 254
    assert "it was changed after it had been written" in found.output


def test_it_is_not_judged_again(older: Path) -> None:
    found = domzero("verify", older)

    assert found.exit_code == 2
    assert "kept by another version" in found.output
    assert f"`domzero rerun {older}`" in found.output


def test_a_configuration_of_a_newer_schema_is_read_anew_too(older: Path) -> None:
    path = older / "resolved.json"
    path.write_text(sealed(json.dumps({**opened(path.read_text()), "schema": 2})))

    assert domzero("rerun", older, "--out", older.parent / "again").exit_code == 0


@pytest.mark.parametrize(
    ("file", "fields", "said"),
    [
        ("run.json", {"schema": 9}, "schema 9, which a newer version wrote; this version reads the report"),
        ("run.json", {"schema": 0}, "of schema 0, which is too old"),
        ("run.json", {"schema": "1"}, "of schema '1'; this version reads"),
        ("run.json", {"checks": None}, "a JSON object with 'schema', 'verdict', 'driver', 'seed', 'config'"),
        ("run.json", {"hosts": [{}]}, "not as it was written"),
        ("run.json", {"faults": 3}, "not as it was written"),
        ("run.json", {"verdict": "splendid"}, "not as it was written: verdict"),
        ("about.json", {"schema": 9}, "what a run was (about.json) of schema 9, which a newer version wrote"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_told_in_one_message(older: Path, file: str, fields: dict, said: str) -> None:
    change(older / file, **fields)

    found = domzero("report", older)

    assert found.exit_code == 2, found.exception
    (line,) = [each for each in found.output.splitlines() if each.startswith("Error: ")]
    assert said in line
    assert not (older / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [("run.json", "the report of a run (run.json) of schema 1"), ("about.json", "what a run was")],
)
def test_a_file_is_not_taken_for_a_directory_or_a_sweep(older: Path, name: str, said: str) -> None:
    found = domzero("report", older / name)

    assert found.exit_code == 2
    assert said in found.output
    assert "give the directory of a run (schema 1), the folder of a matrix (schema 1)" in found.output


def test_a_timeline_of_another_schema_is_not_drawn(older: Path) -> None:
    (older / "timeline.json").write_text('{"schema": 2, "phases": [], "written": []}')

    assert "(timeline.json) of schema 2, which a newer version wrote" in domzero("report", older).output
