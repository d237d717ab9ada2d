"""The volatile write cache of a volume: sectors that were acknowledged and are not in the image yet.

Rules: a sector leaves when it has been written back, or overtaken by a write that went to the image
itself. Sectors are kept in blocks of eight with a mask of those that are dirty, since most writes are
whole aligned pages. Whoever drops this object models a power loss.
"""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

from actors.abi.types import SECTOR_SIZE

_BLOCK_SECTORS: Final = 8
_BLOCK_BYTES: Final = _BLOCK_SECTORS * SECTOR_SIZE
_WHOLE: Final = (1 << _BLOCK_SECTORS) - 1
_CLEAN: Final = (0, bytes(_BLOCK_BYTES))


class WriteCache:
    """Dirty sectors by number, in the order in which their blocks became dirty."""

    __slots__ = ("_blocks", "_dirty", "_touched")

    def __init__(self) -> None:
        self._blocks: dict[int, tuple[int, bytes]] = {}
        self._dirty = 0
        self._touched = False  # since the last check

    def __len__(self) -> int:
        """Number of dirty sectors."""
        return self._dirty

    def put(self, sector: int, buffers: Sequence[memoryview]) -> None:
        """Keep a copy of the buffers as the newest content from `sector` on."""
        self._touched = True
        data = buffers[0].tobytes() if len(buffers) == 1 else b"".join(buffers)
        if len(data) == _BLOCK_BYTES and not sector % _BLOCK_SECTORS:
            block = sector // _BLOCK_SECTORS
            self._dirty += _BLOCK_SECTORS - self._blocks.get(block, _CLEAN)[0].bit_count()
            self._blocks[block] = (_WHOLE, data)
            return
        start = 0
        for block, first, count in _pieces(sector, len(data) // SECTOR_SIZE):
            piece = data[start : start + count * SECTOR_SIZE]
            start += len(piece)
            mask, old = self._blocks.get(block, _CLEAN)
            bits = ((1 << count) - 1) << first
            if bits != _WHOLE:
                piece = old[: first * SECTOR_SIZE] + piece + old[(first + count) * SECTOR_SIZE :]
            self._blocks[block] = (mask | bits, piece)
            self._dirty += (bits & ~mask).bit_count()

    def overlay(self, sector: int, nr_sectors: int, buffers: Sequence[memoryview]) -> None:
        """Put what is dirty among `nr_sectors` from `sector` on over what the image had there."""
        first_block = sector // _BLOCK_SECTORS
        end_block = -(-(sector + nr_sectors) // _BLOCK_SECTORS)
        if self._blocks.keys().isdisjoint(range(first_block, end_block)):
            return
        for buffer in buffers:
            start = 0
            for block, first, count in _pieces(sector, len(buffer) // SECTOR_SIZE):
                mask, data = self._blocks.get(block, _CLEAN)
                for index in range(first, first + count):
                    if mask >> index & 1:
                        buffer[start : start + SECTOR_SIZE] = data[
                            index * SECTOR_SIZE : (index + 1) * SECTOR_SIZE
                        ]
                    start += SECTOR_SIZE
            sector += len(buffer) // SECTOR_SIZE

    def discard(self, sector: int, nr_sectors: int) -> None:
        """Forget sectors that newer content in the image has overtaken."""
        if not self._blocks:
            return
        for block, first, count in _pieces(sector, nr_sectors):
            self._clean(block, ((1 << count) - 1) << first)

    def write_back(self, nr_sectors: int, write: Callable[[int, bytes], None]) -> None:
        """Hand the oldest blocks to `write(sector, data)`, `nr_sectors` or a few more, in sector order.

        Neighbours that are wholly dirty are joined. When `write` raises, what it was given stays
        dirty, and so does all that comes after it.
        """
        run: list[int] = []
        for block in self._oldest(nr_sectors):
            mask, data = self._blocks[block]
            if run and (mask != _WHOLE or block != run[-1] + 1):
                self._write_run(run, write)
                run = []
            if mask == _WHOLE:
                run.append(block)
            else:
                for first, count in _ranges(mask):
                    part = data[first * SECTOR_SIZE : (first + count) * SECTOR_SIZE]
                    write(block * _BLOCK_SECTORS + first, part)
                self._clean(block, _WHOLE)
        if run:
            self._write_run(run, write)

    def tear(self, random: Random, write: Callable[[int, bytes], None]) -> None:
        """The power goes while all of this is written: of each block some sectors and a half are.

        `write(sector, data)` takes whole sectors and, last of a block, the first half of one.
        """
        for block, (mask, data) in self._blocks.items():
            dirty = [index for index in range(_BLOCK_SECTORS) if mask >> index & 1]
            whole = random.randrange(len(dirty))
            for index in dirty[: whole + 1]:
                size = SECTOR_SIZE // 2 if index == dirty[whole] else SECTOR_SIZE
                start = index * SECTOR_SIZE
                write(block * _BLOCK_SECTORS + index, data[start : start + size])

    def check(self) -> None:
        """The count is right, and no block is kept that has nothing dirty."""
        if not self._touched:
            return
        self._touched = False
        masks = [mask for mask, _ in self._blocks.values()]
        assert all(masks), "a clean block is kept"
        assert self._dirty == sum(map(int.bit_count, masks)), "dirty sectors were miscounted"

    def _oldest(self, nr_sectors: int) -> list[int]:
        """The oldest blocks with `nr_sectors` dirty sectors between them, lowest first."""
        chosen = []
        for block, (mask, _) in self._blocks.items():
            if nr_sectors <= 0:
                break
            nr_sectors -= mask.bit_count()
            chosen.append(block)
        chosen.sort()
        return chosen

    def _write_run(self, run: list[int], write: Callable[[int, bytes], None]) -> None:
        """Write neighbouring blocks that are wholly dirty."""
        write(run[0] * _BLOCK_SECTORS, b"".join([self._blocks[block][1] for block in run]))
        for block in run:
            del self._blocks[block]
        self._touched = True
        self._dirty -= len(run) * _BLOCK_SECTORS

    def _clean(self, block: int, bits: int) -> None:
        entry = self._blocks.get(block)
        if entry is None:
            return
        mask, data = entry
        self._touched = True
        self._dirty -= (mask & bits).bit_count()
        if mask & ~bits:
            self._blocks[block] = (mask & ~bits, data)
        else:
            del self._blocks[block]


def _pieces(sector: int, nr_sectors: int) -> Iterator[tuple[int, int, int]]:
    """Cut a range of sectors where blocks end: (block, first sector in it, how many)."""
    end = sector + nr_sectors
    while sector < end:
        block, first = divmod(sector, _BLOCK_SECTORS)
        count = min(_BLOCK_SECTORS - first, end - sector)
        yield block, first, count
        sector += count


def _ranges(mask: int) -> Iterator[tuple[int, int]]:
    """The dirty sectors of a block as (first, how many)."""
    first = 0
    while mask >> first:
        if mask >> first & 1:
            rest = ~(mask >> first)
            count = (rest & -rest).bit_length() - 1
            yield first, count
            first += count
        else:
            first += 1
