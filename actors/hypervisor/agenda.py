"""What is to happen at which time: the hypervisor's timers, one for each key.

Rules: setting a key again replaces its time; equal times come in the order in which they were set.
Source: xen/common/timer.c (set_timer, stop_timer).
"""

from collections.abc import Callable, Hashable, Iterator
from heapq import heapify, heappop, heappush
from typing import Final

Action = Callable[[], None]

SLACK: Final = 64


class Agenda:
    """Keys with a time and an action. `next_ns` is the earliest time, or None."""

    def __init__(self) -> None:
        self.next_ns: int | None = None
        self._sequence = 0
        self._entries: dict[Hashable, tuple[int, int, Action]] = {}
        self._heap: list[tuple[int, int, Hashable]] = []

    def set(self, key: Hashable, at_ns: int, action: Action) -> None:
        """Let `action` be taken at `at_ns`, and not at the time that was set for `key` before."""
        self._sequence += 1
        self._entries[key] = (at_ns, self._sequence, action)
        heappush(self._heap, (at_ns, self._sequence, key))
        self._tidy()

    def cancel(self, key: Hashable) -> None:
        """Nothing is to happen for this key."""
        if self._entries.pop(key, None) is not None:
            self._tidy()

    def expired(self, now_ns: int) -> Iterator[Action]:
        """The actions that are due, in order, each taken out before it is handed over."""
        while self.next_ns is not None and self.next_ns <= now_ns:
            _, _, key = heappop(self._heap)
            _, _, action = self._entries.pop(key)
            self._tidy()
            yield action

    def keys(self) -> list[Hashable]:
        """Everything that is set."""
        return list(self._entries)

    def _tidy(self) -> None:
        # A guest may set a far timer again and again: what it replaced must not pile up.
        heap, entries = self._heap, self._entries
        if len(heap) > 2 * len(entries) + SLACK:
            self._heap = heap = [(at, number, key) for key, (at, number, _) in entries.items()]
            heapify(heap)
        while heap and not self._is_current(heap[0]):
            heappop(heap)
        self.next_ns = heap[0][0] if heap else None

    def _is_current(self, item: tuple[int, int, Hashable]) -> bool:
        entry = self._entries.get(item[2])
        return entry is not None and entry[1] == item[1]
