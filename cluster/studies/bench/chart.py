"""Lines over numbers of guests, several panels of them, as one picture in SVG.

Both axes are logarithmic: what grows as the number of guests does rises by the same everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final
from xml.sax.saxutils import escape

from cluster.lab.page.scale import Decades

WIDTH, HEIGHT = 460, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 22, 78, 44
TITLE, LEGEND, ROW = 20, 38, 16
ACROSS: Final = 2
COLOURS: Final = ("#1f6fb4", "#d9540b", "#2a8a4a", "#8040a0")
STYLE: Final = (
    "text { font: 12px sans-serif; fill: #333 } .title { font-size: 14px; font-weight: bold }"
    " .grid { stroke: #e4e4e4 } .minor { stroke: #f4f4f4 } .frame { fill: none; stroke: #999 }"
)


@dataclass(frozen=True, slots=True)
class Line:
    """Points (guests, middle, least, greatest) that belong together, and what they are called."""

    label: str
    points: Sequence[tuple[int, float, float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """What is shown, with its unit, and its lines. All values are above 0."""

    title: str
    lines: Sequence[Line]


def svg(panels: Sequence[Panel]) -> str:
    """The picture: the panels in rows of two, with one range of guests."""
    guests = [point[0] for panel in panels for each in panel.lines for point in each.points]
    rows = ceil(len(panels) / ACROSS)
    width, height = WIDTH * ACROSS, HEIGHT * rows
    body = "\n".join(
        f'<g transform="translate({place % ACROSS * WIDTH},{place // ACROSS * HEIGHT})">\n'
        + "\n".join(_panel(panel, Decades.over(guests, LEFT, WIDTH - RIGHT)))
        + "\n</g>"
        for place, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">\n'
        f'<style>{STYLE}</style>\n<rect width="{width}" height="{height}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _panel(panel: Panel, across: Decades) -> Iterator[str]:
    values = [value for each in panel.lines for point in each.points for value in point[1:]]
    up = Decades.over(values, HEIGHT - BOTTOM, TOP)
    yield f'<text class="title" x="{LEFT}" y="{TITLE}">{escape(panel.title)}</text>'
    yield from _grid(across, up)
    for place, each in enumerate(panel.lines):
        yield from _line(each, COLOURS[place % len(COLOURS)], across, up, place)


def _grid(across: Decades, up: Decades) -> Iterator[str]:
    for name, xs, ys in (
        ("minor", across.minor(), up.minor()),
        ("grid", [each.at for each in across.ticks()], [each.at for each in up.ticks()]),
    ):
        for x in xs:
            yield f'<path class="{name}" d="M{x} {up.start}V{up.end}"/>'
        for y in ys:
            yield f'<path class="{name}" d="M{across.start} {y}H{across.end}"/>'
    for tick in across.ticks():
        yield _text(tick.at, up.start + 17, tick.label, "middle")
    for tick in up.ticks():
        yield _text(across.start - 6, tick.at + 4, tick.label, "end")
    yield _text((across.start + across.end) / 2, up.start + 35, "guests", "middle")
    size = f'width="{across.end - across.start}" height="{up.start - up.end}"'
    yield f'<rect class="frame" x="{across.start}" y="{up.end}" {size}/>'


def _line(line: Line, colour: str, across: Decades, up: Decades, number: int) -> Iterator[str]:
    places = [(across.place(guests), *(up.place(each) for each in values)) for guests, *values in line.points]
    way = " ".join(f"{x},{middle}" for x, middle, _, _ in places)
    yield f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{way}"/>'
    for x, middle, least, greatest in places:
        yield f'<path stroke="{colour}" d="M{x} {least}V{greatest}"/>'
        yield f'<circle cx="{x}" cy="{middle}" r="3" fill="{colour}"/>'
    x, y = LEFT + 3, LEGEND + ROW * number
    yield f'<circle cx="{x}" cy="{y - 4}" r="3" fill="{colour}"/>'
    yield _text(x + 8, y, line.label, "start")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
