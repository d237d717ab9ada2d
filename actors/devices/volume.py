"""A volume of a disk: a range of sectors of an image, with a write cache before it or without.

Rules: nothing outside of the range is ever read or written; a write is in the cache (acknowledged,
lost with the power) or in the image, and reads see the newest of both.
"""

import errno
from collections.abc import Sequence
from random import Random

from actors.abi.types import SECTOR_SIZE
from actors.devices.image import Image, ImageError
from actors.devices.write_cache import WriteCache

_WRITE_BACK_SHARE = 4


class Volume:
    """`sectors` sectors of `image` from `first_sector` on; ImageError if the image is too small.

    `cache_sectors` limits the write cache; 0 is none: every write goes to the image.
    Failures of the image are raised as OSError.
    """

    __slots__ = ("_cache", "_cache_sectors", "_first_byte", "_image", "name", "read_only", "sectors")

    def __init__(
        self, name: str, image: Image, first_sector: int, sectors: int, cache_sectors: int, *, read_only: bool
    ) -> None:
        if (first_sector + sectors) * SECTOR_SIZE > image.size_bytes:
            wanted = (first_sector + sectors) * SECTOR_SIZE
            raise ImageError(f"volume {name}: needs an image of {wanted} bytes, has {image.size_bytes}")
        self.name = name
        self.sectors = sectors
        self.read_only = read_only
        self._image = image
        self._first_byte = first_sector * SECTOR_SIZE
        self._cache = WriteCache()
        self._cache_sectors = cache_sectors

    @property
    def dirty_sectors(self) -> int:
        """Sectors that a power loss would take."""
        return len(self._cache)

    def read(self, sector: int, nr_sectors: int, buffers: Sequence[memoryview]) -> None:
        """Fill buffers of `nr_sectors` in all."""
        size = nr_sectors * SECTOR_SIZE
        if self._image.read(self._first_byte + sector * SECTOR_SIZE, buffers) != size:
            raise OSError(errno.EIO, f"volume {self.name}: image ends early")
        if self._cache:
            self._cache.overlay(sector, nr_sectors, buffers)

    def write(self, sector: int, nr_sectors: int, buffers: Sequence[memoryview], *, through: bool) -> None:
        """Take buffers of `nr_sectors` in all; `through` the cache into the image, if so asked."""
        assert not self.read_only, "the disk refuses writes to a read-only volume"
        if through or not self._cache_sectors:
            self._store(sector, nr_sectors * SECTOR_SIZE, buffers)
            self._cache.discard(sector, nr_sectors)
            if through:
                self._image.sync()
            return
        if len(self._cache) >= self._cache_sectors:
            self.write_back(max(len(self._cache) // _WRITE_BACK_SHARE, nr_sectors))
        self._cache.put(sector, buffers)

    def flush(self) -> None:
        """Make everything that was written stable."""
        self.write_back(len(self._cache))
        if not self.read_only:
            self._image.sync()

    def write_back(self, nr_sectors: int) -> None:
        """Move the oldest dirty sectors, `nr_sectors` or a few more, to the image."""
        if self._cache:
            self._cache.write_back(nr_sectors, self._store_run)

    def tear(self, random: Random) -> None:
        """The power goes: what is dirty gets to the image in part, and sectors only half."""
        self._cache.tear(random, lambda sector, data: self._store(sector, len(data), [data]))

    def check(self) -> None:
        """The cache holds nothing that may not be written."""
        self._cache.check()
        assert not (self.read_only and self._cache), "dirty sectors of a read-only volume"

    def _store_run(self, sector: int, data: bytes) -> None:
        self._store(sector, len(data), [data])

    def _store(self, sector: int, size: int, buffers: Sequence[memoryview | bytes]) -> None:
        assert sector * SECTOR_SIZE + size <= self.sectors * SECTOR_SIZE, "a write beyond the volume"
        if self._image.write(self._first_byte + sector * SECTOR_SIZE, buffers) != size:
            raise OSError(errno.ENOSPC, f"volume {self.name}: image took less than it was given")
