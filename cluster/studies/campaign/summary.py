"""What a person reads after a sweep: how many held, and what was met on the way.

Rules: counts trials, not faults: "failed" beside a kind says how many trials with it failed, not that it was
to blame. That nothing failed bounds the failure rate, and no more.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from rich.console import Console
from rich.markup import escape

from actors.device_classes import DEVICE_CLASSES
from actors.policies import Links
from cluster.lab.terminal.table import Table, line, number, text
from cluster.studies.campaign.trial import Record

FAILURES_SHOWN: Final = 10
CONFIDENCE_95: Final = 2.996
"""-ln(0.05): with no failure in n trials, the rate is below this over n with 95 % confidence."""


@dataclass(slots=True)
class _Row:
    trials: int = 0
    failed: int = 0
    unknown: int = 0


COUNTED: Final = ("fault", *(f"{each} state at a fault" for each in DEVICE_CLASSES), "check")
COUNTS: Final = (number("trials"), number("failed"), number("unknown"))


class SweepSummary:
    """Counts records as they come; of those that did not hold it keeps the `shown` lowest seeds, in `bad`."""

    def __init__(self, shown: int = FAILURES_SHOWN) -> None:
        self.bad: list[Record] = []
        self._shown = shown
        self.counts = {"held": 0, "failed": 0, "unknown": 0}
        self._kinds: dict[str, _Row] = {}
        self._states: dict[str, dict[str, _Row]] = {each: {} for each in DEVICE_CLASSES}
        self._checks: dict[str, _Row] = {}

    @property
    def total(self) -> int:
        """How many records there were."""
        return sum(self.counts.values())

    def add(self, record: Record) -> None:
        """One more record."""
        verdict = record["verdict"]
        self.counts[verdict] += 1
        _count(self._kinds, (kind for kind, _ in record["faults"]), verdict)
        for device_class, rows in self._states.items():
            _count(rows, _of_class(device_class, record["states"]), verdict)
        if verdict != "held":
            found = (record[each] for each in ("failed", "unknown"))
            _count(self._checks, chain.from_iterable(found), verdict)
            self.bad = sorted([*self.bad, record], key=lambda each: each["seed"])[: self._shown]

    def tables(self) -> Iterator[tuple[str, list[tuple[str, int, int, int]]]]:
        """For each of `COUNTED` its rows in order: a name, how many trials had it, failed, are unknown."""
        for title, rows in zip(COUNTED, (self._kinds, *self._states.values(), self._checks), strict=True):
            yield (
                title,
                [(name, each.trials, each.failed, each.unknown) for name, each in sorted(rows.items())],
            )

    @property
    def bound(self) -> str:
        """What it says of the rate of failures that nothing failed; empty if something did."""
        if not self.total or self.counts["held"] < self.total:
            return ""
        rate = CONFIDENCE_95 / self.total
        return f"with 95 % confidence fewer than {rate:.2%} of schedules fail"

    def print(self, console: Console, replay: Callable[[int], str]) -> None:
        """Print the summary; `replay(seed)` is the command that shows a seed again."""
        for title, rows in self.tables():
            _print_rows(console, title, rows)
        counts, total = self.counts, self.total
        for each in self.bad:
            console.print(failure_text(each), highlight=False, soft_wrap=True)
            console.print(f"    {escape(replay(each['seed']))}", highlight=False, soft_wrap=True)
        if more := total - counts["held"] - len(self.bad):
            line(console, f"and {more} more, in the results")
        colour = "bold red" if counts["failed"] else "yellow" if counts["unknown"] or not total else "green"
        told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        console.print(f"[{colour}]{total:,} seeds: {told}[/]", highlight=False)
        if self.bound:
            console.print(self.bound, highlight=False)


def failure_text(record: Record) -> str:
    """One line about a trial that did not hold."""
    found = {**record["failed"], **record["unknown"]}
    name, detail = next(iter(found.items()), ("?", ""))
    more = f" (and {', '.join(list(found)[1:])})" if len(found) > 1 else ""
    ways = record.get("links", Links.hypervisor)  # older results do not say
    links = "" if ways == Links.hypervisor else f" (links: {ways})"
    return escape(f"seed {record['seed']}{links} {record['verdict']}: {name}: {detail}{more}")


def _of_class(device_class: str, states: Iterable[str]) -> Iterator[str]:
    """The ends of devices of a class, and their states, out of those of all."""
    for each in states:
        name, _, state = each.partition(" ")
        if name == device_class:
            yield state


def _count(rows: dict[str, _Row], names: Iterable[str], verdict: str) -> None:
    for name in dict.fromkeys(names):
        row = rows.setdefault(name, _Row())
        row.trials += 1
        row.failed += verdict == "failed"
        row.unknown += verdict == "unknown"


def _print_rows(console: Console, title: str, rows: list[tuple[str, int, int, int]]) -> None:
    if not rows:
        return
    table = Table(text(title), *COUNTS)
    for name, *counts in rows:
        table.add(name, *(f"{each:,}" for each in counts))
    table.print(console)
    console.print()
