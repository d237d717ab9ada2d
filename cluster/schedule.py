"""When which fault is due: the fault list of a configuration, unrolled as the run goes on.

Rules: times count from the start of the workload. A repeated fault waits for the recovery of the
one before it, and then for its interval.
"""

from dataclasses import dataclass

from cluster.config import ResolvedFault


@dataclass(slots=True)
class _Pending:
    fault: ResolvedFault
    due_ns: int
    left: int


class Schedule:
    """The faults that are still to come."""

    def __init__(self, faults: list[ResolvedFault], start_ns: int) -> None:
        self._pending = [_Pending(each, start_ns + each.at_ns, each.count) for each in faults]

    @property
    def is_empty(self) -> bool:
        """Whether no fault is left."""
        return not self._pending

    def next_due_ns(self) -> int | None:
        """When the next one is due, not counting what waits for a recovery."""
        return min((each.due_ns for each in self._pending), default=None)

    def take_due(self, now_ns: int, *, recovering: bool) -> list[ResolvedFault]:
        """The faults that are due now; repeated ones only while nothing is recovering."""
        due = []
        for each in list(self._pending):
            repeated = each.left < each.fault.count
            if each.due_ns > now_ns or (repeated and recovering):
                continue
            due.append(each.fault)
            each.left -= 1
            each.due_ns = now_ns + each.fault.every_ns
            if each.left == 0:
                self._pending.remove(each)
        return due

    def postpone(self, now_ns: int) -> None:
        """A recovery has ended now: intervals of repeated faults count from here."""
        for each in self._pending:
            if each.left < each.fault.count:
                each.due_ns = now_ns + each.fault.every_ns
