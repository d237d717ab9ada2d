"""A table of a page: its caption, its columns, its rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.lab.config.quantities import duration_text


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers, of verdicts, of long texts, or of none of these."""

    name: str
    number: bool = False
    verdict: bool = False
    long: bool = False


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table; the first cell of a row says what it is of."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


def time_text(time_ns: int | None) -> str:
    """A time as a cell has it; ? stands for what is not known."""
    return "?" if time_ns is None else duration_text(time_ns)
