"""Lines over numbers of guests, several panels of them, as one picture in SVG.

Both axes are logarithmic: what grows as the number of guests does rises by the same everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final
from xml.sax.saxutils import escape

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
        + "\n".join(_panel(panel, _Axis.over(guests, LEFT, WIDTH - RIGHT)))
        + "\n</g>"
        for place, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">\n'
        f'<style>{STYLE}</style>\n<rect width="{width}" height="{height}" fill="#fff"/>\n{body}\n</svg>\n'
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """Whole decades from `first` on, between two places of the picture."""

    first: int
    decades: int
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> "_Axis":
        first = floor(log10(min(values)))
        return cls(first, max(1, ceil(log10(max(values))) - first), start, end)

    def place(self, value: float) -> float:
        share = (log10(value) - self.first) / self.decades
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        return [10.0 ** (self.first + each) for each in range(self.decades + 1)]

    def minor_ticks(self) -> list[float]:
        return [tick * each for tick in self.ticks()[:-1] for each in range(2, 10)]


def _panel(panel: Panel, across: _Axis) -> Iterator[str]:
    values = [value for each in panel.lines for point in each.points for value in point[1:]]
    up = _Axis.over(values, HEIGHT - BOTTOM, TOP)
    yield f'<text class="title" x="{LEFT}" y="{TITLE}">{escape(panel.title)}</text>'
    yield from _grid(across, up)
    for place, each in enumerate(panel.lines):
        yield from _line(each, COLOURS[place % len(COLOURS)], across, up, place)


def _grid(across: _Axis, up: _Axis) -> Iterator[str]:
    for name, xs, ys in (
        ("minor", across.minor_ticks(), up.minor_ticks()),
        ("grid", across.ticks(), up.ticks()),
    ):
        for x in map(across.place, xs):
            yield f'<path class="{name}" d="M{x} {up.start}V{up.end}"/>'
        for y in map(up.place, ys):
            yield f'<path class="{name}" d="M{across.start} {y}H{across.end}"/>'
    for tick in across.ticks():
        yield _text(across.place(tick), up.start + 17, f"{tick:,g}", "middle")
    for tick in up.ticks():
        yield _text(across.start - 6, up.place(tick) + 4, f"{tick:,g}", "end")
    yield _text((across.start + across.end) / 2, up.start + 35, "guests", "middle")
    size = f'width="{across.end - across.start}" height="{up.start - up.end}"'
    yield f'<rect class="frame" x="{across.start}" y="{up.end}" {size}/>'


def _line(line: Line, colour: str, across: _Axis, up: _Axis, number: int) -> Iterator[str]:
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
