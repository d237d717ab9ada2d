"""Every column of every table that is printed is explained in the documentation, and no other is."""

import re
from pathlib import Path

import pytest

from cluster.lab.verdict.summary import CHECKS, FAULTS, GUESTS, TALKS
from cluster.running.run.commands import COLUMNS as RUNS
from cluster.running.top.batch import COLUMNS as BATCH
from cluster.running.top.view import COLUMNS as VIEW
from cluster.running.top.watch_commands import DOMAINS, LISTED, SCHEDULE
from cluster.studies.bench.comparison import COMPARED
from cluster.studies.bench.results import COLUMNS as BENCH
from cluster.studies.bench.slopes import COLUMNS as SLOPES
from cluster.studies.campaign.summary import COUNTED, COUNTS

DOCS = Path(__file__).parents[2] / "docs"


def explained(page: str, title: str) -> set[str]:
    """What stands in the first column of the tables below a title."""
    body = (DOCS / page).read_text().partition(f"\n{title}\n")[2]
    body = re.split(r"^#+ ", body, flags=re.M)[0]
    rows = re.findall(r"^\| (`[^|]+) \|", body, re.M)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize(
    ("title", "columns"),
    [
        ("### Faults of a run", FAULTS),
        ("### Guests of a run", (*GUESTS, *TALKS)),
        ("### Checks of a run", CHECKS),
        ("### `domzero status`", (*DOMAINS, *SCHEDULE)),
        ("### `domzero list`", LISTED),
        ("### `domzero runs list`", RUNS),
        ("### `domzero bench`", (*BENCH, *COMPARED)),
        ("### `domzero slopes`", SLOPES),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_columns(title: str, columns: tuple[object, ...]) -> None:
    assert explained("command-line.md", title) == {each.title for each in columns}  # type: ignore[attr-defined]


def test_columns_of_a_sweep() -> None:
    titles = {*COUNTED, *(each.title for each in COUNTS)}

    assert explained("command-line.md", "### `domzero sweep`") == titles


def test_columns_of_top() -> None:
    assert explained("top.md", "## `domzero top`") == {each.title for each in VIEW}


def test_columns_of_top_in_a_pipe() -> None:
    assert explained("top.md", "### In a pipe") == {each.title for each in BATCH}
