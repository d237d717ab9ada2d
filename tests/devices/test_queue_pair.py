"""Submission and completion queues, and every field of a command that a host may have spoilt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.abi.disk_controller import (
    FLAG_FUA,
    CommandStatus,
)
from tests.devices.disk_rig import DATA, DELAYS, FLUSH, FRAMES, READ, SECTORS, SQ, WRITE, Rig, S


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
