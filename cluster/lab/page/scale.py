"""Values as places on an axis, and where its ticks are: linear, or in whole decades."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

from cluster.lab.config.quantities import DURATION_UNITS

_STEPS: Final = (1, 2, 5, 10)
_TIME_UNITS: Final = ("s", "ms", "us", "ns")


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Linear:
    """From `first` to `last`, which differ, between two places of a picture."""

    first: float
    last: float
    start: float
    end: float

    @classmethod
    def up_to(cls, values: Sequence[float], start: float, end: float) -> "Linear":
        """From 0 to the greatest value; to 1 if all are 0."""
        return cls(0, max([*values, 0]) or 1, start, end)

    def place(self, value: float) -> float:
        """Where a value is."""
        share = (value - self.first) / (self.last - self.first)
        return round(self.start + share * (self.end - self.start), 1)

    def clipped(self, value: float) -> float:
        """Where a value is, or the end of the axis that it lies beyond."""
        return self.place(min(max(value, self.first), self.last))

    def steps(self, most: int, unit: float = 1) -> list[float]:
        """At most `most + 1` values whose distance is 1, 2 or 5 times a power of ten of the unit."""
        least = (self.last - self.first) / unit / most
        power = 10.0 ** floor(log10(least))
        step = next(power * each for each in _STEPS if power * each >= least * (1 - 1e-9))
        from_step = ceil(self.first / unit / step - 1e-9)
        to_step = floor(self.last / unit / step + 1e-9)
        return [number * step * unit for number in range(from_step, to_step + 1)]

    def ticks(self, most: int, unit: float = 1) -> list[Tick]:
        """The same with their numbers of units."""
        return [Tick(self.place(each), f"{each / unit:,.10g}") for each in self.steps(most, unit)]


@dataclass(frozen=True, slots=True)
class Decades:
    """Whole decades from 10 to the `first` on, between two places of a picture."""

    first: int
    decades: int
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> "Decades":
        """As many as it takes for these values, which are above 0."""
        first = floor(log10(min(values)))
        return cls(first, max(1, ceil(log10(max(values))) - first), start, end)

    def place(self, value: float) -> float:
        """Where a value above 0 is."""
        share = (log10(value) - self.first) / self.decades
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[Tick]:
        """The powers of ten."""
        return [Tick(self.place(each), f"{each:,g}") for each in self._powers()]

    def minor(self) -> list[float]:
        """The places of the whole multiples between them."""
        return [self.place(power * each) for power in self._powers()[:-1] for each in range(2, 10)]

    def _powers(self) -> list[float]:
        return [10.0 ** (self.first + each) for each in range(self.decades + 1)]


def time_unit(span_ns: float) -> str:
    """The unit in which a span of time is to be written on an axis."""
    return next((each for each in _TIME_UNITS if span_ns >= 2 * DURATION_UNITS[each]), "ns")
