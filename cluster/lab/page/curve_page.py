"""The page of a curve, from its `curve.json`: a plot and a table for each figure, the paper's beside ours.

Rules: says what `curve.json` says. What a paper has is drawn as points, since nothing is known between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cluster.lab.page.page_table import Column, PageTable
from cluster.lab.page.plot import LEFT, RIGHT, WIDTH, Box, Curve, Key, Plot
from cluster.lab.page.rendering import rendered
from cluster.lab.page.scale import Linear
from cluster.lab.verdict.check import Verdict
from cluster.lab.verdict.summary import Document

_HEIGHT, _TOP, _FOOT = 260, 26, 44
PAPER: Final = "paper"
_POINT: Final = 9
"""How wide a point of a paper is."""
Points = list[tuple[float, float]]


def curve_page(curve: Document) -> str:
    """The page."""
    return rendered(
        "curve.html.jinja",
        curve=curve,
        verdict=Verdict.all_of(map(Verdict, curve["verdicts"])).value,
        figures=[
            (each["title"], _plot(curve, each, f"figure-{number}"), _table(curve, each), each["source"])
            for number, each in enumerate(curve["figures"])
        ],
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is drawn of a line: ours as a curve, or a paper's as points."""

    kind: str
    label: str
    points: Points
    is_paper: bool


def _plot(curve: Document, figure: Document, name: str) -> Plot:
    shown = [each for each in _shown(figure) if each.points]
    across = Linear(*_ends([x for each in shown for x, _ in each.points]), LEFT, WIDTH - RIGHT)
    up = Linear.up_to([y for each in shown for _, y in each.points], _HEIGHT - _FOOT, _TOP)
    told = [f"{each.label}: {_told(each.points)}" for each in shown]
    return Plot(
        name=name,
        title=f"{figure['title']} against {curve['x']}",
        text="; ".join(told) or "Nothing was measured.",
        height=_HEIGHT,
        top=_TOP,
        bottom=_HEIGHT - _FOOT,
        across=across.ticks(10),
        across_title=curve["x"],
        up=up.ticks(5),
        up_title=figure["unit"] or "value",
        boxes=[
            _dot(each, across.place(x), up.place(y), f"{y:g} at {x:g}")
            for each in shown
            if each.is_paper
            for x, y in each.points
        ],
        curves=[
            Curve(each.kind, [(across.place(x), up.place(y)) for x, y in each.points])
            for each in shown
            if not each.is_paper
        ],
        keys=[Key(each.kind, each.label) for each in shown],
    )


def _shown(figure: Document) -> Iterator[_Shown]:
    """All of ours, then all of the paper's."""
    for key, kind, whose in (("p50", "curve-{}", ""), (PAPER, f"{PAPER} {PAPER}-{{}}", ", the paper's")):
        for number, line in enumerate(figure["lines"]):
            points = [(each["x"], each[key]) for each in line["points"] if each[key] is not None]
            yield _Shown(kind.format(number), f"{line['line']}{whose}", points, is_paper=key == PAPER)


def _dot(shown: _Shown, x: float, y: float, told: str) -> Box:
    corner = (round(x - _POINT / 2, 1), round(y - _POINT / 2, 1))
    return Box(shown.kind, *corner, _POINT, _POINT, f"{shown.label}: {told}")


def _ends(found: list[float]) -> tuple[float, float]:
    """The least and the greatest x, which differ."""
    first, last = min(found, default=0), max(found, default=1)
    return (first, last) if first < last else (first, first + 1)


def _told(points: Points) -> str:
    (first, low), (last, high) = points[0], points[-1]
    return f"{low:.4g} at {first:g}" + (f", {high:.4g} at {last:g}" if len(points) > 1 else "")


def _table(curve: Document, figure: Document) -> PageTable:
    unit = f", {figure['unit']}" if figure["unit"] else ""
    columns = [Column(curve["x"], number=True)]
    for each in figure["lines"]:
        spread = [Column("of all seeds")] if curve["seeds"] > 1 else []
        columns += [Column(each["line"], number=True), *spread, Column(PAPER, number=True)]
    rows = [
        [f"{cells[0]['x']:g}", *(text for cell in cells for text in _cell(cell, several=curve["seeds"] > 1))]
        for cells in zip(*(each["points"] for each in figure["lines"]), strict=True)
    ]
    return PageTable(f"{figure['title']}{unit}", columns, rows)


def _cell(point: Document, *, several: bool) -> list[str]:
    spread = "-" if point["min"] is None else f"{point['min']:.4g} to {point['max']:.4g}"
    return [_number(point["p50"]), *([spread] if several else []), _number(point[PAPER])]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
