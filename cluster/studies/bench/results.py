"""What the bench has found: figures, each with its floor, as people and as programs read them.

A recorded run is what `--json` prints.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from cluster.lab.config.errors import ConfigError, Finding, reason_of
from cluster.lab.terminal.table import Table, number, text
from cluster.studies.bench.computer import Computer

COLUMNS = (
    *(text("benchmark"), text("mode"), number("median"), number("min"), number("max")),
    *(text("unit"), number("floor"), number("ratio")),
)
PER_SECOND: Final = "1/s"
"""The one unit of which more is better."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one repeat gave, and its floor, measured beside it."""

    value: float
    floor: float

    @property
    def ratio(self) -> float:
        """How many times the floor."""
        return self.value / self.floor


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: median, least and greatest of its repeats, the median of their floors, and their ratios."""

    name: str
    mode: str
    unit: str
    repeats: int
    median: float
    min: float
    max: float
    floor: float
    ratio: float
    ratio_min: float
    ratio_max: float

    @classmethod
    def of(cls, name: str, mode: str, unit: str, samples: Sequence[Sample]) -> "Result":
        """The figure out of its repeats; each is held against its own floor, as the machine was then."""
        values, ratios = [each.value for each in samples], [each.ratio for each in samples]
        return cls(
            *(name, mode, unit, len(samples)),
            *(median(values), min(values), max(values), median(each.floor for each in samples)),
            *(median(ratios), min(ratios), max(ratios)),
        )


@dataclass(slots=True)
class Measurements:
    """All figures of one run of the benchmark."""

    machine: Computer
    results: list[Result] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Measurements":
        """Those of a recorded run. ConfigError if this is none."""
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except OSError as error:
            wrong = f"cannot be read: {reason_of(error)}"
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(each) for each in first["loc"])
            wrong = (
                f"no recorded run: {where}: {first['msg']}" if where else f"no recorded run: {first['msg']}"
            )
        raise ConfigError([Finding(path, 0, wrong, "name a file that `domzero bench --json` has printed")])

    def to_dict(self) -> dict[str, object]:
        """As `--json` prints them."""
        return asdict(self)

    def print_table(self, console: Console) -> None:
        """As people read them."""
        table = Table(*COLUMNS)
        for each in self.results:
            numbers = [shown(value) for value in (each.median, each.min, each.max)]
            table.add(each.name, each.mode, *numbers, each.unit, shown(each.floor), f"{each.ratio:.2f}")
        table.print(console)


def shown(value: float) -> str:
    """A number as it is printed: 1,234.5 or 0.123."""
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3g}"
