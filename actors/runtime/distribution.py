"""How long something takes: a constant, or drawn from a distribution, in whole nanoseconds.

Rules: a distribution is made into a table of quantiles once, and draws are made in blocks ahead of their use,
since there is one for each step of a simulation. Nothing is ever drawn beyond the last quantile of the table.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from random import Random
from statistics import NormalDist
from typing import Final

QUANTILE_BITS: Final = 10
QUANTILES: Final = 1 << QUANTILE_BITS
DRAWN_AT_ONCE: Final = 64
CONSTANT: Final = "constant"
UNIFORM: Final = "uniform"
EXPONENTIAL: Final = "exponential"
LOGNORMAL: Final = "lognormal"
PARAMETERS: Final = {CONSTANT: 1, UNIFORM: 2, EXPONENTIAL: 1, LOGNORMAL: 2}
_P99: Final = NormalDist().inv_cdf(0.99)

Draw = Callable[[], int]
"""Gives the next of what was drawn, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One kind of distribution with its parameters, in nanoseconds; ValueError if they contradict each other.

    `constant` (value), `uniform` (least, most), `exponential` (mean), `lognormal` (median, 99th percentile).
    """

    kind: str
    parameters: tuple[int, ...]

    def __post_init__(self) -> None:
        values = self.parameters
        if PARAMETERS.get(self.kind) != len(values) or min(values) < 0 or list(values) != sorted(values):
            raise ValueError(f"{self.kind} of {values} is no distribution")
        if self.kind == LOGNORMAL and not values[0]:
            raise ValueError("a lognormal distribution has a median above 0")

    @lru_cache(maxsize=128)  # noqa: B019 (a campaign has the same few in each of its trials)
    def quantiles(self) -> tuple[int, ...]:
        """What is drawn, in `QUANTILES` equally likely steps."""
        return tuple(round(self._quantile((index + 0.5) / QUANTILES)) for index in range(QUANTILES))

    def drawn_from(self, random: Random) -> Draw:
        """A function that draws."""
        if self.kind == CONSTANT:
            (value,) = self.parameters
            return repeat(value).__next__
        return _endless(self.quantiles(), random).__next__

    def row(self) -> list[object]:
        """The distribution as msgpack data."""
        return [self.kind, list(self.parameters)]

    @classmethod
    def from_row(cls, row: object) -> "Distribution":
        """A distribution as `row` gave it away; ValueError if it is none."""
        if not isinstance(row, Sequence) or len(row) != 2 or not isinstance(row[1], Sequence):
            raise ValueError(f"{row!r} is no distribution")
        return cls(str(row[0]), tuple(int(each) for each in row[1]))

    def _quantile(self, share: float) -> float:
        first = self.parameters[0]
        if self.kind == UNIFORM:
            return first + (self.parameters[1] - first) * share
        if self.kind == EXPONENTIAL:
            return -first * math.log1p(-share)
        if self.kind == LOGNORMAL:
            sigma = math.log(self.parameters[1] / first) / _P99
            return first * math.exp(sigma * NormalDist().inv_cdf(share))
        return first


def _endless(table: Sequence[int], random: Random) -> Iterator[int]:
    bits = random.getrandbits
    while True:
        yield from [table[bits(QUANTILE_BITS)] for _ in range(DRAWN_AT_ONCE)]
