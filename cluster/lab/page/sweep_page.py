"""The page of a sweep: how many seeds held, what failed and how to see it again, coverage, recoveries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.lab.page.distributions import distribution_plot, distribution_table
from cluster.lab.page.page_table import Column, PageTable
from cluster.lab.page.rendering import rendered

FAILURES: Final = (
    *(Column("seed"), Column("verdict", verdict=True), Column("what was seen", long=True)),
    Column("to see it again", long=True),
)
COUNTS: Final = tuple(Column(each, number=True) for each in ("trials", "failed", "unknown"))
PLAN: Final = (Column("what"), Column("was", long=True))


@dataclass(frozen=True, slots=True)
class SweepPage:
    """What a page is made of. `counted`: a table for each thing that is counted, by its title.

    `failures`: seed, verdict, what was seen and the command; `more`: those that are not among them.
    `recoveries`: times in nanoseconds by kind of fault; `never`: how often nothing recovered.
    """

    name: str
    plan: Sequence[tuple[str, str]]
    counts: Mapping[str, int]
    bound: str
    failures: Sequence[Sequence[str]]
    more: int
    counted: Sequence[tuple[str, Sequence[tuple[str, int, int, int]]]]
    recoveries: Mapping[str, Sequence[int]]
    never: Mapping[str, int]

    @property
    def verdict(self) -> str:
        """That on all seeds together; of none nothing is known."""
        worst = next((each for each in ("failed", "unknown") if self.counts[each]), "held")
        return worst if any(self.counts.values()) else "unknown"

    def text(self) -> str:
        """The page."""
        plot = distribution_plot(self.recoveries)
        return rendered(
            "sweep.html.jinja",
            page=self,
            total=f"{sum(self.counts.values()):,}",
            counts=", ".join(f"{count:,} {name}" for name, count in self.counts.items()),
            plan=PageTable("What was swept", PLAN, self.plan),
            failures=PageTable("Seeds that did not hold, and the command for each", FAILURES, self.failures),
            counted=[_counted(title, rows) for title, rows in self.counted if rows],
            plots=[plot] if plot is not None else [],
            recoveries=distribution_table(self.recoveries, self.never),
        )


def _counted(title: str, rows: Sequence[tuple[str, int, int, int]]) -> PageTable:
    told = [[name, *(f"{each:,}" for each in counts)] for name, *counts in rows]
    return PageTable(f"Seeds by {title}", (Column(title), *COUNTS), told)
