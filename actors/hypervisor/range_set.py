"""A set of ranges of numbers: the machine frames or the I/O ports that a domain may use.

Source: xen/common/rangeset.c, xen/include/xen/iocap.h.
"""


class RangeSet:
    """Ranges are (first, last), both in them; kept in order, and never touching one another."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def __contains__(self, wanted: tuple[int, int]) -> bool:
        """Whether all of a range is in the set."""
        return any(first <= wanted[0] and wanted[1] <= last for first, last in self._ranges)

    def add(self, first: int, last: int) -> None:
        """Put a range in; what it touches becomes one with it."""
        assert first <= last, f"a range from {first} to {last}"
        kept = []
        for low, high in self._ranges:
            if high + 1 < first or last + 1 < low:
                kept.append((low, high))
            else:
                first, last = min(first, low), max(last, high)
        self._ranges = sorted([*kept, (first, last)])

    def remove(self, first: int, last: int) -> None:
        """Take a range out, of others what they have of it."""
        assert first <= last, f"a range from {first} to {last}"
        kept: list[tuple[int, int]] = []
        for low, high in self._ranges:
            pieces = ((low, min(high, first - 1)), (max(low, last + 1), high))
            kept.extend(piece for piece in pieces if piece[0] <= piece[1])
        self._ranges = kept

    def ranges(self) -> list[tuple[int, int]]:
        """What is in the set, in order."""
        return list(self._ranges)
