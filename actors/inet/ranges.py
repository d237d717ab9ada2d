"""Ranges of positions, apart and in order: what has come out of order, and what was SACKed."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class Ranges:
    """A set of positions as half-open ranges."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.size = 0
        """How many positions."""

    def __bool__(self) -> bool:
        return bool(self.starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts, self.ends, strict=True)

    def add(self, start: int, end: int) -> int:
        """Join [start, end); how many positions of it are new."""
        first = bisect_left(self.ends, start)
        last = bisect_right(self.starts, end)
        if first < last:
            start = min(start, self.starts[first])
            end = max(end, self.ends[last - 1])
        known = sum(self.ends[first:last]) - sum(self.starts[first:last])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]
        self.size += end - start - known
        return end - start - known

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of [start, end) that are not in here."""
        found = []
        for index in range(bisect_right(self.ends, start), bisect_left(self.starts, end)):
            if start < self.starts[index]:
                found.append((start, self.starts[index]))
            start = self.ends[index]
        if start < end:
            found.append((start, end))
        return found

    def around(self, position: int) -> tuple[int, int] | None:
        """The range that holds a position."""
        index = bisect_right(self.starts, position) - 1
        if index < 0 or position >= self.ends[index]:
            return None
        return self.starts[index], self.ends[index]

    def drop_below(self, position: int) -> None:
        """Forget all that is before a position."""
        gone = bisect_right(self.ends, position)
        self.size -= sum(self.ends[:gone]) - sum(self.starts[:gone])
        del self.starts[:gone], self.ends[:gone]
        if self.starts and self.starts[0] < position:
            self.size -= position - self.starts[0]
            self.starts[0] = position

    def clear(self) -> None:
        """Forget all."""
        self.starts.clear()
        self.ends.clear()
        self.size = 0

    def check(self) -> None:
        """Ordered, apart, and counted."""
        edges = [edge for pair in self for edge in pair]
        assert edges == sorted(set(edges)), edges
        assert self.size == sum(self.ends) - sum(self.starts)
