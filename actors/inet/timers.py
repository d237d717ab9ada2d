"""The timers of a connection: deadlines by name, in nanoseconds of the caller's clock."""

from collections.abc import Callable
from enum import IntEnum, auto


class Timer(IntEnum):
    """What is done when one expires; of those due at one time, in this order."""

    USER = auto()
    RETRANSMIT = auto()
    PERSIST = auto()
    DELAYED_ACK = auto()
    KEEPALIVE = auto()
    LINGER = auto()
    """TIME-WAIT, or FIN-WAIT-2 that nobody holds."""


class Timers:
    """Deadlines of those timers that run."""

    def __init__(self) -> None:
        self._deadlines: dict[Timer, int] = {}
        self.awaited_ns: int | None = None
        """The deadline that `Deadlines` knows of; the next one is never earlier."""
        self.earlier: Callable[[int], None] | None = None
        """Told of a deadline that is earlier than that."""

    def start(self, timer: Timer, deadline_ns: int) -> None:
        """From now on, instead of what it was."""
        self._deadlines[timer] = deadline_ns
        if self.earlier is not None and (self.awaited_ns is None or deadline_ns < self.awaited_ns):
            self.awaited_ns = deadline_ns
            self.earlier(deadline_ns)

    def ensure(self, timer: Timer, deadline_ns: int) -> None:
        """Unless it runs."""
        if timer not in self._deadlines:
            self.start(timer, deadline_ns)

    def runs(self, timer: Timer) -> bool:
        """Whether it has a deadline."""
        return timer in self._deadlines

    def cancel(self, timer: Timer) -> None:
        """It need not run."""
        self._deadlines.pop(timer, None)

    def clear(self) -> None:
        """None runs."""
        self._deadlines.clear()

    def deadline_ns(self, timer: Timer) -> int | None:
        """That of one timer."""
        return self._deadlines.get(timer)

    def next_deadline_ns(self) -> int | None:
        """The earliest."""
        return min(self._deadlines.values(), default=None)

    def take_expired(self, now_ns: int) -> Timer | None:
        """The first that is due; it no longer runs."""
        for timer in Timer:
            if self._deadlines.get(timer, now_ns + 1) <= now_ns:
                del self._deadlines[timer]
                return timer
        return None
