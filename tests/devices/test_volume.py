import errno
from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.devices.image import ImageError, MemoryImage
from actors.devices.volume import Volume
from actors.devices.write_cache import WriteCache

SECTORS = 48
FIRST = 3
S = 512


def fill(byte: int, *counts: int) -> list[memoryview]:
    return [memoryview(bytearray([byte]) * (count * S)) for count in counts]


def content(volume: Volume, sector: int, *counts: int) -> list[int]:
    """The byte that each sector is full of."""
    buffers = fill(0xEE, *counts)
    volume.read(sector, sum(counts), buffers)
    data = b"".join(buffers)
    pieces = [data[start : start + S] for start in range(0, len(data), S)]
    assert all(len(set(piece)) == 1 for piece in pieces), "a torn sector"
    return [piece[0] for piece in pieces]


def make(image: MemoryImage, cache_sectors: int = 64) -> Volume:
    return Volume("web0", image, FIRST, SECTORS, cache_sectors, read_only=False)


class FailingImage(MemoryImage):
    """An image whose writes begin to fail after some."""

    def __init__(self, writes: int) -> None:
        super().__init__((FIRST + SECTORS) * S)
        self.writes = writes

    def write(self, offset: int, buffers: Sequence[memoryview | bytes]) -> int:
        self.writes -= 1
        if self.writes < 0:
            raise OSError(errno.ENOSPC, "full")
        return super().write(offset, buffers)


@pytest.fixture
def image() -> MemoryImage:
    return MemoryImage((FIRST + SECTORS) * S)


def test_a_cached_write_is_read_back_and_not_in_the_image(image):
    volume = make(image)
    volume.write(6, 4, fill(7, 1, 3), through=False)
    assert content(volume, 5, 2, 4) == [0, 7, 7, 7, 7, 0]
    assert image.content(0, image.size_bytes) == bytes(image.size_bytes)
    assert volume.dirty_sectors == 4


def test_a_flush_moves_every_dirty_sector_to_its_place(image):
    volume = make(image)
    for sector, byte in [(0, 1), (9, 2), (17, 3), (SECTORS - 1, 4)]:
        volume.write(sector, 1, fill(byte, 1), through=False)
    volume.flush()
    assert volume.dirty_sectors == 0
    assert [image.content((FIRST + sector) * S, 1)[0] for sector in (0, 9, 17, SECTORS - 1)] == [1, 2, 3, 4]


def test_a_write_through_overtakes_what_is_cached(image):
    volume = make(image)
    volume.write(0, 8, fill(1, 8), through=False)
    volume.write(2, 3, fill(2, 3), through=True)
    assert content(volume, 0, 8) == [1, 1, 2, 2, 2, 1, 1, 1]
    assert content(make(image), 0, 8) == [0, 0, 2, 2, 2, 0, 0, 0]
    volume.flush()
    assert content(make(image), 0, 8) == [1, 1, 2, 2, 2, 1, 1, 1]


def test_a_volume_without_cache_writes_to_the_image(image):
    volume = make(image, cache_sectors=0)
    volume.write(0, 8, fill(1, 8), through=False)
    assert (volume.dirty_sectors, content(make(image), 0, 8)) == (0, [1] * 8)


def test_a_full_cache_writes_its_oldest_blocks_back(image):
    volume = make(image, cache_sectors=16)
    for block in range(3):
        volume.write(block * 8, 8, fill(block + 1, 8), through=False)
    assert volume.dirty_sectors == 16
    assert content(make(image), 0, 24) == [1] * 8 + [0] * 16


def test_a_full_cache_over_a_broken_image_refuses_the_write_and_changes_nothing():
    volume = make(FailingImage(0), cache_sectors=8)
    volume.write(0, 8, fill(1, 8), through=False)
    with pytest.raises(OSError, match="full"):
        volume.write(8, 8, fill(2, 8), through=False)
    assert content(volume, 0, 16) == [1] * 8 + [0] * 8
    assert volume.dirty_sectors == 8


def test_a_flush_that_fails_half_way_keeps_the_rest_dirty():
    image = FailingImage(1)
    volume = make(image)
    volume.write(0, 8, fill(1, 8), through=False)
    volume.write(16, 8, fill(2, 8), through=False)
    with pytest.raises(OSError, match="full"):
        volume.flush()
    volume.check()
    assert volume.dirty_sectors == 8
    image.writes = 1
    volume.flush()
    assert content(make(image), 0, 24) == [1] * 8 + [0] * 8 + [2] * 8


def test_an_image_that_takes_or_gives_too_little_is_an_error(image):
    volume = make(image, cache_sectors=0)
    image._size_bytes -= S
    with pytest.raises(OSError, match="ends early"):
        content(volume, SECTORS - 1, 1)
    with pytest.raises(OSError, match="took less"):
        volume.write(SECTORS - 1, 1, fill(1, 1), through=False)


def test_a_volume_beyond_its_image_is_refused(image):
    with pytest.raises(ImageError, match="web0: needs an image of"):
        Volume("web0", image, FIRST + 1, SECTORS, 0, read_only=True)


def test_neighbouring_blocks_are_written_in_one_go():
    cache = WriteCache()
    for sector in (16, 8, 0):
        cache.put(sector, fill(1, 8))
    cache.put(33, fill(2, 2))
    cache.put(36, fill(3, 1))
    written = []
    cache.write_back(len(cache), lambda sector, data: written.append((sector, len(data) // S)))
    assert written == [(0, 24), (33, 2), (36, 1)]


class CacheAgainstModel(RuleBasedStateMachine):
    """Per sector: the newest content, and every content that a power loss may leave behind."""

    @initialize(cache_sectors=st.sampled_from([0, 1, 8, 24, 1000]))
    def power_on(self, cache_sectors: int) -> None:
        self.cache_sectors = cache_sectors
        self.image = MemoryImage((FIRST + SECTORS + 2) * S)
        self.volume = make(self.image, cache_sectors)
        self.newest = [0] * SECTORS
        self.allowed = [{0} for _ in range(SECTORS)]
        self.stamp = 0

    @rule(sector=st.integers(0, SECTORS - 1), counts=st.lists(st.integers(1, 8), min_size=1, max_size=4))
    def read(self, sector: int, counts: list[int]) -> None:
        if sector + sum(counts) <= SECTORS:
            assert content(self.volume, sector, *counts) == self.newest[sector : sector + sum(counts)]

    @rule(
        sector=st.integers(0, SECTORS - 1) | st.sampled_from(range(0, SECTORS, 8)),
        counts=st.just([8]) | st.lists(st.integers(1, 8), min_size=1, max_size=4),
        through=st.booleans(),
    )
    def write(self, sector: int, counts: list[int], through: bool) -> None:
        if sector + sum(counts) > SECTORS:
            return
        self.stamp = self.stamp % 250 + 1
        self.volume.write(sector, sum(counts), fill(self.stamp, *counts), through=through)
        for each in range(sector, sector + sum(counts)):
            self.newest[each] = self.stamp
            if through or not self.cache_sectors:
                self.allowed[each] = {self.stamp}
            else:
                self.allowed[each].add(self.stamp)

    @rule()
    def flush(self) -> None:
        self.volume.flush()
        assert self.volume.dirty_sectors == 0
        self.allowed = [{newest} for newest in self.newest]

    @rule(nr_sectors=st.integers(0, SECTORS))
    def write_some_back(self, nr_sectors: int) -> None:
        before = self.volume.dirty_sectors
        self.volume.write_back(nr_sectors)
        assert self.volume.dirty_sectors <= max(0, before - nr_sectors)

    @precondition(lambda self: self.stamp)
    @rule()
    def lose_power(self) -> None:
        self.volume = make(self.image, self.cache_sectors)
        found = content(self.volume, 0, SECTORS)
        for sector, byte in enumerate(found):
            assert byte in self.allowed[sector], f"sector {sector}"
        self.newest = found
        self.allowed = [{byte} for byte in found]

    @invariant()
    def nothing_is_broken(self) -> None:
        if hasattr(self, "volume"):
            self.volume.check()
            assert self.image.content(0, FIRST * S) == bytes(FIRST * S)
            assert self.image.content((FIRST + SECTORS) * S, 2 * S) == bytes(2 * S)


CacheAgainstModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_the_write_cache_agrees_with_a_naive_model = CacheAgainstModel.TestCase
