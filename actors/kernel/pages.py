"""The domain's own frames, by gfn.

Rules: a kernel touches only frames that are its own (here) or that it has mapped (`grants.py`).
"""

from bisect import bisect_right

from actors.runtime.memory import Memory


class OutOfPages(Exception):  # noqa: N818 (it names what happened)
    """The domain has no free frame left."""


class Pages:
    """A page allocator over the domain's physical map, given as [gfn, mfn, count] rows."""

    def __init__(self, memory: Memory, extents: list[list[int]]) -> None:
        self.memory = memory
        self._extents = sorted((gfn, mfn, count) for gfn, mfn, count in extents)
        self._starts = [gfn for gfn, _, _ in self._extents]
        self._next = 0
        self._free: list[int] = []

    @property
    def total(self) -> int:
        """How many frames the domain has."""
        return sum(count for _, _, count in self._extents)

    @property
    def used(self) -> int:
        """How many of them are reserved or allocated."""
        reached = sum(min(max(self._next - start, 0), count) for start, _, count in self._extents)
        return reached - len(self._free)

    def mfn(self, gfn: int) -> int:
        """The machine frame behind a gfn; KeyError if there is none."""
        index = bisect_right(self._starts, gfn) - 1
        if index >= 0:
            start, mfn, count = self._extents[index]
            if gfn < start + count:
                return mfn + gfn - start
        raise KeyError(f"gfn {gfn} is not in the physical map")

    def frame(self, gfn: int) -> memoryview:
        """The bytes of a frame."""
        return self.memory.frame(self.mfn(gfn))

    def words(self, gfn: int) -> memoryview:
        """A frame as aligned 32-bit words."""
        return self.memory.words(self.mfn(gfn))

    def reserve(self, count: int) -> None:
        """Keep the first `count` frames out of the allocator; before the first `allocate`."""
        self._next = max(self._next, count)

    def allocate(self) -> int:
        """A free frame, zeroed; OutOfPages if there is none."""
        if self._free:
            gfn = self._free.pop()
            self.frame(gfn)[:] = bytes(4096)
            return gfn
        return self.allocate_contiguous(1)

    def allocate_contiguous(self, count: int) -> int:
        """The first of `count` frames that lie together in machine memory too; OutOfPages if none do."""
        for start, _, length in self._extents:
            first = max(start, self._next)
            if first + count <= start + length:
                self._next = first + count
                return first
        raise OutOfPages(f"{count} of {self.total} frames")

    def free(self, gfn: int) -> None:
        """Give a frame back."""
        assert gfn not in self._free, f"gfn {gfn} is freed twice"
        self._free.append(gfn)
