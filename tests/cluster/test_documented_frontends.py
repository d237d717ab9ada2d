"""The pages name every frontend that a guest may have."""

from pathlib import Path

import pytest

from actors.policies import Frontend

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("frontend", Frontend)
def test_a_frontend_has_its_row_in_each_table_of_its_page(frontend: Frontend) -> None:
    rows = [line for line in (DOCS / "frontends.md").read_text().splitlines() if f"| `{frontend}` |" in line]

    assert len(rows) == 3, "what it does, what becomes of its guest, and where it comes from"


def test_the_configuration_says_which_frontends_there_are() -> None:
    (row,) = [
        line
        for line in (DOCS / "configuration.md").read_text().splitlines()
        if line.startswith("| `frontend` |")
    ]

    assert all(f"`{each}`" in row for each in Frontend)
