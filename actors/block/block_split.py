"""An I/O that is larger than one block request: its parts, and the one answer to them all.

Rules: the whole has failed if a part has; its status is that of the first part that did.
"""

from collections.abc import Callable, Iterator

from actors.abi.blkif import BLKIF_MAX_SECTORS
from actors.abi.types import SECTOR_SIZE
from actors.block.operations import OKAY, READ
from actors.block.shadow import Done

Part = tuple[int, "memoryview | None", int, Done]


class BlockSplit:
    """One large read or write. `parts` are (sector, data, nr_sectors, done) rows, to be issued in order."""

    def __init__(
        self, operation: int, sector: int, data: bytes | memoryview | None, nr_sectors: int, done: Done
    ) -> None:
        self._sector = sector
        self._data = memoryview(data) if data is not None else None
        self._nr_sectors = nr_sectors
        self._done = done
        self._buffer = bytearray(nr_sectors * SECTOR_SIZE) if operation == READ else None
        self._left = -(-nr_sectors // BLKIF_MAX_SECTORS)
        self._status = OKAY

    def parts(self) -> Iterator[Part]:
        """The requests that make up the whole."""
        for first in range(0, self._nr_sectors, BLKIF_MAX_SECTORS):
            count = min(BLKIF_MAX_SECTORS, self._nr_sectors - first)
            start = first * SECTOR_SIZE
            data = self._data[start : start + count * SECTOR_SIZE] if self._data is not None else None
            yield self._sector + first, data, count, self._part_done(start)

    def _part_done(self, start: int) -> Callable[[int, bytes | memoryview | None], None]:
        def done(status: int, data: bytes | memoryview | None) -> None:
            if status != OKAY:
                self._status = self._status or status
            elif self._buffer is not None and data is not None:
                self._buffer[start : start + len(data)] = data
            self._left -= 1
            if self._left == 0:
                failed = self._status != OKAY or self._buffer is None
                self._done(self._status, None if failed else bytes(self._buffer or b""))

        return done
