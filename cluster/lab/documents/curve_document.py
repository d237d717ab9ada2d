"""The types of `curve.json`, schema 1."""

from typing import Literal

from pydantic import with_config
from typing_extensions import TypedDict

from cluster.lab.documents.described import DESCRIBED
from cluster.lab.documents.run_document import Word


@with_config(DESCRIBED)
class CurvePoint(TypedDict):
    """What was measured at an x, over its seeds."""

    x: float
    """the value on the axis"""
    p50: float | None
    """the median over the seeds; null if none has measured it"""
    min: float | None
    """the least"""
    max: float | None
    """the greatest"""
    runs: int
    """seeds that have measured it"""
    paper: float | None
    """the paper's value there; null if it has none"""


@with_config(DESCRIBED)
class CurveLine(TypedDict):
    """The points of a line."""

    line: str
    """its name"""
    points: list[CurvePoint]


@with_config(DESCRIBED)
class CurveFigure(TypedDict):
    """Something that was read from every run."""

    title: str
    """what was read, for people"""
    place: str
    """where in `run.json`"""
    read: Literal["value", "lost"]
    """`value`, or `lost`: in per cent against the baseline of the line"""
    unit: Literal["ms", "%", ""]
    """`ms`, `%`, or empty"""
    source: str
    """where the paper's figures are from; may be empty"""
    lines: list[CurveLine]


@with_config(DESCRIBED)
class CurveDocument(TypedDict):
    """What a curve leaves."""

    schema: Literal[1]
    """1"""
    name: str
    """of the file"""
    sha256: str
    """of what the file says"""
    x: str
    """what is varied, and its unit, for people"""
    seeds: int
    """how many each point has"""
    verdicts: list[Word]
    """a list of those that occurred, of the checks of all runs; `unknown` also for what has not been run"""
    figures: list[CurveFigure]
