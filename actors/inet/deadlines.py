"""Which of many connections has the next deadline."""

from functools import partial
from heapq import heappop, heappush, heapreplace

from actors.inet.connection import Connection


class Deadlines:
    """A heap in which a connection stands with its deadline or an earlier one; ties go by age."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Connection]] = []
        self._entries = 0

    def add(self, connection: Connection) -> None:
        """Before any of its timers runs."""
        connection.tcb.timers.earlier = partial(self._push, connection)

    def _push(self, connection: Connection, deadline_ns: int) -> None:
        self._entries += 1
        heappush(self._heap, (deadline_ns, self._entries, connection))

    def first(self) -> tuple[int, Connection] | None:
        """The next deadline and whose it is."""
        heap = self._heap
        while heap:
            awaited_ns, _, connection = heap[0]
            timers = connection.tcb.timers
            if awaited_ns != timers.awaited_ns:
                heappop(heap)
                continue
            deadline_ns = timers.next_deadline_ns()
            if deadline_ns == awaited_ns:
                return awaited_ns, connection
            timers.awaited_ns = deadline_ns
            if deadline_ns is None:
                heappop(heap)
            else:
                self._entries += 1
                heapreplace(heap, (deadline_ns, self._entries, connection))
        return None
