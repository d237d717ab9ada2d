"""`domzero matrix`: results that go on, pages, refusals; one cell in real processes."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster.command.cli import cli
from cluster.lab.config.errors import ConfigError

CELL = "driver-domains/dom0-crash/reconnect"


def domzero(*words: object, code: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(cli, [str(each) for each in words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_cells_leave_results_and_a_page(matrix, tmp_path: Path) -> None:
    out = tmp_path / "cells"
    told, said = domzero("matrix", matrix(), "--cells", "*/dom0-crash/reconnect", "--jobs", 1, "--out", out)
    found = json.loads((out / "matrix.json").read_text())

    assert re.search(r"^xen-2009 +dies \d", told, re.M)
    assert re.search(r"^driver-domains +lives \d", told, re.M)
    assert f"results: {out}" in said
    assert [(each["architecture"], each["fate"], each["trials"]) for each in found["cells"]] == [
        ("xen-2009", "dies", 2),
        ("driver-domains", "lives", 2),
    ]
    assert found["cells"][1]["survived_interval"][1] == 1
    assert len((out / "results.jsonl").read_text().splitlines()) == 1 + 4
    page = (out / "report.html").read_text()
    assert "What to choose against what" in page
    assert "driver-crash" not in page, "what was not run is not judged"
    assert page.count("<svg viewBox") >= 2 * 2
    assert "http" not in re.sub(r"http-equiv", "", page)


def test_what_was_done_is_not_done_again(matrix, tmp_path: Path) -> None:
    words = ("matrix", matrix(), "--jobs", 1, "--out", tmp_path / "cells")
    domzero(*words, "--cells", CELL)
    before = (tmp_path / "cells/results.jsonl").read_text()
    domzero(*words, "--cells", CELL, "--json")

    assert (tmp_path / "cells/results.jsonl").read_text() == before


def test_results_of_another_matrix_are_not_mixed_with(matrix, tmp_path: Path) -> None:
    words = ("--cells", CELL, "--jobs", 1, "--out", tmp_path / "cells")
    domzero("matrix", matrix(), *words)
    result = CliRunner().invoke(
        cli, [str(each) for each in ("matrix", matrix(("seeds: 2", "seeds: 3")), *words)]
    )

    assert "results of another sweep" in str(result.exception)


def test_an_unknown_cell_is_refused_with_the_choices(matrix) -> None:
    _, said = domzero("matrix", matrix(), "--cells", "xen-2009/flood/*", code=2)
    assert "no cell 'xen-2009/flood/*'" in said
    assert "none, dom0-crash, driver-crash" in said


@pytest.mark.parametrize("trial", [CELL, f"{CELL}:", f"{CELL}:x", "xen-2009/flood/reconnect:1"])
def test_an_unknown_trial_is_refused_with_an_example(matrix, trial: str) -> None:
    _, said = domzero("matrix", matrix(), "--replay", trial, code=2)
    assert "xen-2009/none/reconnect:1" in said


def test_a_trial_is_shown_again_in_a_run_directory(matrix, tmp_path: Path) -> None:
    domzero("matrix", matrix(), "--replay", f"{CELL}:3", "--out", tmp_path / "again")

    run = json.loads((tmp_path / "again/run.json").read_text())
    assert [each["kind"] for each in run["faults"]] == ["crash"]
    assert (tmp_path / "again/trace.json").exists()


def test_the_page_of_a_matrix_is_made_again(matrix, tmp_path: Path) -> None:
    out = tmp_path / "cells"
    domzero("matrix", matrix(), "--cells", CELL, "--jobs", 1, "--out", out)
    page = (out / "report.html").read_text()
    (out / "report.html").unlink()
    domzero("report", out)

    assert (out / "report.html").read_text() == page
    (out / "matrix.json").write_text(json.dumps({"schema": 1, "cells": [{}], "architectures": []}))
    _, said = domzero("report", out, code=2)  # of click; `main` makes it 254
    assert "not as it was written: name: Field required" in said


@pytest.mark.processes
def test_real_processes_agree(matrix, tmp_path: Path) -> None:
    words = ("--cells", CELL, "--live", CELL, "--jobs", 1, "--out", tmp_path / "cells")
    told, _ = domzero("matrix", matrix(), *words)
    found = json.loads((tmp_path / "cells/matrix.json").read_text())

    assert [each["agrees"] for each in found["live"]] == [True]
    assert "1 of 1 cells agree" in told


def test_the_lines_of_a_matrix_are_no_results_of_a_sweep(matrix, tmp_path: Path) -> None:
    domzero("matrix", matrix(), "--cells", CELL, "--jobs", 1, "--out", tmp_path / "cells")

    with pytest.raises(
        ConfigError, match="the trials of a matrix of schema 2; this version reads the results of a sweep"
    ):
        domzero("report", tmp_path / "cells/results.jsonl")
