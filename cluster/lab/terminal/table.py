"""The tables that people and their pipes read, all made here.

To a pipe a table is complete: all rows and columns, a line for each row, however long, the same whatever the
width of a terminal is said to be. On a terminal what is too wide gives way in this order: `spare` columns are
left out, texts fold, and what still has no room goes into another table below, beside the first column again.
Rules: a number is never cut and never folded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table as RichTable
from rich.text import Text

GAP: Final = 2
FOLDED: Final = 12
"""What a text may be folded to, in columns of the terminal, if its title is not wider."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `is_spare`: a narrow terminal does without it."""

    title: str
    is_number: bool = False
    is_spare: bool = False

    def width(self, cells: Sequence[Text]) -> int:
        """What it takes, unfolded."""
        return max(len(self.title), *(each.cell_len for each in cells))

    def least(self, width: int) -> int:
        """What it takes at least."""
        return width if self.is_number else min(width, max(len(self.title), FOLDED))


def text(title: str) -> Column:
    """A column of texts: on the left, folded where there is no room."""
    return Column(title)


def number(title: str, *, spare: bool = False) -> Column:
    """A column of numbers, with their units if they have any: on the right, always whole."""
    return Column(title, is_number=True, is_spare=spare)


class Table:
    """Rows below titles. `shown`: how many of them a terminal gets, and `more` where the others are."""

    def __init__(self, *columns: Column, shown: int | None = None, more: str = "") -> None:
        self.columns = columns
        self._shown = shown
        self._more = more
        self._rows: list[list[Text]] = []

    def add(self, *cells: str | Text) -> None:
        """One more row; a str is taken as it is."""
        assert len(cells) == len(self.columns), f"{len(cells)} cells for {len(self.columns)} columns"
        self._rows.append([Text(each) if isinstance(each, str) else each for each in cells])

    @property
    def is_empty(self) -> bool:
        """Whether it has no rows."""
        return not self._rows

    def print(self, console: Console) -> None:
        """Print it; without rows, nothing."""
        if not self._rows:
            return
        rows = self._rows[: self._shown] if console.is_terminal else self._rows
        widths = [each.width([row[at] for row in rows]) for at, each in enumerate(self.columns)]
        if not console.is_terminal:
            for row in ([Text(each.title) for each in self.columns], *rows):
                console.print(self._whole(row, widths), soft_wrap=True, highlight=False)
            return
        for place, block in enumerate(self._blocks(widths, console.width)):
            if place:
                console.print()
            shown = [[row[at] for at in block] for row in rows]
            console.print(_Block([self.columns[at] for at in block], shown), crop=False)
        if len(rows) < len(self._rows):
            line(console, f"[dim]and {len(self._rows) - len(rows)} more {self._more}[/]")

    def _whole(self, row: Sequence[Text], widths: Sequence[int]) -> Text:
        """A row in one line."""
        found = Text()
        for column, cell, width in zip(self.columns, row, widths, strict=True):
            space = " " * (width - cell.cell_len)
            found.append(space if column.is_number else "").append(cell)
            found.append(" " * GAP if column.is_number else space + " " * GAP)
        found.rstrip()
        return found

    def _blocks(self, widths: Sequence[int], room: int) -> list[list[int]]:
        """The columns of each table that fits; every one has the first column, and one more at least."""
        least = [each.least(width) for each, width in zip(self.columns, widths, strict=True)]
        wanted = list(range(len(self.columns)))
        for at in reversed(range(len(self.columns))):
            if self.columns[at].is_spare and _total([widths[each] for each in wanted]) > room:
                wanted.remove(at)
        blocks = [wanted[:1]]
        for at in wanted[1:]:
            if len(blocks[-1]) > 1 and _total([least[each] for each in (*blocks[-1], at)]) > room:
                blocks.append(wanted[:1])
            blocks[-1].append(at)
        return blocks


def line(console: Console, markup: str) -> None:
    """A line of its own: folded on a terminal, in one piece in a pipe."""
    console.print(markup, soft_wrap=not console.is_terminal)


@dataclass(frozen=True, slots=True)
class _Block:
    """Columns of a table as a terminal gets them: as wide as it is, or as their numbers have to be."""

    columns: list[Column]
    rows: list[list[Text]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for each in self.columns:
            if each.is_number:
                table.add_column(each.title, justify="right", no_wrap=True)
            else:
                table.add_column(each.title, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        widths = [each.width([row[at] for row in self.rows]) for at, each in enumerate(self.columns)]
        least = _total([each.least(width) for each, width in zip(self.columns, widths, strict=True)])
        for found in console.render_lines(
            table, options.update(width=max(options.max_width, least)), pad=False
        ):
            yield from found
            yield Segment.line()


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)
