"""The page of a sweep: failures with the command for each, coverage, recoveries."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cluster.command.cli import cli
from cluster.lab.config.errors import ConfigError
from tests.browser import CHROMIUM, browser

HEADER = {
    "schema": 2,
    "name": "small",
    "sha256": "ab" * 32,
    "kinds": ["crash"],
    "as_written": False,
    "plant": "",
    "invariants": True,
}
MS = 1_000_000


def record(seed: int, times_ms: list[float | None], **said: Any) -> dict[str, Any]:
    return {
        "seed": seed,
        "verdict": "held",
        "failed": {},
        "unknown": {},
        "faults": [["crash", "host0/dom0"] for _ in times_ms],
        "recoveries_ns": [None if each is None else int(each * MS) for each in times_ms],
        "states": ["vbd frontend Connected"],
        **said,
    }


RECORDS = [
    record(0, [10, 20]),
    record(7, [30, None], verdict="failed", failed={"ledger": "1 <lost>"}),
    record(9, [], verdict="unknown", unknown={"course": "cut"}),
]


def written(path: Path, *lines: object, end: str = "\n") -> Path:
    path.write_text("\n".join(json.dumps(each) for each in lines) + end)
    return path


def domzero(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    found = domzero("report", str(written(tmp_path / "swept.jsonl", HEADER, *RECORDS)))
    assert (found.exit_code, found.output) == (0, f"{tmp_path / 'swept.html'}\n")
    return tmp_path / "swept.html"


def rows(path: Path) -> Iterator[list[str]]:
    for row in re.findall(r"<tr>(.*?)</tr>", path.read_text(), re.DOTALL):
        yield [
            re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]


def test_every_failure_has_its_seed_and_its_command(page: Path) -> None:
    found = list(rows(page))

    command = "domzero replay FILE --seed 7 --kind crash"
    assert ["7", "failed", "ledger: 1 &lt;lost&gt;", command] in found
    assert ["9", "unknown", "course: cut", command.replace("7", "9")] in found
    assert "3 seeds: 1 held, 1 failed, 1 unknown" in page.read_text()


def test_recoveries_have_their_distribution(page: Path) -> None:
    assert ["crash", "3", "1", "10 ms", "20 ms", "30 ms", "30 ms", "30 ms"] in list(rows(page))


def test_coverage_counts_seeds(page: Path) -> None:
    found = list(rows(page))

    assert ["crash", "2", "1", "0"] in found
    assert ["frontend Connected", "3", "1", "1"] in found
    assert ["ledger", "1", "1", "0"] in found


def test_files_that_were_put_together_count_a_seed_once(tmp_path: Path) -> None:
    path = written(tmp_path / "swept.jsonl", HEADER, *RECORDS, HEADER, *RECORDS)

    domzero("report", str(path))

    assert "3 seeds: 1 held" in (tmp_path / "swept.html").read_text()


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    domzero("report", str(written(tmp_path / "swept.jsonl", HEADER, *RECORDS, end="")))

    assert "2 seeds: 1 held, 1 failed, 0 unknown" in (tmp_path / "swept.html").read_text()


def test_results_of_an_older_version_have_no_recoveries(tmp_path: Path) -> None:
    old = {key: each for key, each in RECORDS[0].items() if key != "recoveries_ns"}

    domzero("report", str(written(tmp_path / "swept.jsonl", HEADER, old)))

    text = (tmp_path / "swept.html").read_text()
    assert "The results do not say how long recoveries took" in text
    assert "Every seed held" in text


def test_results_of_schema_1_name_no_class_of_device(tmp_path: Path) -> None:
    old = {**RECORDS[0], "states": ["frontend Connected"]}

    domzero("report", str(written(tmp_path / "swept.jsonl", {**HEADER, "schema": 1}, old)))

    assert ["frontend Connected", "1", "0", "0"] in list(rows(tmp_path / "swept.html"))


@pytest.mark.parametrize("words", [["report"], ["sweep", "configs/campaign.yaml", "--seeds", "0", "--out"]])
def test_results_of_a_newer_schema_are_refused(tmp_path: Path, words: list[str]) -> None:
    path = written(tmp_path / "swept.jsonl", {**HEADER, "schema": 3}, *RECORDS)

    found = domzero(*words, str(path))

    assert isinstance(found.exception, ConfigError)
    assert "of schema 3, which a newer version wrote" in str(found.exception)


@pytest.mark.parametrize(
    "lines",
    [[], [{"seed": 1}], [RECORDS[0]], [HEADER, {"seed": "x"}], [HEADER, {**HEADER, "name": "other"}], [3]],
)
def test_a_file_that_is_no_results_is_refused(tmp_path: Path, lines: list[object]) -> None:
    found = domzero("report", str(written(tmp_path / "swept.jsonl", *lines)))

    assert isinstance(found.exception, ConfigError) or found.exit_code == 2  # of `main`: 254
    assert not (tmp_path / "swept.html").exists()


def test_what_lies_beside_the_results_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "swept.html").write_text("mine")

    found = domzero("report", str(written(tmp_path / "swept.jsonl", HEADER, *RECORDS)))

    assert found.exit_code == 2
    assert (tmp_path / "swept.html").read_text() == "mine"


@pytest.mark.processes
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_browser_draws_it_without_complaint_or_network(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as tab:
        tab.open(page)

        assert tab.said() == []
        assert [each for each in tab.asked_for() if not each.startswith("data:")] == [page.as_uri()]
        assert tab.value(
            "[...document.querySelectorAll('figure .wide svg')].map(s => s.getBBox().width > 0)"
        ) == [True]
