"""The alarm clock of a live actor: one task for all deadlines, whose timer is moved.

Rules: it rings no later than the machine wants. A deadline that has moved back since is seen when it
rings, so whoever waits asks `due` first.
"""

from collections.abc import Callable

import trio


class Alarm:
    """`wanted()` is when it is to ring, or None; `clock` is in the same nanoseconds."""

    def __init__(self, wanted: Callable[[], int | None], clock: Callable[[], int]) -> None:
        self._wanted = wanted
        self._clock = clock
        self._set_to_ns: int | None = None
        self._timer = trio.CancelScope()

    async def ring(self) -> None:
        """Wait until it rings."""
        self._set_to_ns = None
        with trio.CancelScope() as self._timer:
            self.set(self._clock())
            await trio.sleep_forever()

    def set(self, now_ns: int) -> None:
        """Have it ring earlier if that is wanted now."""
        wanted_ns = self._wanted()
        if wanted_ns is not None and (self._set_to_ns is None or wanted_ns < self._set_to_ns):
            self._set_to_ns = wanted_ns
            self._timer.deadline = trio.current_time() + max(0, wanted_ns - now_ns) / 1e9

    @property
    def due(self) -> bool:
        """Whether the time that is wanted has come."""
        wanted_ns = self._wanted()
        return wanted_ns is not None and wanted_ns <= self._clock()
