"""The requests of a block frontend that are in flight: a shadow for each id that the ring has.

Rules: an id is free or has a request. An answer is to a request that was asked, or the ring is broken.
Source: Linux drivers/block/xen-blkfront.c (struct blkfront_ring_info, blkif_completion).
"""

from collections.abc import Iterator

from actors.abi.blkif import BLKIF_RING_ENTRIES
from actors.block.shadow import UNUSED, Shadow
from actors.kernel.ring import RingBroken


class Shadows:
    """The table. `free`: the ids without a request."""

    def __init__(self) -> None:
        self._table = [Shadow(ident) for ident in range(BLKIF_RING_ENTRIES)]
        self._number = 0
        self.free = list(range(BLKIF_RING_ENTRIES - 1, -1, -1))

    def __iter__(self) -> Iterator[Shadow]:
        return iter(self._table)

    def __len__(self) -> int:
        return BLKIF_RING_ENTRIES - len(self.free)

    def take(self) -> Shadow:
        """A free one, for a request that is issued after all others; there is one."""
        shadow = self._table[self.free.pop()]
        self._number = shadow.number = self._number + 1
        return shadow

    def find(self, ident: int, operation: int) -> Shadow:
        """The one that an answer is to, by the checks of blkif_interrupt; RingBroken if it was not asked."""
        if ident >= BLKIF_RING_ENTRIES:
            raise RingBroken(f"an answer to request {ident}, which was not asked")
        shadow = self._table[ident]
        if shadow.operation != operation:
            raise RingBroken(f"an answer to operation {operation} of request {ident}, which was not asked")
        return shadow

    def give_back(self, shadow: Shadow) -> None:
        """Its request is answered."""
        shadow.operation = UNUSED
        shadow.frames = []
        self.free.append(shadow.ident)

    def in_order(self) -> list[Shadow]:
        """Those with a request, in the order of issue."""
        used = [shadow for shadow in self._table if shadow.operation != UNUSED]
        return sorted(used, key=lambda each: each.number)

    def check(self) -> None:
        """Invariants."""
        used = self.in_order()
        assert len(used) == len(self), "every id is free or has a request"
        assert len({shadow.number for shadow in used}) == len(used), "two requests were issued as one"
