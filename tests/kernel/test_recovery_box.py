"""What a life leaves to the next one in the recovery box, whenever it dies."""

from dataclasses import replace

import pytest

from actors.abi.types import PAGE_SIZE
from actors.kernel.handover import RECORD_BYTES, Handover
from actors.kernel.recovery_box import RecoveryBox
from actors.runtime.memory import SparseMemory
from actors.start_info import StartInfo

DISK = Handover("vbd", 1, 51712, "sda:0", ring_ref=8, remote_port=3, persistent=True, generation=1)
OTHER = replace(DISK, domid=2, backing="sda:1", generation=2)
ROOM = PAGE_SIZE // RECORD_BYTES - 1


class Dead(Exception):  # noqa: N818
    """The writer was killed."""


class Dying:
    """Memory whose writer dies after so many bytes; what it writes is written byte by byte."""

    def __init__(self, memory: SparseMemory, bytes_left: int) -> None:
        self.memory, self.bytes_left = memory, bytes_left

    def frame(self, mfn: int) -> "DyingView":
        return DyingView(self, self.memory.frame(mfn), 1)

    def words(self, mfn: int) -> "DyingView":
        return DyingView(self, self.memory.frame(mfn), 4)


class DyingView:
    def __init__(self, dying: Dying, frame: memoryview, unit: int) -> None:
        self._dying, self._frame, self._unit = dying, frame, unit

    def __getitem__(self, where):
        if isinstance(where, slice):
            return self._frame[where]
        return int.from_bytes(self._frame[where * 4 : where * 4 + 4], "little")

    def __setitem__(self, where, value) -> None:
        first = where.start if isinstance(where, slice) else where * self._unit
        data = value if isinstance(where, slice) else value.to_bytes(self._unit, "little")
        for index, byte in enumerate(data):
            if not self._dying.bytes_left:
                raise Dead
            self._dying.bytes_left -= 1
            self._frame[first + index] = byte


@pytest.fixture
def memory() -> SparseMemory:
    return SparseMemory(8)


def box(memory: SparseMemory, frames: int = 1) -> RecoveryBox:
    return RecoveryBox(memory, range(1, 1 + frames))


def found(memory: SparseMemory) -> list[Handover]:
    return sorted(box(memory).found.values(), key=lambda each: each.device)


def test_the_next_life_finds_what_was_kept(memory):
    first = box(memory)
    assert first.found == {}
    assert first.keep(DISK)
    assert first.keep(OTHER)
    assert found(memory) == [DISK, OTHER] == sorted(first.kept(), key=lambda each: each.device)
    first.erase(DISK.device)
    assert found(memory) == [OTHER]
    first.erase(DISK.device)
    first.clear()
    assert (found(memory), first.kept(), len(first)) == ([], [], 0)


def test_a_record_takes_the_place_of_the_last_one_of_its_device(memory):
    first = box(memory)
    first.keep(DISK)
    newer = replace(DISK, ring_ref=9, generation=7)
    first.keep(newer)
    assert (found(memory), len(first)) == ([newer], 1)


def test_the_next_life_goes_on_keeping(memory):
    box(memory).keep(DISK)
    second = box(memory)
    second.keep(OTHER)
    second.erase(DISK.device)
    assert found(memory) == [OTHER]


def test_generations_go_on_in_the_next_life(memory):
    assert [box(memory).next_generation() for _ in range(3)] == [1, 2, 3]


def test_whether_the_store_is_whole_is_known_to_the_next_life(memory):
    first = box(memory)
    assert not first.store_is_whole
    first.store_is_whole = True
    first.keep(DISK)
    assert box(memory).store_is_whole
    assert found(memory) == [DISK]
    first.store_is_whole = False
    assert not box(memory).store_is_whole


def test_a_box_that_is_full_takes_no_more_and_one_more_when_there_is_room(memory):
    first = box(memory)
    for number in range(ROOM):
        assert first.keep(replace(DISK, number=number))
    assert not first.keep(OTHER)
    assert len(found(memory)) == ROOM
    first.erase(("vbd", 1, 5))
    assert first.keep(OTHER)


def test_frames_make_room(memory):
    first = box(memory, frames=2)
    for number in range(ROOM + 2):
        assert first.keep(replace(DISK, number=number))
    assert len(box(memory, frames=2).found) == ROOM + 2


@pytest.mark.parametrize("long", [{"backing": "x" * 33}, {"device_class": "ninechars"}])
def test_what_does_not_fit_is_not_kept_nor_what_was_there_before(memory, long):
    first = box(memory)
    first.keep(DISK)
    longer = replace(DISK, **long)
    assert not first.keep(longer)
    with pytest.raises(ValueError, match="too long"):
        longer.pack()
    assert found(memory) == ([] if longer.device == DISK.device else [DISK])


def test_whoever_dies_between_two_bytes_leaves_the_old_record_the_new_one_or_none(memory):
    newer = replace(DISK, ring_ref=0x01020304, remote_port=0x05060708, generation=0x090A0B0C)
    left = set()
    for bytes_left in range(200):
        memory = SparseMemory(8)
        first = box(memory)
        first.keep(OTHER)
        first.keep(DISK)
        writer = RecoveryBox(Dying(memory, 1000), [1])
        writer._words[0]._dying.bytes_left = bytes_left
        died = False
        try:
            writer.keep(newer)
        except Dead:
            died = True
        others = [each for each in found(memory) if each != OTHER]
        assert OTHER in found(memory)
        assert others in ([], [DISK], [newer])
        left.add((died, *others))
    assert left == {(True, DISK), (True,), (False, newer)}


@pytest.mark.parametrize("offset", range(0, RECORD_BYTES, 3))
def test_a_record_with_a_byte_that_is_not_its_own_is_none(memory, offset):
    first = box(memory)
    first.keep(DISK)
    slot = first._slots[DISK.device]
    memory.frame(1)[slot * RECORD_BYTES + offset] ^= 0x40
    assert found(memory) == []
    assert box(memory).kept() == []


def test_of_two_records_of_one_device_the_later_one_counts(memory):
    newer = replace(DISK, generation=5)
    for order in ((DISK, newer), (newer, DISK)):
        memory = SparseMemory(8)
        first = box(memory)
        for record in order:
            first._slots.clear()  # it forgets to take out what was there
            first.keep(record)
        assert found(memory) == [newer]
        assert box(memory).kept() == [newer]


def test_a_domain_is_told_of_a_box_or_of_none(memory):
    box(memory).keep(DISK)
    told = RecoveryBox.named_in(StartInfo(nr_pages=4, box_mfn=1, box_frames=1), memory)
    assert told is not None
    assert list(told.found.values()) == [DISK]
    assert RecoveryBox.named_in(StartInfo(nr_pages=4), memory) is None
