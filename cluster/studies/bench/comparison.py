"""Whether ratios to floors are worse than in a recorded run.

Ratios and not figures: the floor was measured beside each, on the same machine with the same load. The spread
of the repeats says what is noise: of two runs with five repeats each, all of one are worse than all of the
other by mere chance in one figure of 252. What drifts from run to run and not within one is for `margin`.
Rules: what cannot be compared is unknown, and nothing unknown has passed.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from rich.console import Console

from cluster.lab.exit_codes import FAILED, HELD, UNKNOWN
from cluster.lab.terminal.table import Table, line, number, text
from cluster.studies.bench.results import PER_SECOND, Measurements, Result

COMPARED: Final = (
    *(text("benchmark"), text("mode"), number("then"), number("now"), number("change")),
    text("finding"),
)
REPEATS_LEAST: Final = 5


class Finding(StrEnum):
    """What became of a ratio."""

    better = "better"
    noise = "within noise"
    within_margin = "worse, within the margin"
    worse = "worse"
    few = f"unknown: fewer than {REPEATS_LEAST} repeats"
    elsewhere = "unknown: another computer"
    not_recorded = "unknown: not recorded"
    not_measured = "unknown: not measured"
    no_ratio = "unknown: a ratio is not above 0"

    @property
    def is_unknown(self) -> bool:
        """Whether nothing was found out."""
        return self.value.startswith("unknown")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: its ratio then and now, how many times worse it is now, and what that means."""

    name: str
    mode: str
    then: float | None
    now: float | None
    worse: float | None
    finding: Finding


@dataclass(frozen=True, slots=True)
class Comparison:
    """All figures of two runs. `differences`: why the computers cannot be compared, if they cannot."""

    margin: float
    differences: list[str]
    rows: list[Row]

    @property
    def exit_code(self) -> int:
        """1 if a ratio is worse; else 2 if one is unknown, or all are; else 0."""
        findings = {each.finding for each in self.rows}
        if Finding.worse in findings:
            return FAILED
        return UNKNOWN if not findings or any(each.is_unknown for each in findings) else HELD

    def to_dict(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {"comparison": asdict(self)}

    def print_table(self, console: Console) -> None:
        """As people read it, with what it comes to."""
        table = Table(*COMPARED)
        for each in self.rows:
            change = "" if each.worse is None else _change(each.worse)
            table.add(each.name, each.mode, _ratio(each.then), _ratio(each.now), change, each.finding)
        table.print(console)
        for difference in self.differences:
            line(console, f"not comparable: {difference}")
        count = len([each for each in self.rows if each.finding == Finding.worse])
        unknown = len([each for each in self.rows if each.finding.is_unknown])
        compared = len(self.rows) - unknown
        line(console, f"{count} of {compared} worse by more than {self.margin:g} times; {unknown} unknown")


def compare(then: Measurements, now: Measurements, *, only: Iterable[str], margin: float) -> Comparison:
    """Hold a run against a recorded one, as far as figures begin with one of `only` (or all)."""
    prefixes = tuple(only) or ("",)
    before, after = (
        {(each.name, each.mode): each for each in run.results if each.name.startswith(prefixes)}
        for run in (then, now)
    )
    differences = now.machine.differences(then.machine)
    keys = [*after, *(key for key in before if key not in after)]
    rows = [_row(key, before.get(key), after.get(key), margin, same=not differences) for key in keys]
    return Comparison(margin, differences, rows)


def _row(key: tuple[str, str], then: Result | None, now: Result | None, margin: float, *, same: bool) -> Row:
    if then is None:
        return Row(*key, None, None if now is None else now.ratio, None, Finding.not_recorded)
    if now is None:
        return Row(*key, then.ratio, None, None, Finding.not_measured)
    if min(then.ratio, now.ratio) <= 0:
        return Row(*key, then.ratio, now.ratio, None, Finding.no_ratio)
    worse = then.ratio / now.ratio if now.unit == PER_SECOND else now.ratio / then.ratio
    if not same:
        finding = Finding.elsewhere
    elif min(then.repeats, now.repeats) < REPEATS_LEAST:
        finding = Finding.few
    elif then.ratio_min <= now.ratio_max and now.ratio_min <= then.ratio_max:
        finding = Finding.noise
    elif worse <= 1:
        finding = Finding.better
    else:
        finding = Finding.worse if worse > margin else Finding.within_margin
    return Row(*key, then.ratio, now.ratio, worse, finding)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _change(worse: float) -> str:
    """`1.20 x worse`."""
    return f"{worse:.2f} x worse" if worse >= 1 else f"{1 / worse:.2f} x better"
