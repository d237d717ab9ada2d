"""What was checked or expected of a run, and the verdict: on one of these, or on all of them.

Rules: one failure fails all; otherwise one unknown makes all unknown, since a check that could not
finish never counts as passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from cluster.lab.exit_codes import FAILED, HELD, UNKNOWN


class Verdict(Enum):
    """What became of something that should hold."""

    held = "held"
    failed = "failed"
    unknown = "unknown"

    @property
    def exit_code(self) -> int:
        """The exit code of a run with this verdict."""
        return {Verdict.held: HELD, Verdict.failed: FAILED, Verdict.unknown: UNKNOWN}[self]

    @classmethod
    def of(cls, holds: bool | None) -> "Verdict":  # noqa: FBT001 (the one thing that is asked)
        """Held for True, failed for False, unknown for None."""
        return cls.unknown if holds is None else cls.held if holds else cls.failed

    @classmethod
    def all_of(cls, verdicts: Iterable["Verdict"]) -> "Verdict":
        """The verdict on several things that should all hold; of nothing at all, nothing is known."""
        found = list(verdicts)
        for worst in (cls.failed, cls.unknown):
            if worst in found:
                return worst
        return cls.held if found else cls.unknown


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked, and what was seen."""

    name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """One prediction of the configuration, and whether it came true."""

    text: str
    verdict: Verdict


def overall(checks: list[Check], expected: list[Expectation]) -> Verdict:
    """The verdict on a whole run."""
    return Verdict.all_of([*(each.verdict for each in checks), *(each.verdict for each in expected)])
