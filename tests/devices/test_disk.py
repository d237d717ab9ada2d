"""The disk as a machine: its data, interrupts, resets, links, power and images."""

import pytest

from actors.abi.disk_controller import (
    Register,
)
from actors.devices.disk import Disk
from actors.devices.file_image import FileImage
from actors.devices.image import ImageError
from actors.messages import Line, MmioWrite, PowerButton, UpcallTaken
from actors.runtime.machine import (
    CloseLink,
    Exit,
    LinkClosed,
    LinkOpened,
    Log,
    ProcessEnded,
    Received,
)
from actors.runtime.memory import SparseMemory
from tests.devices.disk_rig import DATA, DELAYS, FLUSH, READ, SECTORS, WRITE, Rig, S


def test_data_travels_between_frames_and_the_volume():
    rig = Rig()
    rig.fill(1, DATA)
    rig.fill(2, DATA + 1)
    assert rig.run(WRITE, 10, [(DATA, 0, 1024), (DATA + 1, 512, 512), (DATA, 1024, 3072)]) == 0
    assert rig.run(READ, 9, [(DATA + 2, 1024, 2048), (DATA + 3, 0, 4096)]) == 0
    got = bytes(rig.memory.frame(DATA + 2)[1024:3072:512]) + bytes(rig.memory.frame(DATA + 3)[::512])
    assert list(got) == [0, 1, 1, 2, 1, 1, 1, 1, 1, 1, 0, 0]
    assert bytes(rig.memory.frame(DATA + 2)[:1024]) == bytes(1024)
    assert bytes(rig.memory.frame(DATA + 2)[3072:]) == bytes(1024)


def test_level_holds_the_line_until_all_completions_are_taken():
    rig = Rig(trigger="level")
    for command_id in range(3):
        rig.put(READ, command_id=command_id)
    rig.ring()
    assert rig.lines == [True]
    rig.write(Register.cq_head, 2)
    assert rig.lines == [True]
    rig.write(Register.cq_head, 3)
    assert rig.lines == [True, False]


def test_a_new_ioapic_learns_that_the_line_is_asserted():
    rig = Rig(trigger="level")
    rig.give(LinkOpened("ioapic"))
    assert rig.lines == []
    rig.put(READ)
    rig.ring()
    rig.give(LinkOpened("ioapic"))
    assert rig.lines == [True, True]


@pytest.mark.parametrize(("trigger", "after"), [("edge", [True, False]), ("level", [True])])
def test_a_masked_interrupt_comes_with_the_unmasking(trigger, after):
    rig = Rig(trigger=trigger)
    rig.write(Register.interrupt_mask, 1)
    rig.put(READ)
    rig.ring()
    assert rig.lines == []
    rig.write(Register.interrupt_mask, 0)
    assert rig.lines == after


def test_unmasking_without_completions_is_silent():
    rig = Rig()
    rig.write(Register.interrupt_mask, 1)
    rig.write(Register.interrupt_mask, 0)
    assert rig.lines == []


def test_a_reset_forgets_what_was_submitted():
    rig = Rig(trigger="level", **DELAYS)
    rig.fill(5)
    before = bytes(rig.memory.frame(DATA + 1))
    rig.put(WRITE, 1)
    rig.put(READ, 1, [(DATA + 1, 0, S)])
    rig.ring()
    rig.enable()
    assert rig.disk.next_deadline_ns() is None
    rig.pass_time(10**9)
    assert rig.take() == []
    assert bytes(rig.memory.frame(DATA + 1)) == before
    assert rig.disk.statistics().dirty_sectors == 0
    rig.put(READ, 1)
    rig.ring()
    rig.pass_time(2 * 10**9)
    assert rig.take() == [(1, 0)]
    assert rig.memory.frame(DATA)[0] == 0


def test_a_reset_forgets_commands_without_room_for_their_completions():
    rig = Rig(cq_entries=2)
    rig.fill(5)
    for sector in range(4):
        rig.put(WRITE, sector)
    rig.ring()
    rig.enable()
    rig.pass_time(10**9)
    assert [rig.stored(sector) for sector in range(4)] == [5, 0, 0, 0]
    assert rig.take() == []


def test_a_reset_releases_the_line_and_unmasks():
    rig = Rig(trigger="level")
    rig.put(READ)
    rig.ring()
    rig.write(Register.interrupt_mask, 1)
    assert rig.lines == [True, False]
    rig.write(Register.control, 0)
    assert rig.read(Register.interrupt_mask) == 0
    assert rig.read(Register.status) & 3 == 0
    assert rig.write(Register.sq_tail, 1) == []


def test_a_dead_host_leaves_the_cache_and_the_image_as_they_are():
    rig = Rig(trigger="level", write_ns=0, read_ns=50)
    rig.fill(5)
    rig.put(WRITE, 3)
    rig.put(READ, 3, [(DATA + 1, 0, S)])
    rig.ring()
    assert rig.give(LinkClosed("dom0", "killed")) == []
    assert rig.lines == [True, False]
    assert rig.disk.statistics().dirty_sectors == 1
    rig.pass_time(100)
    assert rig.memory.frame(DATA + 1)[0] == 0
    rig.give(LinkOpened("dom0"))
    rig.enable()
    rig.put(READ, 3, [(DATA + 1, 0, S)])
    rig.ring()
    rig.pass_time(1000)
    assert rig.take() == [(1, 0)]
    assert rig.memory.frame(DATA + 1)[0] == 5


def test_the_power_button_writes_back_and_ends():
    rig = Rig(trigger="level")
    rig.fill(7)
    rig.put(WRITE, 4)
    rig.ring()
    assert rig.give(Received("supervisor", PowerButton())) == [Exit("power button")]
    assert rig.lines == [True, False]
    assert rig.stored(4) == 7


def test_the_power_button_ends_even_a_broken_disk():
    rig = Rig()
    rig.run(WRITE, 4)
    rig.image.broken = True
    *logs, last = rig.give(Received("supervisor", PowerButton()))
    assert last == Exit("power button")
    assert [type(log) for log in logs] == [Log, Log]


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("dom0", UpcallTaken()),
        ("dom0", PowerButton()),
        ("ioapic", MmioWrite(0, 0)),
        ("supervisor", Line(True)),
    ],
)
def test_a_link_that_says_something_else_is_closed(link, message):
    (effect,) = Rig().give(Received(link, message))
    assert isinstance(effect, CloseLink)
    assert effect.link == link


def test_other_events_mean_nothing():
    rig = Rig()
    assert rig.give(LinkClosed("ioapic", "gone")) == []
    assert rig.give(ProcessEnded("host0/dom1", 0)) == []
    assert rig.run(READ) == 0


def test_statistics_count_what_was_done():
    rig = Rig()
    rig.run(WRITE, 0, [(DATA, 0, 4096)])
    rig.run(READ, 0, [(DATA, 0, 1024)])
    rig.run(FLUSH)
    rig.run(READ, SECTORS)
    found = rig.disk.statistics()
    assert (found.reads, found.writes, found.flushes, found.errors) == (1, 1, 1, 1)
    assert (found.sectors_read, found.sectors_written) == (2, 8)
    assert (found.interrupts, found.resets, found.queued_completions) == (4, 1, 0)


class Shelf:
    """Opens real files, and remembers how."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, bool]] = []

    def open(self, path: str, read_only: bool) -> FileImage:
        self.opened.append((path.rpartition("/")[2], read_only))
        return FileImage(path, read_only=read_only)


def test_an_image_is_opened_once_and_read_only_if_no_volume_writes(tmp_path):
    for name in ("a.img", "b.img"):
        (tmp_path / name).write_bytes(bytes(4096))
    rows = [
        {"name": "a0", "path": f"{tmp_path}/a.img", "sectors": 4, "read_only": True},
        {"name": "a1", "path": f"{tmp_path}/a.img", "sectors": 4, "offset_sector": 4},
        {"name": "b0", "path": f"{tmp_path}/b.img", "sectors": 8, "read_only": True},
    ]
    shelf = Shelf()
    disk = Disk({"volumes": rows}, SparseMemory(4), shelf.open)
    assert shelf.opened == [("a.img", False), ("b.img", True)]
    with pytest.raises(ImageError, match="locked"):
        Disk({"volumes": rows[:1]}, SparseMemory(4), shelf.open)
    disk.handle(Received("supervisor", PowerButton()), 0)
    Disk({"volumes": rows[:1]}, SparseMemory(4), shelf.open).close()


def test_a_refused_disk_lets_go_of_the_images_it_has_opened(tmp_path):
    (tmp_path / "a.img").write_bytes(bytes(4096))
    row = {"name": "a0", "path": f"{tmp_path}/a.img", "sectors": 8}
    with pytest.raises(ImageError, match=r"b\.img: No such file"):
        Disk({"volumes": [row, row | {"path": f"{tmp_path}/b.img"}]}, SparseMemory(4), Shelf().open)
    with pytest.raises(ImageError, match="needs an image of 4608 bytes, has 4096"):
        Disk({"volumes": [row | {"sectors": 9}]}, SparseMemory(4), Shelf().open)
    FileImage(row["path"], read_only=False).close()
