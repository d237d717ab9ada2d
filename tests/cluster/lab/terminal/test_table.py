import io

import pytest
from rich.console import Console
from rich.text import Text

from cluster.lab.terminal.table import Table, line, number, text

NAME = "a-long-name-of-a-guest-0"
NUMBERS = ("301,100", "1,234,567,890", "148 ms")
DETAIL = "the same words again " * 9


def table(rows: int = 1, **options: object) -> Table:
    columns = (text("guest"), number("writes"), number("p99", spare=True), number("stable"))
    made = Table(*columns, number("after"), text("detail"), **options)  # type: ignore[arg-type]
    for _ in range(rows):
        made.add(NAME, NUMBERS[0], "17,000", NUMBERS[1], NUMBERS[2], Text(DETAIL, style="red"))
    return made


def on_terminal(made: Table, width: int) -> list[str]:
    out = io.StringIO()
    made.print(Console(file=out, width=width, force_terminal=True, color_system=None))
    return out.getvalue().splitlines()


def in_pipe(made: Table, width: int = 80) -> str:
    out = io.StringIO()
    made.print(Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [10, 20, 30, 40, 50, 60, 70, 80, 100, 132, 400])
def test_no_number_is_ever_cut_or_folded(width: int) -> None:
    shown = on_terminal(table(), width)

    for each in NUMBERS:
        assert any(each in row for row in shown), f"{each} is not whole in {shown}"
    assert "…" not in "".join(shown)


@pytest.mark.parametrize("width", [30, 40, 50, 60, 70, 80, 100, 132, 400])
def test_it_is_not_wider_than_the_terminal_and_every_text_is_complete(width: int) -> None:
    shown = on_terminal(table(), width)

    assert max(len(each) for each in shown) <= width
    words = "".join(each.replace(" ", "") for each in shown)
    assert sorted(words.replace("17,000", "").replace("p99", "")).count("w") >= DETAIL.count("w")


def test_columns_that_can_be_spared_go_before_anything_folds() -> None:
    assert "p99" in on_terminal(table(), 400)[0]
    assert "p99" not in on_terminal(table(), 80)[0]
    assert on_terminal(table(), 80)[0].split() == ["guest", "writes", "stable", "after", "detail"]


def test_what_has_no_room_goes_into_another_table_beside_the_first_column() -> None:
    heads = [each.split() for each in on_terminal(table(), 50) if each.startswith("guest")]

    assert heads == [["guest", "writes", "stable", "after"], ["guest", "detail"]]


@pytest.mark.parametrize("width", [1, 20, 80, 400])
def test_in_a_pipe_a_row_is_a_line_whatever_the_width(width: int) -> None:
    shown = in_pipe(table(rows=3, shown=2, more="elsewhere"), width)

    assert shown == in_pipe(table(rows=3))
    head, *rows = shown.splitlines()
    assert head.split() == ["guest", "writes", "p99", "stable", "after", "detail"]
    assert rows == [f"{NAME}  301,100  17,000  1,234,567,890  148 ms  {DETAIL.rstrip()}"] * 3
    assert all(each == each.rstrip() for each in (head, *rows))


def test_in_a_pipe_numbers_are_on_the_right_and_texts_on_the_left() -> None:
    made = Table(text("name"), number("count"))
    made.add("a", "1")
    made.add("longer", "1,000,000")

    assert in_pipe(made) == "name        count\na               1\nlonger  1,000,000\n"


def test_a_terminal_gets_as_many_rows_as_it_should_and_hears_of_the_others() -> None:
    shown = on_terminal(table(rows=5, shown=2, more="in run.json"), 400)

    assert len(shown) == 4
    assert shown[-1] == "and 3 more in run.json"


def test_nothing_in_a_cell_is_taken_for_markup() -> None:
    made = Table(text("detail"))
    made.add("[bold]no[/]")

    assert in_pipe(made) == "detail\n[bold]no[/]\n"
    assert on_terminal(made, 80)[1].rstrip() == "[bold]no[/]"


def test_without_rows_nothing_is_printed() -> None:
    assert in_pipe(Table(text("detail"))) == ""


def test_a_line_is_folded_on_a_terminal_only() -> None:
    pipe, terminal = io.StringIO(), io.StringIO()
    line(Console(file=pipe, width=20), DETAIL)
    line(Console(file=terminal, width=20, force_terminal=True, color_system=None), DETAIL)

    assert pipe.getvalue().count("\n") == 1
    assert max(len(each) for each in terminal.getvalue().splitlines()) <= 20
