"""The memory of one domain as the domain sees it: guest frames to machine frames.

Rules: own frames are kept as extents, in the order of their gfns; a gfn that shows another domain's
frame is listed apart and never counts as the domain's own: it can be neither granted nor freed.
Source: xen/arch/x86/mm/p2m.c (what it has to answer; the form is ours).
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError

MAX_GFN: Final = 1 << 40


@dataclass(slots=True, eq=False)
class Physmap:
    """`pages` of the domain's own, of `max_pages`; `lingering` frames it gave up but others still use.

    `pooled` are its pages in persistent tmem pools: they count against `max_pages`, too.
    """

    domid: int
    max_pages: int
    pages: int = 0
    lingering: int = 0
    pooled: int = 0
    foreign: dict[int, int] = field(default_factory=dict)
    _starts: list[int] = field(default_factory=list)
    _extents: list[tuple[int, int, int]] = field(default_factory=list)

    def mfn(self, gfn: int) -> int | None:
        """The machine frame of the domain's own behind a gfn."""
        index = bisect_right(self._starts, gfn) - 1
        if index < 0:
            return None
        start, mfn, count = self._extents[index]
        return mfn + gfn - start if gfn < start + count else None

    def is_free(self, gfn: int, count: int) -> bool:
        """Whether nothing is behind `count` gfns."""
        if gfn < 0 or gfn + count > MAX_GFN:
            return False
        index = bisect_right(self._starts, gfn + count - 1) - 1
        if index >= 0 and self._extents[index][0] + self._extents[index][2] > gfn:
            return False
        return not any(gfn <= each < gfn + count for each in self.foreign)

    def end(self) -> int:
        """The first gfn after all of the domain's own."""
        if not self._extents:
            return 0
        start, _, count = self._extents[-1]
        return start + count

    def add(self, gfn: int, mfn: int, count: int) -> None:
        """Put frames behind gfns that are free (the caller has looked)."""
        index = bisect_right(self._starts, gfn)
        if index:
            start, first, length = self._extents[index - 1]
            if start + length == gfn and first + length == mfn:
                self._extents[index - 1] = (start, first, length + count)
                self.pages += count
                return
        self._starts.insert(index, gfn)
        self._extents.insert(index, (gfn, mfn, count))
        self.pages += count

    def remove(self, gfn: int) -> int:
        """Take the frame behind a gfn out; its mfn. EINVAL if there is none."""
        mfn = self.mfn(gfn)
        if mfn is None:
            raise XenError(Errno.EINVAL, f"nothing behind gfn {gfn}")
        index = bisect_right(self._starts, gfn) - 1
        start, first, count = self._extents.pop(index)
        del self._starts[index]
        pieces = [(start, first, gfn - start), (gfn + 1, mfn + 1, start + count - gfn - 1)]
        for piece in reversed([each for each in pieces if each[2]]):
            self._extents.insert(index, piece)
            self._starts.insert(index, piece[0])
        self.pages -= 1
        return mfn

    def extents(self) -> list[tuple[int, int, int]]:
        """The domain's own memory as (gfn, mfn, count)."""
        return list(self._extents)

    def clear(self) -> list[tuple[int, int]]:
        """Take everything of the domain's own out; the (mfn, count) extents."""
        extents = [(mfn, count) for _, mfn, count in self._extents]
        self._extents.clear()
        self._starts.clear()
        self.pages = 0
        return extents
