"""The registers of the disk's controller: what they say, what may be written, what stops it."""

import pytest

from actors.abi.disk_controller import (
    CAPABILITY,
    ENABLE,
    ControllerStatus,
    Register,
    VolumeFlags,
)
from actors.devices.disk import Disk
from actors.devices.image import MemoryImage
from actors.messages import MmioRead
from actors.runtime.machine import (
    Log,
    Received,
)
from actors.runtime.memory import SparseMemory
from tests.devices.disk_rig import CQ, DELAYS, FRAMES, READ, SECTORS, SQ, WRITE, Rig


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
