"""Which block a workload asks for next: never one that a request in flight touches."""

from random import Random

ATTEMPTS_MAX = 8


class BlockChoice:
    """The blocks of one disk, taken one by one: around the disk in order, or anywhere at random."""

    __slots__ = ("_blocks", "_busy", "_next", "_random", "_sequential")

    def __init__(self, blocks: int, random: Random, *, sequential: bool) -> None:
        self._blocks = blocks
        self._random = random
        self._sequential = sequential
        self._next = 0
        self._busy: set[int] = set()

    def take(self) -> int | None:
        """A block that is free, and no longer is; None if a few attempts found none."""
        busy = self._busy
        for _ in range(ATTEMPTS_MAX):
            if self._sequential:
                block = self._next
                self._next = (block + 1) % self._blocks
            else:
                block = int(self._random.random() * self._blocks)
            if block not in busy:
                busy.add(block)
                return block
        return None

    def give_back(self, block: int) -> None:
        """Nothing touches a block any more."""
        self._busy.discard(block)
