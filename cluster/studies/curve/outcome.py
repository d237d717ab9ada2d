"""What came of a curve: its points, each beside the paper's.

Rules: a figure of a point is the median of its seeds, between the least and the greatest; times, whose places
end in `_ns` or lie in one that does, are told in ms. What no seed has measured is None.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.markup import escape

from cluster.lab.documents.curve_document import CurveDocument
from cluster.lab.documents.document_kind import CURVE as CURVE_KIND
from cluster.lab.page.curve_page import curve_page
from cluster.lab.terminal.table import Table, line, number, text
from cluster.running.run.kept_document import check_fields, read_document
from cluster.running.run.run_directory import RunDirectory
from cluster.studies.campaign.trial import Record
from cluster.studies.curve.plan import CurvePlan, Place
from cluster.studies.curve.schema import CurveSchema, FigureSchema

SCHEMA: Final = 1
CURVE: Final = "curve.json"
PAGE: Final = "report.html"
Measured = Mapping[Place, Sequence[Record]]


@dataclass(frozen=True, slots=True)
class CurveOutcome:
    """The records of all runs, by line and point."""

    header: Record
    words: CurveSchema
    measured: Measured

    @classmethod
    def of(cls, plan: CurvePlan, records: Sequence[Record]) -> "CurveOutcome":
        """Of the records of runs."""
        found: dict[Place, list[Record]] = {place: [] for place in plan.places}
        for each in records:
            found[each["line"], each["point"]].append(each)
        return cls(plan.header(), plan.file.words, found)

    @property
    def verdicts(self) -> set[str]:
        """Of all runs; unknown for what has not been run."""
        return {each["verdict"] for found in self.measured.values() for each in found} | {
            "unknown" for found in self.measured.values() if not found
        }

    def to_dict(self) -> Record:
        """`curve.json` as data."""
        return {
            "schema": SCHEMA,
            "name": self.header["name"],
            "sha256": self.header["sha256"],
            "x": self.words.x,
            "seeds": self.words.seeds,
            "verdicts": sorted(self.verdicts),
            "figures": [self._told(place, each) for place, each in enumerate(self.words.figures)],
        }

    def write(self, folder: Path) -> None:
        """Write `curve.json` and its page, each as a whole or not at all."""
        told = self.to_dict()
        for name, content in ((CURVE, json.dumps(told)), (PAGE, curve_page(told))):
            RunDirectory(folder).write(name, content)

    def print(self, console: Console) -> None:
        """What a person reads: for each figure a table, a row for each x."""
        told = self.to_dict()
        for figure in told["figures"]:
            line(console, f"[bold]{escape(_title(figure))}[/]")
            names = [each["line"] for each in figure["lines"]]
            table = Table(
                number(self.words.x), *(each for name in names for each in (number(name), text("paper")))
            )
            for at, point in enumerate(self.words.points):
                cells = [each["points"][at] for each in figure["lines"]]
                table.add(
                    f"{point.x:g}",
                    *(shown for cell in cells for shown in (spread_text(cell), number_text(cell["paper"]))),
                )
            table.print(console)
            if figure["source"]:
                line(console, escape(f"paper: {figure['source']}"))
            console.print()

    def _told(self, place: int, figure: FigureSchema) -> Record:
        is_time = any(step.endswith("_ns") for step in figure.place.split("/"))
        unit = "%" if figure.read == "lost" else "ms" if is_time else ""
        return {
            "title": figure.title,
            "place": figure.place,
            "read": figure.read,
            "unit": unit,
            "source": figure.source,
            "lines": [
                {"line": name, "points": [self._point(place, figure, name, at, unit) for at in self._points]}
                for name in self.words.lines
            ],
        }

    @property
    def _points(self) -> range:
        return range(len(self.words.points))

    def _point(self, place: int, figure: FigureSchema, name: str, at: int, unit: str) -> Record:
        x = self.words.points[at].x
        values = self._values(place, (name, at))
        if figure.read == "lost":
            before = median(self._values(place, (name, None)) or [0])
            values = [100 * (1 - each / before) for each in values] if before else []
        elif unit == "ms":
            values = [each / 1e6 for each in values]
        return {
            "x": x,
            "p50": median(values) if values else None,
            "min": min(values, default=None),
            "max": max(values, default=None),
            "runs": len(values),
            "paper": next((y for there, y in figure.paper.get(name, []) if there == x), None),
        }

    def _values(self, place: int, where: Place) -> list[float]:
        found = [each["figures"][place] for each in self.measured[where]]
        return [each for each in found if each is not None]


def spread_text(point: Record) -> str:
    """The median, and between what if seeds differ."""
    if point["p50"] is None:
        return "-"
    spread = f" ({point['min']:.4g} to {point['max']:.4g})" if point["min"] != point["max"] else ""
    return f"{point['p50']:.4g}{spread}"


def number_text(value: float | None) -> str:
    """A number that may not be there."""
    return "-" if value is None else f"{value:g}"


def page_of_curve(path: Path) -> str:
    """The page of a `curve.json`. KeptError if it is none, or of another version."""
    told = read_document(path, CURVE_KIND)
    check_fields(path, CurveDocument, told)
    return curve_page(told)


def _title(figure: Record) -> str:
    return f"{figure['title']}, {figure['unit']}" if figure["unit"] else str(figure["title"])
