"""All trials of a cell together.

Rules: a share of guests has the interval in which it lies with 95 % confidence (Wilson's, as if guests were
independent, which those of one trial are not: the trials of a cell bound it from below). A percentile is
a value that was measured. What was not measured is None.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final

from actors.abi.types import PAGE_SIZE
from cluster.lab.page.distributions import at_share
from cluster.studies.campaign.trial import Record
from cluster.studies.matrix.measures import PARTS, Fates, Times, Work

_Z95: Final = NormalDist().inv_cdf(0.975)


@dataclass(slots=True)
class Tally:
    """One cell, by the names of its architecture, its fault and its frontend.

    `failed`, `unknown`: the trials that did not hold, by number; `first`: the first trial of all.
    """

    names: tuple[str, str, str]
    first: int = 0
    trials: int = 0
    fates: Fates = field(default_factory=Fates)
    times: Times = field(default_factory=Times)
    work: Work = field(default_factory=Work)
    failed: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """One more trial."""
        self.trials += 1
        self.fates.add(record["fates"])
        self.times.add(record["times"])
        self.work.add(record["work"])
        if record["verdict"] != "held":
            (self.failed if record["verdict"] == "failed" else self.unknown).append(record["seed"])

    @property
    def verdict(self) -> str:
        """Of the checks of all trials; unknown without any."""
        return "failed" if self.failed else "unknown" if self.unknown or not self.trials else "held"

    def to_dict(self) -> Record:
        """The cell as `matrix.json` has it."""
        architecture, fault, frontend = self.names
        fates, work, outages = self.fates, self.work, sorted(self.times.outages)
        return {
            "architecture": architecture,
            "fault": fault,
            "frontend": frontend,
            "verdict": self.verdict,
            "fate": fates.word,
            "trials": self.trials,
            "guests": fates.guests,
            "survived": fates.survived,
            "survived_share": fates.share,
            "survived_interval": wilson(fates.survived, fates.guests),
            "broken": fates.broken,
            "stuck": fates.stuck,
            "errors": fates.errors,
            "writes_lost": fates.writes_lost,
            "outage_ns": {
                "p50": percentile(outages, 50),
                "p99": percentile(outages, 99),
                "max": max(outages, default=None),
            },
            "parts_ns": {each: percentile(getattr(self.times, each), 50) for each in PARTS},
            "outages_ns": outages,
            "served": work.served,
            "requests_per_s": work.requests_per_s,
            "events_per_request": work.events / work.requests if work.requests else None,
            "memory_bytes": work.memory_pages * PAGE_SIZE,
            "failed_trials": self.failed,
            "unknown_trials": self.unknown,
        }


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
    return at_share(sorted(values), percent / 100) if values else None


def tallies(records: Iterable[Record]) -> dict[tuple[str, str, str], Tally]:
    """The cells of all records, in the order in which they are first met."""
    found: dict[tuple[str, str, str], Tally] = {}
    for record in records:
        architecture, fault, frontend = record["cell"]
        names = (architecture, fault, frontend)
        found.setdefault(names, Tally(names, record["seed"])).add(record)
    return found
