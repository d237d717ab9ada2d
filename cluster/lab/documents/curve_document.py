"""The types of `curve.json`, schema 1."""

from typing import Literal

from typing_extensions import TypedDict

from cluster.lab.documents.run_document import Word


class CurvePoint(TypedDict):
    """What was measured at an x, over its seeds."""

    x: float
    p50: float | None
    min: float | None
    max: float | None
    runs: int
    paper: float | None


class CurveLine(TypedDict):
    """The points of a line."""

    line: str
    points: list[CurvePoint]


class CurveFigure(TypedDict):
    """Something that was read from every run."""

    title: str
    place: str
    read: Literal["value", "lost"]
    unit: Literal["ms", "%", ""]
    source: str
    lines: list[CurveLine]


class CurveDocument(TypedDict):
    """What a curve leaves."""

    schema: Literal[1]
    name: str
    sha256: str
    x: str
    seeds: int
    verdicts: list[Word]
    figures: list[CurveFigure]
