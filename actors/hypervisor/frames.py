"""The frame table: which machine frames are free, and which are referred to by others than their owner.

Rules: frames are held as extents, so a large domain costs no more than a small one; only a frame
with references beyond its owner's has a record. A frame that its owner gives up while others refer
to it lingers, still the owner's, and is freed with the last reference. Freed frames read as zero.
Source: xen/common/page_alloc.c, xen/arch/x86/mm.c (get_page, put_page).
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable

from actors.abi.errno import Errno, XenError
from actors.hypervisor.physmap import Physmap
from actors.runtime.memory import Memory

Extent = tuple[int, int]


class FrameTable:
    """All machine frames of a host; the first `reserved` of them are the hypervisor's for good."""

    def __init__(self, memory: Memory, nr_frames: int, reserved: int) -> None:
        self._memory = memory
        self._free: list[Extent] = [(reserved, nr_frames - reserved)]
        self.nr_frames = nr_frames
        self.reserved = reserved
        self.free_frames = nr_frames - reserved
        self.references: dict[int, int] = {}
        self.lingering: dict[int, Physmap] = {}
        self.reclaim: Callable[[int], int] | None = None

    def allocate(self, count: int) -> list[Extent]:
        """Frames as (mfn, count) extents: one if there is one large enough. ENOMEM, and then none."""
        assert count > 0, "an allocation of nothing"
        self.make_room(count)
        if count > self.free_frames:
            raise XenError(Errno.ENOMEM, f"{count} frames wanted, {self.free_frames} free")
        self.free_frames -= count
        for index, (start, length) in enumerate(self._free):
            if length >= count:
                if length == count:
                    del self._free[index]
                else:
                    self._free[index] = (start + count, length - count)
                return [(start, count)]
        return self._gather(count)

    def make_room(self, count: int) -> None:
        """Have frames that are only lent (`reclaim`) given back if fewer than `count` are free."""
        if count > self.free_frames and self.reclaim is not None:
            self.reclaim(count - self.free_frames)

    def _gather(self, count: int) -> list[Extent]:
        found: list[Extent] = []
        while count:
            start, length = self._free.pop(0)
            taken = min(length, count)
            found.append((start, taken))
            count -= taken
            if taken < length:
                self._free.insert(0, (start + taken, length - taken))
        return found

    def release(self, extents: list[Extent], owner: Physmap) -> None:
        """The owner gives frames up: free, except those that somebody else refers to."""
        referred = sorted(self.references)
        for start, count in extents:
            end, begin = start + count, start
            for mfn in referred[bisect_left(referred, start) : bisect_left(referred, end)]:
                self.lingering[mfn] = owner
                owner.lingering += 1
                self._put_back(begin, mfn - begin)
                begin = mfn + 1
            self._put_back(begin, end - begin)

    def get(self, mfn: int) -> None:
        """One more reference to a frame that is in use."""
        self.references[mfn] = self.references.get(mfn, 0) + 1

    def put(self, mfn: int) -> None:
        """One reference less; with the last one a lingering frame is freed."""
        left = self.references[mfn] - 1
        if left:
            self.references[mfn] = left
            return
        del self.references[mfn]
        owner = self.lingering.pop(mfn, None)
        if owner is not None:
            owner.lingering -= 1
            self._put_back(mfn, 1)

    def _put_back(self, start: int, count: int) -> None:
        if not count:
            return
        self._memory.scrub(start, count)
        self.free_frames += count
        index = bisect_right(self._free, (start, 0))
        if index < len(self._free) and self._free[index][0] == start + count:
            count += self._free.pop(index)[1]
        if index and sum(self._free[index - 1]) == start:
            index -= 1
            before = self._free.pop(index)
            start, count = before[0], before[1] + count
        insort(self._free, (start, count))

    def check(self, owned: list[Extent]) -> None:
        """Every frame is free, lingering, reserved or in `owned`, and is so once."""
        lingering = [(mfn, 1) for mfn in self.lingering]
        end = self.reserved
        for start, count in sorted([*self._free, *lingering, *owned]):
            assert start == end, f"mfn {min(start, end)}: {'two owners' if start < end else 'no owner'}"
            end = start + count
        assert end == self.nr_frames, f"mfn {end}: no owner"
        assert sum(count for _, count in self._free) == self.free_frames, "the count of free frames is wrong"
        for mfn in self.lingering:
            assert mfn in self.references, f"mfn {mfn} lingers and nobody refers to it"
