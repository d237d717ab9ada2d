"""What a person reads after a sweep: how many held, and what was met on the way.

Rules: counts trials, not faults: "failed" beside a kind says how many trials with it failed, not that it was
to blame. That nothing failed bounds the failure rate, and no more.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, cast

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.campaign.trial import Record

FAILURES_SHOWN: Final = 10
CONFIDENCE_95: Final = 2.996
"""-ln(0.05): with no failure in n trials, the rate is below this over n with 95 % confidence."""


@dataclass(slots=True)
class _Row:
    trials: int = 0
    failed: int = 0
    unknown: int = 0


def count_verdicts(records: Iterable[Record]) -> dict[str, int]:
    """How many trials held, failed, or are not known."""
    counts = {"held": 0, "failed": 0, "unknown": 0}
    for each in records:
        counts[cast("str", each["verdict"])] += 1
    return counts


def print_sweep(console: Console, records: list[Record], replay: Callable[[int], str]) -> None:
    """Print the summary of a sweep; `replay(seed)` is the command that shows a seed again."""
    counts = count_verdicts(records)
    _print_rows(console, "fault", _by(records, _kinds))
    _print_rows(console, "vbd state at a fault", _by(records, _states))
    _print_rows(console, "check", _by([each for each in records if each["verdict"] != "held"], _checks))
    bad = sorted(
        (each for each in records if each["verdict"] != "held"), key=lambda each: cast("int", each["seed"])
    )
    for each in bad[:FAILURES_SHOWN]:
        console.print(failure_text(each), highlight=False, soft_wrap=True)
        console.print(f"    {escape(replay(cast('int', each['seed'])))}", highlight=False, soft_wrap=True)
    if len(bad) > FAILURES_SHOWN:
        console.print(f"and {len(bad) - FAILURES_SHOWN} more, in the results")
    total = len(records)
    colour = "bold red" if counts["failed"] else "yellow" if counts["unknown"] or not total else "green"
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    console.print(f"[{colour}]{total:,} seeds: {told}[/]", highlight=False)
    if total and counts["held"] == total:
        rate = CONFIDENCE_95 / total
        console.print(f"with 95 % confidence fewer than {rate:.2%} of schedules fail", highlight=False)


def failure_text(record: Record) -> str:
    """One line about a trial that did not hold."""
    found = {**cast("dict[str, str]", record["failed"]), **cast("dict[str, str]", record["unknown"])}
    name, detail = next(iter(found.items()), ("?", ""))
    more = f" (and {', '.join(list(found)[1:])})" if len(found) > 1 else ""
    return escape(f"seed {record['seed']} {record['verdict']}: {name}: {detail}{more}")


def _by(records: list[Record], names: Callable[[Record], Iterable[str]]) -> dict[str, _Row]:
    rows: dict[str, _Row] = {}
    for each in records:
        for name in dict.fromkeys(names(each)):
            row = rows.setdefault(name, _Row())
            row.trials += 1
            row.failed += each["verdict"] == "failed"
            row.unknown += each["verdict"] == "unknown"
    return dict(sorted(rows.items()))


def _print_rows(console: Console, title: str, rows: dict[str, _Row]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column(title, no_wrap=True)
    for name in ("trials", "failed", "unknown"):
        table.add_column(name, justify="right")
    for name, row in rows.items():
        table.add_row(escape(name), f"{row.trials:,}", f"{row.failed:,}", f"{row.unknown:,}")
    console.print(table)
    console.print()


def _kinds(record: Record) -> list[str]:
    return [kind for kind, _ in cast("list[list[str]]", record["faults"])]


def _states(record: Record) -> list[str]:
    return cast("list[str]", record["states"])


def _checks(record: Record) -> list[str]:
    return [*cast("dict[str, str]", record["failed"]), *cast("dict[str, str]", record["unknown"])]
