"""All trials of a matrix by number, the same in every process and on every machine.

Rules: plain data, so that it can be sent; the record of a trial is a function of the file and of the code. Of
a cell the trials follow each other; all cells have the same seeds.
"""

import shlex
from dataclasses import dataclass
from functools import cached_property

from cluster.studies.campaign.case import Case, first_seed
from cluster.studies.campaign.results import section_header
from cluster.studies.campaign.sweep import DIED
from cluster.studies.campaign.trial import Record
from cluster.studies.matrix.cell import Cell
from cluster.studies.matrix.schema import KEY, NONE, MatrixFile
from cluster.studies.matrix.trial import CellTrial, simulate_cell


@dataclass(frozen=True)
class MatrixPlan:
    """A file, and its cells in the order of architectures, faults (without one first) and frontends."""

    file: MatrixFile

    def __reduce__(self) -> tuple[type["MatrixPlan"], tuple[object, ...]]:
        """What has been made ready is made again where the plan goes."""
        return MatrixPlan, (self.file,)

    @cached_property
    def cells(self) -> list[Cell]:
        """All of them."""
        axes = self.file.axes
        return [
            Cell(architecture, fault, frontend)
            for architecture in axes.architectures
            for fault in (NONE, *axes.faults)
            for frontend in axes.frontends
        ]

    @property
    def seeds(self) -> int:
        """How many a cell has."""
        return self.file.axes.seeds

    def numbers(self, cells: list[Cell]) -> list[int]:
        """The trials of some cells, seed by seed, so that every cell is known a little early on."""
        places = [self.cells.index(each) for each in cells]
        return [place * self.seeds + at for at in range(self.seeds) for place in places]

    def place(self, number: int) -> tuple[Cell, int]:
        """The cell and the seed of a trial."""
        place, at = divmod(number, self.seeds)
        return self.cells[place], first_seed(self.file.source) + at

    def case(self, number: int) -> Case:
        """The configuration of a trial. ConfigError."""
        cell, seed = self.place(number)
        return cell.case(self.file, seed)

    def record(self, number: int) -> Record:
        """Run a trial."""
        cell, seed = self.place(number)
        return simulate_cell(cell, cell.case(self.file, seed).cluster(), number, seed).to_record()

    def died(self, number: int) -> Record:
        """The record of a trial whose process did not live to tell."""
        cell, seed = self.place(number)
        return CellTrial(number, cell.names, seed, verdict="failed", failed={"machines": DIED}).to_record()

    def replay_command(self, number: int) -> str:
        """The command that runs a trial again and shows it."""
        cell, seed = self.place(number)
        return shlex.join(["domzero", "matrix", str(self.file.source.path), "--replay", f"{cell}:{seed}"])

    def header(self) -> Record:
        """What tells the results of this plan from those of others."""
        return section_header(self.file.source, KEY, self.file.axes.model_dump(mode="json"))
