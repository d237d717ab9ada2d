"""What is in the disk's cache: when it is written back, and what a loss of power leaves of it."""

import pytest

from actors.abi.disk_controller import (
    FLAG_FUA,
    CommandStatus,
)
from actors.runtime.machine import (
    Log,
)
from tests.devices.disk_rig import DATA, DELAYS, FLUSH, READ, WRITE, Rig


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
