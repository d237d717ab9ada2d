"""A file of a curve: what is varied and read stands below `curve`, beside it is any configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from cluster.lab.config.errors import ConfigError, Finding
from cluster.lab.config.section import Changes, Line, change, section_of, without_section
from cluster.lab.config.strict import Strict
from cluster.lab.config.yaml_source import YamlSource
from cluster.studies.campaign.case import Case

KEY: Final = "curve"
LINES_MAX: Final = 4
"""So many the page can tell apart, those of the paper beside them."""

Number = int | float


class PointSchema(Strict):
    """One x, and the places of the configuration that make it so."""

    x: Number
    set: Changes


class FigureSchema(Strict):
    """What is read from `run.json`: the number at a place, or how much of it is lost against the baseline.

    `paper`: for each line what was published, as pairs of x and y in the unit of the figure.
    """

    title: Line
    place: Line
    read: Literal["value", "lost"] = "value"
    paper: dict[Line, list[Annotated[list[Number], Field(min_length=2, max_length=2)]]] = {}
    source: Line = ""


class CurveSchema(Strict):
    """`lines`: each by its name, with places of the configuration; `baseline`: those of what lost nothing."""

    x: Line
    points: Annotated[list[PointSchema], Field(min_length=2)]
    lines: Annotated[dict[Line, Changes], Field(min_length=1, max_length=LINES_MAX)]
    figures: Annotated[list[FigureSchema], Field(min_length=1)]
    baseline: Changes | None = None
    seeds: Annotated[int, Field(ge=1, le=10_000)] = 1


@dataclass(frozen=True)
class CurveFile:
    """What a file says. `source`: the configuration that is left."""

    source: YamlSource
    words: CurveSchema

    @classmethod
    def read(cls, path: Path) -> "CurveFile":
        """ConfigError if it is none; what else a point has wrong is seen when it is made."""
        source = YamlSource.read(path)
        right = "curve: {x: .., points: [..], lines: {..}, figures: [..]}"
        rest = without_section(source, KEY, "the file has no curve", right)
        words = section_of(source, KEY, CurveSchema)
        findings = list(_findings(source, words))
        if findings:
            raise ConfigError(findings)
        return cls(rest, words)

    def case(self, line: str, point: int | None, seed: int) -> Case:
        """The configuration of a seed of a point, or of the baseline of its line. ConfigError."""
        case = Case(self.source, seed)
        tree = case.tree()
        change(tree, self.words.lines[line], self.source, (KEY, "lines", line))
        if point is None:
            change(tree, self.words.baseline or {}, self.source, (KEY, "baseline"))
        else:
            change(tree, self.words.points[point].set, self.source, (KEY, "points", point, "set"))
        return case.changed(tree)


def _findings(source: YamlSource, words: CurveSchema) -> Iterator[Finding]:
    """What no single value shows."""
    found = [each.x for each in words.points]
    if found != sorted(set(found)):
        yield source.finding((KEY, "points"), "points: x does not rise", "write each x once, the least first")
    for number, figure in enumerate(words.figures):
        where = (KEY, "figures", number)
        if figure.read == "lost" and words.baseline is None:
            yield source.finding(
                where, "lost: there is nothing to compare with", "write baseline: {PLACE: ..}"
            )
        for line in figure.paper.keys() - words.lines.keys():
            right = f"one of {', '.join(words.lines)}"
            yield source.finding((*where, "paper"), f"paper: no line {line!r}", right)
