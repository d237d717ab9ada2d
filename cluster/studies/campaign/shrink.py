"""A failing case made as small as it still fails: faults, guests, durations, times.

Each round tries what takes most away first: half of the faults, then a quarter of them, down to single ones;
then guests and hosts; then time. A candidate counts if the same checks fail.
Rules: deterministic; `run: settle` is the bound that may have been broken, and stays. It ends when nothing
can be taken away any more, or after `trials_max` trials.
Source: A. Zeller, R. Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28 (2002).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from cluster.lab.config.errors import ConfigError
from cluster.lab.config.quantities import duration_ns
from cluster.studies.campaign.case import Case
from cluster.studies.campaign.trial import Trial

TRIALS_MAX: Final = 500
COARSE_NS: Final = (1_000_000_000, 100_000_000, 10_000_000, 1_000_000)
SHORTEST_NS: Final = 10_000_000
TIMES: Final = ("at", "after", "duration", "every")
Tree = dict[str, Any]
Run = Callable[[Case], Trial]


@dataclass(slots=True)
class Shrunk:
    """The smallest case that was found, what it fails, and how many trials that took."""

    case: Case
    trial: Trial
    trials: int


class NothingFails(Exception):  # noqa: N818 (it names what is so)
    """The case that was to be made smaller does not fail."""


class Shrinker:
    """Shrinks one case; `run` runs a candidate, `observe` is told of each that is kept."""

    def __init__(
        self,
        run: Run,
        observe: Callable[[Case, int], None] = lambda _case, _trials: None,
        trials_max: int = TRIALS_MAX,
    ) -> None:
        self._run = run
        self._observe = observe
        self._trials_max = trials_max
        self._trials = 0
        self._wanted: set[str] = set()
        self._best: Case
        self._trial: Trial

    def shrink(self, case: Case) -> Shrunk:
        """The smallest case that still fails. NothingFails, ConfigError."""
        self._trial = self._run(case)
        self._trials = 1
        self._wanted = set(self._trial.failed)
        if not self._wanted:
            raise NothingFails(f"seed {case.seed} does not fail: {self._trial.verdict}")
        self._best = case
        progress = True
        while progress and not self._is_over:
            progress = any([self._fewer_faults(), self._all_of(_smaller), self._all_of(_shorter)])
        return Shrunk(self._best, self._trial, self._trials)

    @property
    def _is_over(self) -> bool:
        return self._trials >= self._trials_max

    def _fewer_faults(self) -> bool:
        """Delta debugging: take away chunks, ever smaller ones."""
        progress = False
        size = max(1, len(self._best.faults) // 2)
        while size and not self._is_over:
            at, taken = 0, False
            while at < len(self._best.faults):
                faults = self._best.faults
                if self._keep(self._best.with_faults(faults[:at] + faults[at + size :])):
                    progress = taken = True
                else:
                    at += size
            size = size if taken and size > 1 else size // 2
        return progress

    def _all_of(self, candidates: Callable[[Case], Iterator[Tree]]) -> bool:
        """Try candidates; after one that is kept begin again with those of the new best."""
        progress, again = False, True
        while again and not self._is_over:
            again = any(self._keep(self._best.changed(tree)) for tree in candidates(self._best))
            progress = progress or again
        return progress

    def _keep(self, case: Case) -> bool:
        if self._is_over:
            return False
        try:
            trial = self._run(case)
        except ConfigError:  # what was taken away is needed by what is left
            return False
        self._trials += 1
        if not self._wanted <= set(trial.failed):
            return False
        self._best, self._trial = case, trial
        self._observe(case, self._trials)
        return True


def _smaller(case: Case) -> Iterator[Tree]:
    """With fewer hosts, fewer groups of guests, fewer guests in a group, fewer disks."""
    for index in range(len(_rows(case.tree(), "hosts"))):
        tree = case.tree()
        hosts = _rows(tree, "hosts")
        if len(hosts) > 1:
            del hosts[index]
            yield tree
    for host in range(len(_rows(case.tree(), "hosts"))):
        guests = _rows(_rows(case.tree(), "hosts")[host], "guests")
        for index, guest in enumerate(guests):
            tree = case.tree()
            del _rows(_rows(tree, "hosts")[host], "guests")[index]
            yield tree
            count = guest.get("count", 1)
            for fewer in dict.fromkeys((1, count // 2, count - 1)):
                if 0 < fewer < count:
                    tree = case.tree()
                    _rows(_rows(tree, "hosts")[host], "guests")[index]["count"] = fewer
                    yield tree


def _shorter(case: Case) -> Iterator[Tree]:
    """With a shorter run, and with times of faults that are rounder or half as long."""
    run = case.tree().get("run") or {}
    if "duration" in run:
        for value in _rounder(duration_ns(run["duration"]), down=True):
            yield {**case.tree(), "run": {**run, "duration": _text(value)}}
    for index, fault in enumerate(case.faults):
        for key in TIMES:
            if key in fault:
                for value in _rounder(duration_ns(fault[key]), down=key != "at"):
                    faults = case.faults
                    faults[index] = {**fault, key: _text(value)}
                    yield {**case.tree(), "faults": faults}


def _rounder(value_ns: int, *, down: bool) -> Iterator[int]:
    """Half of it if it may go down, then the same to fewer digits, where that is another value."""
    if down and value_ns > SHORTEST_NS:
        half = value_ns // 2
        yield half - half % 1_000_000
    for unit in COARSE_NS:
        if value_ns % unit:
            yield value_ns - value_ns % unit


def _text(value_ns: int) -> str:
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)):
        if value_ns % size == 0:
            return f"{value_ns // size}{unit}"
    return f"{value_ns}ns"


def _rows(tree: Tree, key: str) -> list[Tree]:
    return tree.get(key) or []
