"""When which fault is due: the fault list of a configuration, unrolled as the run goes on.

Rules: times count from the start of the workload. A repeated fault waits for the recovery of the
one before it, and then for its interval. A triggered one is due when its state has been seen often enough.
"""

from dataclasses import dataclass

from cluster.lab.config.quantities import duration_text
from cluster.lab.config.resolved import ResolvedFault
from cluster.lab.experiment.breaking.unfired_fault import UnfiredFault


@dataclass(slots=True)
class _Pending:
    fault: ResolvedFault
    due_ns: int | None
    left: int
    seen: int = 0

    @property
    def is_first(self) -> bool:
        return self.left == self.fault.count

    def rest(self, why: str) -> UnfiredFault:
        """All times of it that have not come."""
        return UnfiredFault.of(self.fault, self.fault.count - self.left + 1, why)


class Schedule:
    """The faults that are still to come."""

    def __init__(self, faults: list[ResolvedFault]) -> None:
        self._pending = [_Pending(each, None, each.count) for each in faults]
        self._began = False
        self._ended_ns: int | None = None

    def begin(self, now_ns: int) -> None:
        """The workload begins."""
        self._began = True
        for each in self._pending:
            if each.fault.at_ns is not None:
                each.due_ns = now_ns + each.fault.at_ns

    @property
    def is_empty(self) -> bool:
        """Whether no fault is left of which it is known that it will come."""
        return all(each.due_ns is None and each.fault.trigger is not None for each in self._pending)

    def end(self, now_ns: int) -> None:
        """Nothing comes any more."""
        self._ended_ns = now_ns

    @property
    def unfired(self) -> list[UnfiredFault]:
        """What has not come, and why not if it never does."""
        return [each.rest(self._why(each)) for each in self._pending]

    @property
    def coming(self) -> list[tuple[UnfiredFault, int | None]]:
        """What is still to come, what it waits for, and when it is due if that is known."""
        if self._ended_ns is not None:
            return []
        return [(each.rest(_awaited(each)), each.due_ns) for each in self._pending]

    def _why(self, pending: _Pending) -> str:
        fault, trigger = pending.fault, pending.fault.trigger
        if trigger is None:
            if not self._began:
                return f"{fault.cause}: the guests never began to work"
            if pending.is_first:
                return f"{fault.cause}: the run was over before"
            if self._ended_ns is not None and pending.due_ns is not None and pending.due_ns <= self._ended_ns:
                return "the one before it had not recovered"
            return f"{duration_text(fault.every_ns)} after the one before it: the run was over before"
        if pending.due_ns is not None:
            after = duration_text(fault.after_ns)
            return f"{fault.cause}: that was so, and the run was over before another {after} had passed"
        if not pending.seen:
            return f"{fault.cause}: that was never so"
        often = {1: "once", 2: "twice"}.get(pending.seen, f"{pending.seen} times")
        return f"{fault.cause}: that was so {often}, and not again"

    def next_due_ns(self) -> int | None:
        """When the next one is due, not counting what waits for a recovery."""
        return min((each.due_ns for each in self._pending if each.due_ns is not None), default=None)

    def awaits(self, what: str) -> bool:
        """Whether a trigger waits for states of this kind."""
        return any(
            each.fault.trigger is not None and each.fault.trigger.what == what for each in self._pending
        )

    def saw(self, what: str, subject: str, state: str, now_ns: int) -> bool:
        """Something is in a state that a trigger may wait for; whether a fault is due because of it."""
        found = False
        for each in self._pending:
            trigger = each.fault.trigger
            if trigger is None or (trigger.what, trigger.subject, trigger.state) != (what, subject, state):
                continue
            if not (self._began or trigger.since_boot):
                continue
            each.seen += 1
            if each.seen >= trigger.nth and each.due_ns is None:
                each.due_ns = now_ns + each.fault.after_ns
                found = True
        return found

    def take_due(self, now_ns: int, *, recovering: bool) -> list[ResolvedFault]:
        """The faults that are due now; those repeated in time only while nothing is recovering."""
        due = []
        for each in list(self._pending):
            if each.due_ns is None or each.due_ns > now_ns:
                continue
            if recovering and each.fault.trigger is None and not each.is_first:
                continue
            due.append(each.fault)
            each.left -= 1
            each.due_ns = None if each.fault.trigger is not None else now_ns + each.fault.every_ns
            if each.left == 0:
                self._pending.remove(each)
        return due

    def stood_still(self, away_ns: int) -> None:
        """For so long nothing ran: everything comes as much later."""
        for each in self._pending:
            if each.due_ns is not None:
                each.due_ns += away_ns

    def postpone(self, now_ns: int) -> None:
        """A recovery has ended now: intervals of faults repeated in time count from here."""
        for each in self._pending:
            if each.fault.trigger is None and not each.is_first:
                each.due_ns = now_ns + each.fault.every_ns


def _awaited(pending: _Pending) -> str:
    """When it comes, for people."""
    fault = pending.fault
    if fault.trigger is not None or pending.is_first:
        return fault.cause
    return f"{duration_text(fault.every_ns)} after the one before it"
