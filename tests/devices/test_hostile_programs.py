"""What drives a device may program it with anything: it keeps to its registers, queues and volumes."""

from random import Random

import pytest

from actors.abi.disk_controller import (
    COMMAND_HEADER,
    ENABLE,
    SEGMENT,
    CommandStatus,
    ControllerStatus,
    Register,
)
from actors.devices.disk import Disk
from actors.devices.image import MemoryImage
from actors.devices.ioapic import DATA_OFFSET, EOI_OFFSET, INDEX_OFFSET, MASKED, IoApic
from actors.messages import (
    CODEC,
    EndOfInterrupt,
    InterruptVector,
    Line,
    MmioRead,
    MmioReadReply,
    MmioWrite,
    Pulse,
)
from actors.runtime.machine import CloseLink, DeadlinePassed, LinkClosed, Log, Received, Send
from actors.runtime.memory import SparseMemory

VALUES = (
    0,
    1,
    2,
    0x1F,
    0x20,
    0xFF,
    0x100,
    0x8000,
    0xFFFF,
    0x10000,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    -1,
    -(1 << 63),
)
OFFSETS = (INDEX_OFFSET, DATA_OFFSET, EOI_OFFSET, 1, 0x44, 0xFFC, 1 << 32, -1)
SECTORS, FRAMES, QUEUE_FRAMES = 64, 32, (1, 2, 3)
OURS = range(8, 16)
SECRET = b"not for whoever drives the disk" * 16


# The IO-APIC.


def chip():
    return IoApic({"version": 0x170020, "pins": {"sda": 16, "sdb": 17}})


def give(machine, event, now_ns=0):
    effects = machine.handle(event, now_ns)
    machine.check()
    for effect in effects:
        if isinstance(effect, Send):
            CODEC.encode(effect.message)
    return effects


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("value", VALUES)
def test_any_register_may_be_written_with_anything(offset, value):
    machine = chip()
    for index in (*range(0x40), *VALUES):
        for message in (MmioWrite(INDEX_OFFSET, index), MmioWrite(offset, value)):
            assert all(
                isinstance(each.message, InterruptVector) for each in give(machine, Received("xen", message))
            )
        (reply,) = give(machine, Received("xen", MmioRead(1, offset)))
        assert isinstance(reply.message, MmioReadReply)
        assert 0 <= reply.message.value <= 0xFFFFFFFF


@pytest.mark.parametrize("value", VALUES)
def test_the_end_of_an_interrupt_that_is_none_is_counted_and_no_more(value):
    machine = chip()
    assert give(machine, Received("xen", EndOfInterrupt(value))) == []
    assert machine.statistics().unmatched_ends == 1


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("sda", MmioWrite(INDEX_OFFSET, 0)), ("sda", EndOfInterrupt(0x31)), ("sda", InterruptVector(0x31)),
        ("xen", Line(True)), ("dom1", Line(True)), ("dom1", MmioWrite(DATA_OFFSET, 0)), ("", MmioRead(1, 0)),
    ],
)  # fmt: skip
def test_who_says_what_is_not_his_to_say_loses_that_link_and_changes_nothing(link, message):
    machine = chip()
    give(machine, Received("xen", MmioWrite(INDEX_OFFSET, 0x30)))
    give(machine, Received("xen", MmioWrite(DATA_OFFSET, 0x31)))
    (effect,) = give(machine, Received(link, message))
    assert isinstance(effect, CloseLink)
    assert effect.link == link
    assert [each.message for each in give(machine, Received("sda", Line(True)))] == [InterruptVector(0x31)]


@pytest.mark.parametrize("seed", range(20))
def test_an_io_apic_lives_through_any_program(seed):
    random, machine = Random(seed), chip()
    for _ in range(500):
        message = random.choice(
            [
                MmioWrite(INDEX_OFFSET, random.choice((0x30, 0x31, 0x32, random.getrandbits(9)))),
                MmioWrite(DATA_OFFSET, random.getrandbits(17)),
                MmioWrite(random.choice(OFFSETS), random.choice(VALUES)),
                MmioRead(1, random.choice(OFFSETS)),
                EndOfInterrupt(random.getrandbits(8)),
            ]
        )
        event = random.choice(
            [
                Received("xen", message), Received("xen", message), LinkClosed("sda", "died"),
                Received("sda", Line(random.random() < 0.5)), Received("sdb", Line(random.random() < 0.5)),
                Received("sda", Pulse()),
            ]
        )  # fmt: skip
        for effect in give(machine, event):
            assert isinstance(effect.message, InterruptVector | MmioReadReply)
            assert not isinstance(effect.message, InterruptVector) or 16 <= effect.message.vector <= 0xFF
    give(machine, LinkClosed("xen", "died"))
    for pin in range(24):
        give(machine, Received("xen", MmioWrite(INDEX_OFFSET, 0x10 + 2 * pin)))
        (reply,) = give(machine, Received("xen", MmioRead(1, DATA_OFFSET)))
        assert reply.message.value == MASKED


# The disk.


class Driven:
    """A disk with a volume in the middle of an image, and behind it one that is read-only."""

    def __init__(self, **argument):
        self.memory = SparseMemory(FRAMES)
        self.image = MemoryImage(4 * SECTORS * 512)
        self.image.write(0, [SECRET * (4 * SECTORS * 512 // len(SECRET))])
        volumes = [
            {"name": "web", "path": "img", "sectors": SECTORS, "offset_sector": SECTORS},
            {
                "name": "golden",
                "path": "img",
                "sectors": SECTORS,
                "offset_sector": 2 * SECTORS,
                "read_only": True,
            },
        ]
        self.disk = Disk({"volumes": volumes, **argument}, self.memory, lambda _path, _read_only: self.image)
        self.before = self.image.content(0, 4 * SECTORS * 512)
        self.now_ns = 0

    def write(self, register, value):
        return give(self.disk, Received("dom0", MmioWrite(register, value)), self.now_ns)

    def read(self, register):
        (reply,) = give(self.disk, Received("dom0", MmioRead(1, register)), self.now_ns)
        return reply.message.value

    def enable(self, sq=(1, 32), cq=(3, 16)):
        for register, value in (
            (Register.control, 0), (Register.sq_mfn, sq[0]), (Register.sq_entries, sq[1]),
            (Register.cq_mfn, cq[0]), (Register.cq_entries, cq[1]), (Register.control, ENABLE),
        ):  # fmt: skip
            self.write(register, value)

    def others_are_as_they_were(self):
        """Nothing but the first volume has changed of the image."""
        now = self.image.content(0, 4 * SECTORS * 512)
        ours = slice(SECTORS * 512, 2 * SECTORS * 512)
        assert now[: ours.start] == self.before[: ours.start]
        assert now[ours.stop :] == self.before[ours.stop :]


@pytest.mark.parametrize("register", [*Register, 2, 0xFFC, 1 << 20, -4])
def test_any_register_of_a_disk_may_be_written_with_anything(register):
    driven = Driven()
    for enabled in (False, True):
        for value in VALUES:
            if enabled:
                driven.enable()
            for effect in driven.write(register, value):
                assert isinstance(effect, Log) or isinstance(effect.message, Line | Pulse)
            assert 0 <= driven.read(register) <= 0xFFFFFFFF
    driven.enable()
    assert driven.read(Register.status) & ControllerStatus.ready
    driven.others_are_as_they_were()


@pytest.mark.parametrize("queues", [
    {"sq": (FRAMES, 32)}, {"sq": (FRAMES - 1, 1024)}, {"sq": ((1 << 32) - 1, 32)}, {"sq": (1, 0)},
    {"sq": (1, 1)}, {"sq": (1, 1025)}, {"sq": (1, (1 << 32) - 1)}, {"cq": (FRAMES, 16)}, {"cq": (3, 0)},
    {"cq": (3, 1)}, {"cq": (3, 1 << 31)},
])  # fmt: skip
def test_a_queue_that_cannot_be_stops_the_controller_until_a_reset(queues):
    driven = Driven()
    driven.enable(**queues)
    assert driven.read(Register.status) & ControllerStatus.error
    driven.write(Register.sq_tail, 3)
    driven.enable()
    assert driven.read(Register.status) & ControllerStatus.ready


def test_a_queue_upon_the_other_or_upon_its_data_hurts_its_owner_only():
    driven = Driven()
    driven.enable(sq=(1, 32), cq=(1, 512))
    SEGMENT.pack_into(driven.memory.frame(1), COMMAND_HEADER.size, 1, 0, 4096)
    for sector in range(8):
        COMMAND_HEADER.pack_into(driven.memory.frame(1), sector * 128, 1, 0, sector, 0, sector, 1)
    driven.write(Register.sq_tail, 8)
    driven.disk.check()
    driven.others_are_as_they_were()


@pytest.mark.parametrize("seed", range(30))
def test_a_disk_lives_through_any_program_and_writes_to_its_volume_only(seed):
    random, driven = Random(seed), Driven(**({"read_ns": 3, "write_ns": 7} if seed % 2 else {}))
    queue_bytes = [driven.memory.frame(mfn) for mfn in QUEUE_FRAMES]
    for mfn in OURS:
        driven.memory.frame(mfn)[:] = bytes([mfn]) * 4096
    for _ in range(300):
        driven.now_ns += random.randrange(5)
        what = random.random()
        if what < 0.1:
            driven.enable(sq=(1, random.choice((2, 32, 64))), cq=(3, random.choice((2, 16, 512))))
        elif what < 0.6:
            segments = random.choice((0, 1, 2, 11, 12, 0xFFFF))
            at = random.randrange(32) * 128
            COMMAND_HEADER.pack_into(
                queue_bytes[random.randrange(2)], at, random.randrange(5), random.getrandbits(8),
                random.getrandbits(16), random.choice((0, 0, 1, 2, 0xFFFF)),
                random.choice((0, 1, SECTORS - 1, SECTORS, (1 << 64) - 1)), segments,
            )  # fmt: skip
            for index in range(min(segments, 11)):
                SEGMENT.pack_into(
                    queue_bytes[0], at + COMMAND_HEADER.size + index * SEGMENT.size,
                    random.choice((*OURS, FRAMES, (1 << 32) - 1)), random.choice((0, 512, 1, 4095, 65535)),
                    random.choice((0, 512, 4096, 3584, 65535)),
                )  # fmt: skip
        elif what < 0.9:
            driven.write(random.choice((Register.sq_tail, Register.cq_head)), random.randrange(40))
        else:
            give(driven.disk, DeadlinePassed(), driven.now_ns)
    driven.others_are_as_they_were()


@pytest.mark.parametrize("message", [Line(True), EndOfInterrupt(1), MmioReadReply(1, 2), InterruptVector(5)])
def test_a_host_that_says_what_is_no_register_loses_its_link(message):
    (effect,) = give(Driven().disk, Received("dom0", message))
    assert isinstance(effect, CloseLink)
    assert effect.link == "dom0"


def test_a_command_of_every_kind_of_nonsense_is_answered():
    driven = Driven()
    driven.enable()
    frame, words = driven.memory.frame(1), driven.memory.frame(3).cast("Q")
    words[:] = driven.memory.frame(30).cast("Q")
    rows = [
        ((0, 0, 1, 0, 0, 1), CommandStatus.bad_opcode),
        ((9, 0, 2, 0, 0, 1), CommandStatus.bad_opcode),
        ((1, 0, 3, 2, 0, 1), CommandStatus.bad_volume),
        ((1, 0, 4, 0, 0, 0), CommandStatus.bad_segment),
        ((1, 0, 5, 0, 0, 12), CommandStatus.bad_segment),
        ((1, 0, 6, 0, SECTORS, 1), CommandStatus.out_of_range),
        ((1, 0, 7, 0, (1 << 64) - 1, 1), CommandStatus.out_of_range),
        ((2, 0, 8, 1, 0, 1), CommandStatus.read_only),
    ]
    for index, (header, _) in enumerate(rows):
        COMMAND_HEADER.pack_into(frame, index * 128, *header)
        SEGMENT.pack_into(frame, index * 128 + COMMAND_HEADER.size, 8, 0, 512)
    driven.write(Register.sq_tail, len(rows))
    found = [(word & 0xFFFF, word >> 32 & 0xFFFF) for word in words[: len(rows)]]
    assert found == [(number, int(status)) for number, (_, status) in enumerate(rows, 1)]
    driven.others_are_as_they_were()
