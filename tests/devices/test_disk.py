import errno
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.abi.disk_controller import (
    CAPABILITY,
    COMMAND_HEADER,
    ENABLE,
    FLAG_FUA,
    SEGMENT,
    CommandStatus,
    ControllerStatus,
    Opcode,
    Register,
    VolumeFlags,
)
from actors.devices.disk import Disk
from actors.devices.file_image import FileImage
from actors.devices.image import ImageError, MemoryImage
from actors.messages import Fault, Line, MmioRead, MmioWrite, PowerButton, PowerFails, UpcallTaken
from actors.runtime.machine import (
    CloseLink,
    DeadlinePassed,
    Exit,
    LinkClosed,
    LinkOpened,
    Log,
    ProcessEnded,
    Received,
    Send,
)
from actors.runtime.memory import SparseMemory

FRAMES = 32
SQ, CQ, DATA = 1, 3, 8
S = 512
SECTORS = 64
READ, WRITE, FLUSH = Opcode.read, Opcode.write, Opcode.flush
DELAYS = {"read_ns": 30, "write_ns": 10, "flush_ns": 20}


class FailingImage(MemoryImage):
    """An image whose medium can be broken."""

    broken = False

    def read(self, offset: int, buffers: Sequence[memoryview]) -> int:
        self._fail_if_broken()
        return super().read(offset, buffers)

    def write(self, offset: int, buffers: Sequence[memoryview | bytes]) -> int:
        self._fail_if_broken()
        return super().write(offset, buffers)

    def sync(self) -> None:
        self._fail_if_broken()

    def _fail_if_broken(self) -> None:
        if self.broken:
            raise OSError(errno.EIO, "scratched")


class Rig:
    """A disk with two volumes of one image, and a host that writes raw queue entries."""

    def __init__(self, sq_entries: int = 40, cq_entries: int = 8, **argument: object) -> None:
        self.memory = SparseMemory(FRAMES)
        self.image = FailingImage(4 * SECTORS * S)
        self.argument = {
            "volumes": [
                {"name": "web0", "path": "img", "sectors": SECTORS, "offset_sector": SECTORS},
                {"name": "golden", "path": "img", "sectors": SECTORS, "read_only": True},
            ],
            **argument,
        }
        self.sq_entries, self.cq_entries = sq_entries, cq_entries
        self.now_ns = 0
        self.power_on()

    def power_on(self) -> None:
        self.disk = Disk(self.argument, self.memory, lambda _path, _read_only: self.image)
        self.lines: list[bool] = []
        self.enable()

    def enable(self) -> None:
        self.tail = self.head = 0
        self.phase = 1
        self.memory.frame(CQ)[:] = bytes(4096)
        self.write(Register.control, 0)
        self.write(Register.sq_mfn, SQ)
        self.write(Register.sq_entries, self.sq_entries)
        self.write(Register.cq_mfn, CQ)
        self.write(Register.cq_entries, self.cq_entries)
        self.write(Register.control, ENABLE)

    def give(self, event) -> list:
        effects = self.disk.handle(event, self.now_ns)
        self.disk.check()
        rest = []
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.message, Line):
                assert effect.link == "ioapic"
                self.lines.append(effect.message.asserted)
            else:
                rest.append(effect)
        return rest

    def write(self, register: int, value: int) -> list:
        return self.give(Received("dom0", MmioWrite(register, value)))

    def read(self, register: int) -> int:
        (effect,) = self.give(Received("dom0", MmioRead(3, register)))
        assert (effect.link, effect.message.sequence) == ("dom0", 3)
        return effect.message.value

    def put(
        self, opcode, sector=0, segments=((DATA, 0, S),), volume=0, flags=0, command_id=1, nr=None
    ) -> None:
        frame = self.memory.frame(SQ + self.tail // 32)
        offset = self.tail % 32 * 128
        nr = len(segments) if nr is None else nr
        COMMAND_HEADER.pack_into(frame, offset, opcode, flags, command_id, volume, sector, nr)
        for index, segment in enumerate(segments):
            SEGMENT.pack_into(frame, offset + COMMAND_HEADER.size + index * SEGMENT.size, *segment)
        self.tail = (self.tail + 1) % self.sq_entries

    def ring(self) -> list:
        return self.write(Register.sq_tail, self.tail)

    def take(self, *, acknowledge: bool = True) -> list[tuple[int, int]]:
        """The new completions as (command id, status)."""
        taken = []
        words = self.memory.frame(CQ).cast("Q")
        while words[self.head] >> 63 == self.phase:
            taken.append((words[self.head] & 0xFFFF, words[self.head] >> 32 & 0xFFFF))
            self.head = (self.head + 1) % self.cq_entries
            self.phase ^= self.head == 0
        if acknowledge:
            self.write(Register.cq_head, self.head)
        return taken

    def run(self, *args, **named) -> int:
        self.put(*args, **named)
        self.ring()
        ((_, status),) = self.take()
        return status

    def pass_time(self, now_ns: int) -> list:
        self.now_ns = now_ns
        return self.give(DeadlinePassed())

    def fill(self, byte: int, mfn: int = DATA) -> None:
        self.memory.frame(mfn)[:] = bytes([byte]) * 4096

    def stored(self, sector: int, volume: int = 0) -> int:
        """The first byte of a sector in the image."""
        return self.image.content((sector + (1 - volume) * SECTORS) * S, 1)[0]


def test_registers_describe_the_controller_and_its_volumes():
    rig = Rig()
    assert rig.read(Register.capability) == CAPABILITY
    assert rig.read(Register.status) == ControllerStatus.ready | ControllerStatus.write_cache
    assert rig.read(Register.volumes) == 2
    assert rig.read(Register.control) == ENABLE
    assert (rig.read(Register.sq_mfn), rig.read(Register.cq_entries)) == (SQ, 8)
    rows = []
    for volume in range(3):
        rig.write(Register.volume_select, volume)
        rows.append([rig.read(offset) for offset in (0x28, 0x2C, 0x30)])
    present, read_only = VolumeFlags.present, VolumeFlags.read_only
    assert rows == [[SECTORS, 0, present], [SECTORS, 0, present | read_only], [0, 0, 0]]


def test_sectors_beyond_32_bits_show_in_the_high_register():
    row = {"name": "big", "path": "img", "sectors": (5 << 32) + 1}
    disk = Disk({"volumes": [row]}, SparseMemory(1), lambda *_: MemoryImage(1 << 50))
    values = [
        disk.handle(Received("dom0", MmioRead(1, offset)), 0)[0].message.value for offset in (0x28, 0x2C)
    ]
    assert values == [1, 5]


@pytest.mark.parametrize("offset", [0x34, 0x02, 0x1000, -4, 0x40, 0x44])
def test_registers_that_hold_nothing_read_zero(offset):
    assert Rig().read(offset) == 0


@pytest.mark.parametrize("offset", [Register.capability, Register.status, Register.volumes, 0x34, 0x1000, -4])
def test_registers_that_are_read_only_ignore_writes(offset):
    rig = Rig()
    before = rig.read(offset)
    assert rig.write(offset, 0xFFFFFFFF) == []
    assert rig.read(offset) == before


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


def test_one_doorbell_carries_many_commands_and_causes_one_interrupt():
    rig = Rig()
    for command_id in range(5):
        rig.put(READ, command_id, command_id=command_id)
    rig.ring()
    assert rig.lines == [True, False]
    assert rig.take() == [(command_id, 0) for command_id in range(5)]
    assert rig.ring() == []
    assert rig.lines == [True, False]
    assert rig.disk.statistics().interrupts == 1


def test_queues_wrap_and_the_phase_bit_flips():
    rig = Rig(sq_entries=3, cq_entries=2)
    for command_id in range(9):
        rig.put(READ, command_id=command_id)
        rig.ring()
        assert rig.take() == [(command_id, 0)]


def test_commands_wait_until_there_is_room_for_their_completions():
    rig = Rig(cq_entries=4)
    for command_id in range(8):
        rig.put(READ, command_id=command_id)
    rig.ring()
    found = []
    while taken := rig.take():
        assert len(taken) <= 3
        found += taken
    assert found == [(command_id, 0) for command_id in range(8)]
    assert rig.lines == [True, False] * 3


HOSTILE = [
    (CommandStatus.bad_opcode, {"opcode": 0}),
    (CommandStatus.bad_opcode, {"opcode": 4}),
    (CommandStatus.bad_opcode, {"opcode": 255}),
    (CommandStatus.bad_volume, {"volume": 2}),
    (CommandStatus.bad_volume, {"volume": 0xFFFFFFFF}),
    (CommandStatus.bad_volume, {"volume": 2, "opcode": FLUSH}),
    (CommandStatus.bad_segment, {"segments": []}),
    (CommandStatus.bad_segment, {"nr": 12}),
    (CommandStatus.bad_segment, {"nr": 0xFFFF}),
    (CommandStatus.bad_segment, {"segments": [(FRAMES, 0, S)]}),
    (CommandStatus.bad_segment, {"segments": [(0xFFFFFFFF, 0, S)]}),
    (CommandStatus.bad_segment, {"segments": [(DATA, 0, 0)]}),
    (CommandStatus.bad_segment, {"segments": [(DATA, 0, 511)]}),
    (CommandStatus.bad_segment, {"segments": [(DATA, 1, S)]}),
    (CommandStatus.bad_segment, {"segments": [(DATA, 3584, 1024)]}),
    (CommandStatus.bad_segment, {"segments": [(DATA, 0, 4608)]}),
    (CommandStatus.bad_segment, {"segments": [(DATA, 0, S), (FRAMES, 0, S)]}),
    (CommandStatus.out_of_range, {"sector": SECTORS}),
    (CommandStatus.out_of_range, {"sector": SECTORS - 1, "segments": [(DATA, 0, 1024)]}),
    (CommandStatus.out_of_range, {"sector": 0xFFFFFFFFFFFFFFFF}),
    (CommandStatus.read_only, {"volume": 1}),
    (CommandStatus.read_only, {"volume": 1, "flags": FLAG_FUA}),
    (CommandStatus.okay, {"sector": SECTORS - 1}),
    (CommandStatus.okay, {"flags": 0xFE}),
]


@pytest.mark.parametrize("delays", [{}, DELAYS])
@pytest.mark.parametrize(("status", "entry"), HOSTILE)
def test_a_write_command_with_a_hostile_field(status, entry, delays):
    rig = Rig(**delays)
    rig.fill(9)
    rig.put(**({"opcode": WRITE} | entry))
    rig.ring()
    if rig.disk.next_deadline_ns() is not None:
        rig.pass_time(100)
    assert rig.take() == [(1, status)]
    assert rig.disk.statistics().dirty_sectors == (status is CommandStatus.okay)
    assert rig.disk.statistics().errors == (status is not CommandStatus.okay)


@settings(max_examples=150, deadline=None)
@given(entry=st.binary(min_size=128, max_size=128), level=st.booleans(), timed=st.booleans())
def test_any_submission_entry_ends_with_a_completion_within_its_volume(entry, level, timed):
    rig = Rig(trigger="level" if level else "edge", **(DELAYS if timed else {}))
    entry = bytes([entry[0] % 5]) + entry[1:]
    rig.memory.frame(SQ)[:128] = entry
    rig.tail = 1
    rig.ring()
    rig.pass_time(10**9)
    ((command_id, status),) = rig.take()
    assert command_id == entry[2] | entry[3] << 8
    CommandStatus(status)
    assert rig.image.content(0, SECTORS * S) == bytes(SECTORS * S)
    assert rig.image.content(2 * SECTORS * S, 2 * SECTORS * S) == bytes(2 * SECTORS * S)


BAD_QUEUES = [
    (Register.sq_entries, 0),
    (Register.sq_entries, 1),
    (Register.sq_entries, 1025),
    (Register.sq_entries, 0xFFFFFFFF),
    (Register.cq_entries, 1),
    (Register.cq_entries, 1025),
    (Register.sq_mfn, FRAMES - 1),
    (Register.sq_mfn, 0xFFFFFFFF),
    (Register.cq_mfn, FRAMES),
]


@pytest.mark.parametrize(("register", "value"), BAD_QUEUES)
def test_a_bad_queue_sets_the_error_bit_until_a_reset(register, value):
    rig = Rig()
    rig.write(Register.control, 0)
    for good in ((0x10, SQ), (0x14, 40), (0x18, CQ), (0x1C, 8)):
        rig.write(*good)
    rig.write(register, value)
    (effect,) = rig.write(Register.control, ENABLE)
    assert isinstance(effect, Log)
    assert rig.read(Register.status) & 3 == ControllerStatus.error
    rig.write(register, 8)
    assert rig.write(Register.control, ENABLE) == []
    assert rig.read(Register.status) & 3 == ControllerStatus.error
    rig.enable()
    assert rig.read(Register.status) & 3 == ControllerStatus.ready
    assert rig.run(READ) == 0


@pytest.mark.parametrize(
    ("register", "value"), [(Register.sq_tail, 40), (Register.cq_head, 8), (Register.cq_head, 1)]
)
def test_an_impossible_doorbell_stops_the_controller(register, value):
    rig = Rig(**DELAYS)
    rig.put(WRITE)
    rig.ring()
    (effect,) = rig.write(register, value)
    assert isinstance(effect, Log)
    assert rig.read(Register.status) & 3 == ControllerStatus.error
    assert rig.disk.next_deadline_ns() is None
    assert rig.ring() == []


def test_values_wider_than_a_register_are_cut():
    rig = Rig()
    rig.put(READ)
    rig.write(Register.sq_tail, 1 << 32 | rig.tail)
    assert rig.take() == [(1, 0)]
    assert isinstance(rig.write(Register.sq_tail, -1)[0], Log)


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


@pytest.mark.parametrize(
    ("argument", "flags", "flushed", "kept"),
    [
        ({}, 0, False, 0),
        ({}, 0, True, 7),
        ({}, FLAG_FUA, False, 7),
        ({"write_cache": False}, 0, False, 7),
        ({"ignores_flush": True}, 0, True, 0),
        ({"ignores_flush": True}, FLAG_FUA, False, 0),
    ],
)
def test_what_a_power_loss_leaves_of_an_acknowledged_write(argument, flags, flushed, kept):
    rig = Rig(**argument)
    rig.fill(7)
    assert rig.run(WRITE, 4, flags=flags) == 0
    if flushed:
        assert rig.run(FLUSH, segments=[]) == 0
    assert rig.stored(4) == kept
    rig.power_on()
    assert rig.run(READ, 4) == 0
    assert rig.memory.frame(DATA)[0] == kept


def test_dirty_sectors_are_written_back_at_the_deadline():
    rig = Rig(write_back_ns=200)
    rig.fill(7)
    rig.now_ns = 1000
    rig.run(WRITE, 4)
    rig.now_ns = 1100
    rig.run(WRITE, 5)
    assert rig.disk.next_deadline_ns() == 1200
    rig.pass_time(1200)
    assert (rig.stored(4), rig.stored(5)) == (7, 7)
    assert rig.disk.next_deadline_ns() is None


def test_a_deadline_that_comes_early_does_nothing():
    rig = Rig(**DELAYS, write_back_ns=200)
    rig.put(WRITE)
    rig.ring()
    assert rig.pass_time(5) == []
    assert rig.take() == []
    rig.pass_time(10)
    assert rig.take() == [(1, 0)]
    rig.pass_time(209)
    assert rig.disk.statistics().dirty_sectors == 1


def test_a_write_back_that_fails_is_tried_again():
    rig = Rig(write_back_ns=200)
    rig.fill(7)
    rig.run(WRITE, 4)
    rig.image.broken = True
    (effect,) = rig.pass_time(200)
    assert isinstance(effect, Log)
    assert rig.disk.next_deadline_ns() == 400
    assert rig.run(READ, 4) == CommandStatus.media_error
    assert rig.run(FLUSH) == CommandStatus.media_error
    assert rig.run(WRITE, 5, flags=FLAG_FUA) == CommandStatus.media_error
    rig.image.broken = False
    rig.pass_time(400)
    assert rig.stored(4) == 7
    assert rig.disk.statistics().write_back_failures == 1


def test_commands_complete_in_the_order_of_their_service_times():
    rig = Rig(**DELAYS)
    for command_id, opcode in enumerate([READ, FLUSH, WRITE, READ]):
        rig.put(opcode, command_id=command_id)
    rig.ring()
    order = []
    for due_ns in (10, 20, 30):
        assert rig.disk.next_deadline_ns() == due_ns
        rig.pass_time(due_ns)
        order += rig.take()
    assert order == [(2, 0), (1, 0), (0, 0), (3, 0)]
    assert rig.disk.statistics().in_flight == 0


def test_the_earlier_of_service_and_write_back_is_the_deadline():
    rig = Rig(read_ns=500, write_back_ns=200)
    rig.run(WRITE)
    rig.put(READ)
    rig.ring()
    assert rig.disk.next_deadline_ns() == 200
    rig.pass_time(200)
    assert rig.disk.next_deadline_ns() == 500
    rig.now_ns = 400
    rig.run(WRITE)
    assert rig.disk.next_deadline_ns() == 500


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


def break_it(rig: Rig, kind: str, *, active: bool = True, number: int = 1, **options: object) -> list:
    return rig.give(Received("supervisor", Fault(number, kind, active, {"seed": "1", **options})))


def test_an_error_strikes_the_operations_that_it_names_until_it_is_taken_away():
    rig = Rig()
    rig.fill(7)
    break_it(rig, "disk-error", operations=["write"])
    assert rig.run(WRITE, 3) == CommandStatus.media_error
    assert rig.run(READ, 3) == 0
    assert rig.memory.frame(DATA)[0] == 0, "nothing of it was written"
    break_it(rig, "disk-error", active=False)
    assert rig.run(WRITE, 3) == 0
    assert rig.disk.statistics().errors_injected == 1


def test_an_error_strikes_as_often_as_its_probability_says():
    rig = Rig()
    break_it(rig, "disk-error", probability=0.25)
    failed = sum(rig.run(READ, 3) != 0 for _ in range(400))
    assert 70 < failed < 130


def test_a_stalled_disk_answers_when_it_is_over():
    rig = Rig(**DELAYS)
    rig.put(READ, 3)
    rig.ring()
    break_it(rig, "disk-stall")
    assert rig.disk.next_deadline_ns() is None
    rig.put(WRITE, 3)
    rig.ring()
    rig.pass_time(1000)
    assert rig.take() == []
    break_it(rig, "disk-stall", active=False)
    assert [status for _, status in rig.take()] == [0, 0]


def test_a_lying_disk_keeps_what_it_was_told_to_write_down():
    rig = Rig()
    rig.fill(7)
    break_it(rig, "disk-lying-flush")
    rig.run(WRITE, 3)
    assert rig.run(FLUSH, segments=()) == 0
    assert rig.run(WRITE, 4, flags=FLAG_FUA) == 0
    assert (rig.stored(3), rig.stored(4)) == (0, 0)
    break_it(rig, "disk-lying-flush", active=False)
    rig.run(FLUSH, segments=())
    assert (rig.stored(3), rig.stored(4)) == (7, 7)
    assert rig.disk.statistics().flushes_ignored == 2


def test_a_loss_of_power_takes_the_cache_and_leaves_the_image():
    rig = Rig()
    rig.fill(7)
    rig.run(WRITE, 3)
    rig.run(FLUSH, segments=())
    rig.fill(8)
    rig.run(WRITE, 3)
    assert Exit("no power") in rig.give(Received("supervisor", PowerFails()))
    assert rig.stored(3) == 7


def test_with_torn_writes_a_loss_of_power_leaves_half_a_sector():
    rig = Rig()
    rig.fill(7)
    rig.run(WRITE, 8, segments=((DATA, 0, 4096),))
    break_it(rig, "disk-torn-write")
    rig.give(Received("supervisor", PowerFails()))
    content = rig.image.content((SECTORS + 8) * S, 4096)
    written = len(content.rstrip(b"\0"))
    assert content[:written] == b"\7" * written
    assert written % S == S // 2


def test_a_level_interrupt_that_was_lost_is_seen_when_the_fault_is_over():
    rig = Rig(trigger="level")
    break_it(rig, "irq-lost")
    rig.put(READ, 3)
    rig.ring()
    assert rig.lines == []
    break_it(rig, "irq-lost", active=False)
    assert rig.lines == [True]
    assert rig.disk.statistics().interrupts_lost == 1


def test_an_edge_that_was_lost_does_not_come_back():
    rig = Rig(trigger="edge")
    break_it(rig, "irq-lost")
    rig.put(READ, 3)
    rig.ring()
    break_it(rig, "irq-lost", active=False)
    assert rig.lines == []
    rig.put(READ, 3)
    rig.ring()
    assert rig.lines == [True, False]


def test_a_storm_holds_a_level_line_up_though_nothing_is_to_be_taken():
    rig = Rig(trigger="level")
    break_it(rig, "irq-storm")
    rig.run(READ, 3)
    assert rig.lines == [True]
    break_it(rig, "irq-storm", active=False)
    assert rig.lines == [True, False]


def test_a_storm_of_edges_comes_at_its_interval():
    rig = Rig(trigger="edge")
    break_it(rig, "irq-storm", interval_ns=100)
    for now_ns in (100, 200):
        assert rig.disk.next_deadline_ns() == now_ns
        rig.pass_time(now_ns)
    assert rig.lines == [True, False] * 3
    break_it(rig, "irq-storm", active=False)
    assert rig.disk.next_deadline_ns() is None


def test_a_slow_disk_takes_longer_for_its_commands():
    rig = Rig(**DELAYS)
    break_it(rig, "slow", factor=3.0)
    rig.put(READ, 3)
    rig.ring()
    assert rig.disk.next_deadline_ns() == 90


def test_service_times_are_drawn_where_they_are_given():
    rig = Rig(service={"read": ["uniform", [100, 200]]}, seed="1", write_cache=False)
    drawn = set()
    for _ in range(20):
        rig.put(READ, 3)
        rig.ring()
        drawn.add(rig.disk.next_deadline_ns() - rig.now_ns)
        rig.pass_time(rig.disk.next_deadline_ns())
        rig.take()
    assert len(drawn) > 5
    assert all(100 <= each <= 200 for each in drawn)
    assert rig.run(WRITE, 3) == 0


@pytest.mark.parametrize(
    ("kind", "options"),
    [("crash", {}), ("disk-error", {"operations": "write"}), ("irq-storm", {"interval_ns": 0})],
)
def test_a_fault_that_a_disk_cannot_have_costs_the_link(kind: str, options: dict[str, object]):
    rig = Rig()
    (effect,) = break_it(rig, kind, **options)
    assert isinstance(effect, CloseLink)
