"""A picture as the places of its shapes; `plot.svg.jinja` draws it.

Rules: everything has its place here and its look in the style sheet, by its kind. What is shown is said in
words, too, for who does not see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Final

from cluster.lab.page.scale import Tick

WIDTH: Final = 960
LEFT: Final = 112
RIGHT: Final = 16
BAR: Final = 16
_LETTER: Final = 6.4
"""How wide a letter of a picture is, on average."""


@dataclass(frozen=True, slots=True)
class Box:
    """A bar; `label` is what it says when asked, `text` what is written in it."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    label: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line from top to bottom, and what is written above it."""

    kind: str
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points."""

    kind: str
    points: Sequence[tuple[float, float]]

    @property
    def way(self) -> str:
        """The points as SVG has them."""
        return " ".join(f"{x},{y}" for x, y in self.points)


@dataclass(frozen=True, slots=True)
class Key:
    """What a kind of shape stands for."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture of this height. `top` and `bottom` are where the frame begins and ends.

    `up` are ticks on the left that have lines, `rows` names on the left that have none.
    """

    name: str
    title: str
    text: str
    height: float
    top: float
    bottom: float
    across: Sequence[Tick]
    across_title: str
    up: Sequence[Tick] = ()
    up_title: str = ""
    rows: Sequence[Tick] = ()
    boxes: Sequence[Box] = ()
    rules: Sequence[Rule] = ()
    curves: Sequence[Curve] = ()
    keys: Sequence[Key] = field(default=())
    width: ClassVar = WIDTH
    left: ClassVar = LEFT
    right: ClassVar = WIDTH - RIGHT


def bar(kind: str, span: tuple[float, float], y: float, label: str, text: str = "") -> Box:
    """A bar between two places, wide enough to be seen; its text only where it fits."""
    width = round(max(span[1] - span[0], 2), 1)
    return Box(
        kind, min(span[0], WIDTH - RIGHT - width), y, width, BAR, label, text if fits(text, width) else ""
    )


def fits(text: str, width: float) -> bool:
    """Whether a text can be written on so little room."""
    return len(text) * _LETTER + 6 <= width


def apart(rules: Sequence[Rule]) -> list[Rule]:
    """Lines whose labels do not lie on each other: of those that are too close the first keeps its own."""
    found, free = [], 0.0
    for each in sorted(rules, key=lambda rule: rule.x):
        shown = each.x >= free
        if shown:
            free = each.x + len(each.label) * _LETTER + 4
        found.append(each if shown else Rule(each.kind, each.x, ""))
    return found


def stairs(values: Sequence[float], places: Sequence[float]) -> list[tuple[float, float]]:
    """A curve that stays at each value from one place to the next; there is one place more than values."""
    return [(place, value) for value, pair in zip(values, pairwise(places), strict=True) for place in pair]
