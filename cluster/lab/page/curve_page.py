"""The page of a curve, from its `curve.json`: a plot and a table for each figure, the paper's beside ours.

Rules: says what `curve.json` says. What a paper has is drawn as points, since nothing is known between them.
"""

from typing import Final

from cluster.lab.page.page_table import Column, PageTable
from cluster.lab.page.plot import LEFT, RIGHT, WIDTH, Box, Curve, Key, Plot
from cluster.lab.page.rendering import rendered
from cluster.lab.page.scale import Linear
from cluster.lab.verdict.summary import Document

_HEIGHT, _TOP, _FOOT = 260, 26, 44
PAPER: Final = "paper"
_POINT: Final = 9
"""How wide a point of a paper is."""
Points = list[tuple[float, float]]


def curve_page(curve: Document) -> str:
    """The page."""
    verdicts = set(curve["verdicts"])
    verdict = next((each for each in ("failed", "unknown") if each in verdicts), "held")
    return rendered(
        "curve.html.jinja",
        curve=curve,
        verdict=verdict,
        figures=[
            (each["title"], _plot(curve, each, f"figure-{number}"), _table(curve, each), each["source"])
            for number, each in enumerate(curve["figures"])
        ],
    )


def _plot(curve: Document, figure: Document, name: str) -> Plot:
    ours, theirs = ([_points(each, key) for each in figure["lines"]] for key in ("p50", PAPER))
    known = [point for points in (*ours, *theirs) for point in points]
    across = Linear(*_ends([x for x, _ in known]), LEFT, WIDTH - RIGHT)
    up = Linear.up_to([y for _, y in known], _HEIGHT - _FOOT, _TOP)
    names = [each["line"] for each in figure["lines"]]
    told = [
        *((label, points) for label, points in zip(names, ours, strict=True)),
        *((f"{label}, the paper's", points) for label, points in zip(names, theirs, strict=True)),
    ]
    return Plot(
        name=name,
        title=f"{figure['title']} against {curve['x']}",
        text="; ".join(f"{label}: {_told(points)}" for label, points in told if points)
        or "Nothing was measured.",
        height=_HEIGHT,
        top=_TOP,
        bottom=_HEIGHT - _FOOT,
        across=across.ticks(10),
        across_title=curve["x"],
        up=up.ticks(5),
        up_title=figure["unit"] or "value",
        boxes=[
            Box(
                f"{PAPER} paper-{number}",
                round(across.place(x) - _POINT / 2, 1),
                round(up.place(y) - _POINT / 2, 1),
                _POINT,
                _POINT,
                f"{names[number]}, the paper's: {y:g} at {x:g}",
            )
            for number, points in enumerate(theirs)
            for x, y in points
        ],
        curves=[
            Curve(f"curve-{number}", [(across.place(x), up.place(y)) for x, y in points])
            for number, points in enumerate(ours)
            if points
        ],
        keys=[
            *(Key(f"curve-{number}", names[number]) for number, points in enumerate(ours) if points),
            *(
                Key(f"{PAPER} paper-{number}", f"{names[number]}, the paper's")
                for number, points in enumerate(theirs)
                if points
            ),
        ],
    )


def _points(line: Document, key: str) -> Points:
    """What is known of a line: ours, or the paper's."""
    return [(each["x"], each[key]) for each in line["points"] if each[key] is not None]


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
