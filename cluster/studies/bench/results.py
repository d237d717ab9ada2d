"""What the bench has found: figures, each with its floor, as people and as programs read them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from rich.console import Console

from cluster.lab.terminal.table import Table, number, text

COLUMNS = (
    *(text("benchmark"), text("mode"), number("median"), number("min"), number("max")),
    *(text("unit"), number("floor"), number("ratio")),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one repeat gave, and its floor, measured beside it."""

    value: float
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: median, least and greatest of its repeats, and its floor."""

    name: str
    mode: str
    unit: str
    median: float
    min: float
    max: float
    floor: float | None
    ratio: float | None

    @classmethod
    def of(cls, name: str, mode: str, unit: str, samples: Sequence[Sample]) -> "Result":
        """The figure out of its repeats; the ratio is ours over the floor's."""
        values = [each.value for each in samples]
        floors = [each.floor for each in samples if each.floor is not None]
        middle, floor = median(values), median(floors) if floors else None
        ratio = middle / floor if floor else None
        return cls(name, mode, unit, middle, min(values), max(values), floor, ratio)


@dataclass(slots=True)
class Measurements:
    """All figures of one run of the benchmark."""

    machine: dict[str, object]
    results: list[Result] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """As `--json` prints them."""
        return {"machine": self.machine, "results": [asdict(each) for each in self.results]}

    def print_table(self, console: Console) -> None:
        """As people read them."""
        table = Table(*COLUMNS)
        for each in self.results:
            floor = "" if each.floor is None else f"{each.floor:,.1f}"
            ratio = "" if each.ratio is None else f"{each.ratio:.2f}"
            table.add(
                each.name,
                each.mode,
                f"{each.median:,.1f}",
                f"{each.min:,.1f}",
                f"{each.max:,.1f}",
                each.unit,
                floor,
                ratio,
            )
        table.print(console)
