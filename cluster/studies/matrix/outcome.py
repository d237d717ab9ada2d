"""What came of a matrix: its cells, and where the two drivers agree.

Rules: the live subset agrees in a cell if the same became of its guests; of a cell whose simulated trials
differ among themselves (`mixed`) nothing is concluded from few live ones.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from cluster.lab.documents.document_kind import MATRIX as MATRIX_KIND
from cluster.lab.documents.matrix_document import MatrixDocument
from cluster.lab.page.matrix_page import matrix_page
from cluster.lab.terminal.table import Table, line, number, text
from cluster.running.run.kept_document import check_fields, read_document
from cluster.running.run.run_directory import RunDirectory
from cluster.studies.campaign.trial import Record
from cluster.studies.matrix.plan import MatrixPlan
from cluster.studies.matrix.schema import AxesSchema
from cluster.studies.matrix.table import Names, fate_text, print_matrix
from cluster.studies.matrix.tally import Tally, percentile, tallies
from cluster.studies.matrix.trial import BEFORE_NS, BIN_NS

SCHEMA: Final = 1
MATRIX: Final = "matrix.json"
PAGE: Final = "report.html"


@dataclass(frozen=True, slots=True)
class MatrixOutcome:
    """The cells that were asked for, by architecture, fault and frontend; and those that were run live."""

    header: Record
    axes: AxesSchema
    cells: Mapping[Names, Tally]
    live: Mapping[Names, Tally]
    replays: Callable[[int], str]

    @classmethod
    def of(cls, plan: MatrixPlan, records: Sequence[Record], live: Sequence[Record]) -> "MatrixOutcome":
        """Of the records of the trials."""
        return cls(plan.header(), plan.file.axes, tallies(records), tallies(live), plan.replay_command)

    @property
    def disagreements(self) -> list[Names]:
        """The live cells in which something else became of the guests than in the simulated ones."""
        return [names for names, each in self.live.items() if not _agrees(self.cells.get(names), each)]

    @property
    def has_failed(self) -> bool:
        """Whether a check failed in any trial, or the drivers disagree."""
        verdicts = [each.verdict for each in (*self.cells.values(), *self.live.values())]
        return "failed" in verdicts or bool(self.disagreements)

    @property
    def is_unknown(self) -> bool:
        """Whether a cell could not be judged, or there is none."""
        verdicts = [each.verdict for each in (*self.cells.values(), *self.live.values())]
        return "unknown" in verdicts or not self.cells

    def to_dict(self) -> Record:
        """`matrix.json` as data."""
        return {
            "schema": SCHEMA,
            "name": self.header["name"],
            "sha256": self.header["sha256"],
            "architectures": self.axes.architectures,
            "faults": list(self.axes.faults),
            "frontends": [each.value for each in self.axes.frontends],
            "seeds": self.axes.seeds,
            "bins": {"before_ns": BEFORE_NS, "length_ns": BIN_NS},
            "cells": [self._told(each) for each in self.cells.values()],
            "live": [
                {**self._told(each), "agrees": _agrees(self.cells.get(names), each)}
                for names, each in self.live.items()
            ],
        }

    def write(self, folder: Path) -> None:
        """Write `matrix.json` and its page, each as a whole or not at all."""
        told = self.to_dict()
        for name, content in ((MATRIX, json.dumps(told)), (PAGE, matrix_page(told))):
            RunDirectory(folder).write(name, content)

    def _told(self, tally: Tally) -> Record:
        """A cell, with the command that runs a seed of it again: one that did not hold, if there is any."""
        shown = self.replays(next(iter((*tally.failed, *tally.unknown, tally.first))))
        return {**tally.to_dict(), "replay": shown}

    def print(self, console: Console) -> None:
        """What a person reads."""
        print_matrix(console, self.axes, self.cells)
        if self.live:
            console.print()
            self._print_live(console)

    def _print_live(self, console: Console) -> None:
        """Each live cell beside the simulated one."""
        table = Table(
            text("in real processes"), text("live"), text("simulated"), number("ratio"), text("agrees")
        )
        for names, each in self.live.items():
            simulated = self.cells.get(names)
            ratio = _ratio(each, simulated)
            table.add(
                "/".join(names),
                fate_text(each),
                "-" if simulated is None else fate_text(simulated),
                "-" if ratio is None else f"{ratio:.1f}",
                "yes" if _agrees(simulated, each) else "no",
            )
        table.print(console)
        wrong = len(self.disagreements)
        line(console, f"{len(self.live) - wrong} of {len(self.live)} cells agree; ratio: of median outages")


def page_of_matrix(path: Path) -> str:
    """The page of a `matrix.json`. KeptError if it is none, or of another version."""
    told = read_document(path, MATRIX_KIND)
    check_fields(path, MatrixDocument, told)
    return matrix_page(told)


def _agrees(simulated: Tally | None, live: Tally) -> bool:
    return simulated is not None and simulated.fates.word in {live.fates.word, "mixed"}


def _ratio(live: Tally, simulated: Tally | None) -> float | None:
    """How many times as long the median outage was."""
    ours = percentile(live.times.outages, 50)
    theirs = None if simulated is None else percentile(simulated.times.outages, 50)
    return ours / theirs if ours and theirs else None
