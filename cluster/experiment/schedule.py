"""When which fault is due: the fault list of a configuration, unrolled as the run goes on.

Rules: times count from the start of the workload. A repeated fault waits for the recovery of the
one before it, and then for its interval. A triggered one is due when its state has been seen often enough.
"""

from dataclasses import dataclass

from cluster.config.resolved import ResolvedFault


@dataclass(slots=True)
class _Pending:
    fault: ResolvedFault
    due_ns: int | None
    left: int
    seen: int = 0


class Schedule:
    """The faults that are still to come."""

    def __init__(self, faults: list[ResolvedFault]) -> None:
        self._pending = [_Pending(each, None, each.count) for each in faults]
        self._began = False

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

    @property
    def never_triggered(self) -> list[ResolvedFault]:
        """The faults whose trigger has not fired once."""
        waiting = [each for each in self._pending if each.due_ns is None and each.left == each.fault.count]
        return [each.fault for each in waiting if each.fault.trigger is not None]

    def next_due_ns(self) -> int | None:
        """When the next one is due, not counting what waits for a recovery."""
        return min((each.due_ns for each in self._pending if each.due_ns is not None), default=None)

    def saw(self, what: str, subject: str, state: str, now_ns: int) -> None:
        """Something is in a state that a trigger may wait for."""
        for each in self._pending:
            trigger = each.fault.trigger
            if trigger is None or (trigger.what, trigger.subject, trigger.state) != (what, subject, state):
                continue
            if not (self._began or trigger.since_boot):
                continue
            each.seen += 1
            if each.seen >= trigger.nth and each.due_ns is None:
                each.due_ns = now_ns + each.fault.after_ns

    def take_due(self, now_ns: int, *, recovering: bool) -> list[ResolvedFault]:
        """The faults that are due now; those repeated in time only while nothing is recovering."""
        due = []
        for each in list(self._pending):
            if each.due_ns is None or each.due_ns > now_ns:
                continue
            if recovering and each.fault.trigger is None and each.left < each.fault.count:
                continue
            due.append(each.fault)
            each.left -= 1
            each.due_ns = None if each.fault.trigger is not None else now_ns + each.fault.every_ns
            if each.left == 0:
                self._pending.remove(each)
        return due

    def postpone(self, now_ns: int) -> None:
        """A recovery has ended now: intervals of faults repeated in time count from here."""
        for each in self._pending:
            if each.fault.trigger is None and each.left < each.fault.count:
                each.due_ns = now_ns + each.fault.every_ns
