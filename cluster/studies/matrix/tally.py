"""All trials of a cell together.

Rules: a share of guests has the interval in which it lies with 95 % confidence (Wilson's, as if guests were
independent, which those of one trial are not: the trials of a cell bound it from below). A percentile is
a value that was measured. What was not measured is None.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, mean
from typing import Final

from cluster.studies.campaign.trial import Record
from cluster.studies.matrix.trial import PARTS

_Z95: Final = NormalDist().inv_cdf(0.975)


@dataclass(slots=True)
class Tally:
    """One cell. `bad`: the trials that did not hold, by number; `names`: architecture, fault, frontend."""

    names: tuple[str, str, str]
    trials: int = 0
    guests: int = 0
    survived: int = 0
    broken: int = 0
    stuck: int = 0
    errors: int = 0
    writes_lost: int = 0
    requests: int = 0
    duration_ns: int = 0
    events: int = 0
    memory_pages: int = 0
    cpu_s: float = 0.0
    outages_ns: list[int] = field(default_factory=list)
    parts_ns: dict[str, list[int]] = field(default_factory=lambda: {each: [] for each in PARTS})
    served: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """One more trial."""
        self.trials += 1
        for key in ("guests", "survived", "broken", "stuck", "errors", "writes_lost", "requests", "events"):
            setattr(self, key, getattr(self, key) + record[key])
        self.duration_ns += record["duration"]
        self.memory_pages = max(self.memory_pages, record["memory_pages"])
        self.cpu_s += record["cpu_s"]
        self.outages_ns += record["outages"]
        for part in PARTS:
            self.parts_ns[part] += record[part]
        if record["served"]:
            self.served = _sums(self.served, record["served"])
        if record["verdict"] != "held":
            (self.failed if record["verdict"] == "failed" else self.unknown).append(record["seed"])

    @property
    def verdict(self) -> str:
        """Of the checks of all trials; unknown without any."""
        return "failed" if self.failed else "unknown" if self.unknown or not self.trials else "held"

    @property
    def share(self) -> float | None:
        """Guests that survived, of all."""
        return self.survived / self.guests if self.guests else None

    @property
    def fate(self) -> str:
        """What became of its guests in one word: `lives`, `dies` (and comes back), `hangs` or `mixed`."""
        if not self.guests:
            return "unknown"
        counts = {
            "lives": self.survived,
            "hangs": self.broken,
            "dies": self.guests - self.survived - self.broken,
        }
        return next((name for name, count in counts.items() if count == self.guests), "mixed")

    @property
    def requests_per_s(self) -> float | None:
        """Requests a second of all guests; means something in a cell whose guests ask as fast as they can."""
        return self.requests * 1e9 / self.duration_ns if self.duration_ns else None

    def to_dict(self) -> Record:
        """The cell as `matrix.json` has it."""
        architecture, fault, frontend = self.names
        return {
            "architecture": architecture,
            "fault": fault,
            "frontend": frontend,
            "verdict": self.verdict,
            "fate": self.fate,
            "trials": self.trials,
            "guests": self.guests,
            "survived": self.survived,
            "survived_share": self.share,
            "survived_interval": wilson(self.survived, self.guests),
            "broken": self.broken,
            "stuck": self.stuck,
            "errors": self.errors,
            "writes_lost": self.writes_lost,
            "outage_ns": {"p50": percentile(self.outages_ns, 50), "p99": percentile(self.outages_ns, 99),
                          "max": max(self.outages_ns, default=None)},
            "parts_ns": {name: percentile(times, 50) for name, times in self.parts_ns.items()},
            "outages_ns": sorted(self.outages_ns),
            "served": self.served,
            "requests_per_s": self.requests_per_s,
            "events_per_request": self.events / self.requests if self.requests else None,
            "memory_bytes": self.memory_pages * 4096,
            "failed_trials": self.failed,
            "unknown_trials": self.unknown,
        }  # fmt: skip


def wilson(hits: int, of: int) -> list[float] | None:
    """The 95 % interval of a share (Wilson, JASA 22, 1927); None of nothing."""
    if not of:
        return None
    share, z2 = hits / of, _Z95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return [max(0.0, middle - half), min(1.0, middle + half)]


def percentile(values: Sequence[int], percent: int) -> int | None:
    """The smallest value that so many percent are not above; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def tallies(records: Iterable[Record]) -> dict[tuple[str, str, str], Tally]:
    """The cells of all records, in the order in which they are first met."""
    found: dict[tuple[str, str, str], Tally] = {}
    for record in records:
        architecture, fault, frontend = record["cell"]
        names = (architecture, fault, frontend)
        found.setdefault(names, Tally(names)).add(record)
    return found


def mean_of(values: Iterable[float | None]) -> float | None:
    """The mean of those that are known; None if none is."""
    known = [each for each in values if each is not None]
    return mean(known) if known else None


def _sums(first: Sequence[int], second: Sequence[int]) -> list[int]:
    return [a + b for a, b in zip(first, second, strict=True)] if first else list(second)
