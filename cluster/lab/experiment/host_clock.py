"""Whether the machine under us ran all the time: a gap of its clock is no fault of the experiment.

The supervisor wants a turn every few milliseconds. One that comes more than `LATE_NS` after it was wanted, or
a machine that says it was suspended, is a gap: everything was stopped (or the supervisor alone), or had no
processor.
Rules: decides only; times are those of the driver's clock, which does not count a suspension itself.
Source: clock_gettime(2): CLOCK_BOOTTIME counts a suspension, CLOCK_MONOTONIC does not.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from actors.runtime.machine import StoodStill
from cluster.lab.config.quantities import duration_text

LATE_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ClockGap:
    """From the last turn before it to the first after it; `suspended_ns` is not between these two times.

    What was under way and measured: the work of `guests` (how many), the recovery from `faults` (labels).
    """

    phase: str
    began_ns: int
    ended_ns: int
    suspended_ns: int
    guests: int
    faults: tuple[str, ...]
    met_by_others: bool = False

    @property
    def lasted_ns(self) -> int:
        """How long it was for anybody with another clock."""
        return self.ended_ns - self.began_ns + self.suspended_ns

    def __str__(self) -> str:
        return f"{duration_text(self.lasted_ns)} ({self.phase})"

    @property
    def is_measured(self) -> bool:
        """Whether any figure of the run was being taken; outages are measured by the guests."""
        return bool(self.faults or self.stopped_guests)

    @property
    def stopped_guests(self) -> int:
        """How many guests had work and did not run."""
        return 0 if self.alone else self.guests

    @property
    def alone(self) -> bool:
        """Whether nobody but the supervisor has met it: others ran meanwhile, and were served."""
        return not (self.met_by_others or self.suspended_ns)

    def met(self, other: StoodStill) -> "ClockGap":
        """The same, now that it is known when another process did not run."""
        overlaps = other.began_ns < self.ended_ns and other.ended_ns > self.began_ns
        return replace(self, met_by_others=True) if overlaps else self


class HostClock:
    """Looks at every turn. `suspended_ns`: how long the machine has been suspended since it was booted."""

    def __init__(self, suspended_ns: Callable[[], int], late_ns: int = LATE_NS) -> None:
        self._read_suspended_ns = suspended_ns
        self._suspended_ns = suspended_ns()
        self._late_ns = late_ns
        self._looked_ns: int | None = None

    def look(self, now_ns: int, due_ns: int | None) -> tuple[int, int] | None:
        """A turn at `now_ns` that was wanted at `due_ns` at the latest (None: at no time).

        Of a gap that has just ended: when the turn before it was, and how long the machine was suspended.
        """
        looked_ns, self._looked_ns = self._looked_ns, now_ns
        before_ns, self._suspended_ns = self._suspended_ns, self._read_suspended_ns()
        slept_ns = self._suspended_ns - before_ns
        if slept_ns <= self._late_ns:
            slept_ns = 0  # two clocks are never read at the same moment
        if looked_ns is None:
            return None
        # What is still due from before the last turn has been seen to be late then.
        late_ns = 0 if due_ns is None else now_ns - max(due_ns, looked_ns)
        return (looked_ns, slept_ns) if slept_ns or late_ns > self._late_ns else None
