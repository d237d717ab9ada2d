"""The alarm clock of a live actor, which whoever waits for the actor looks at (`waiting`)."""

from collections.abc import Callable


class Alarm:
    """`wanted()` is when it is to ring, or None, in the nanoseconds of `clock`; `ring` is called then."""

    __slots__ = ("_wanted", "clock", "due_ns", "ring")

    def __init__(
        self, wanted: Callable[[], int | None], clock: Callable[[], int], ring: Callable[[], object]
    ) -> None:
        self.clock = clock
        self.ring = ring
        self.due_ns: int | None = None
        self._wanted = wanted

    def set(self) -> None:
        """Have it ring when that is wanted now."""
        self.due_ns = self._wanted()

    def stop(self) -> None:
        """Have it not ring before it is set again."""
        self.due_ns = None
