"""The interrupt of a disk, without the disk."""

import pytest

from actors.devices.disk_faults import DiskFaults
from actors.devices.disk_interrupt import DiskInterrupt
from actors.messages import Fault, Pulse


class Queue:
    """So many completions that nobody has taken. Stands in for `QueuePair`."""

    def __init__(self, unconsumed):
        self.unconsumed = unconsumed


@pytest.mark.parametrize(
    ("unconsumed", "masked", "completed", "pulses"),
    [
        (1, False, True, [Pulse()]),
        (1, False, False, []),
        (1, True, True, []),
        (None, False, True, []),
    ],
)
def test_an_edge_is_sent_for_completions_alone(unconsumed, masked, completed, pulses):
    interrupt = DiskInterrupt(DiskFaults(), level_triggered=False)
    interrupt.completed = completed
    queue = None if unconsumed is None else Queue(unconsumed)
    sent = interrupt.update(queue, masked=masked)
    assert [each.message for each in sent] == pulses
    assert not interrupt.completed


def test_a_level_shows_what_is_queued_and_not_masked():
    interrupt = DiskInterrupt(DiskFaults(), level_triggered=True)
    for unconsumed, masked, line in [(0, False, False), (2, False, True), (1, True, False), (1, False, True)]:
        interrupt.update(Queue(unconsumed), masked=masked)
        interrupt.check(Queue(unconsumed), masked=masked)
        assert interrupt.line is line
    interrupt.update(None, masked=False)
    assert (interrupt.line, interrupt.raised) == (False, 2)


def test_a_level_that_was_not_seen_stays_unseen_until_the_fault_is_over():
    faults = DiskFaults()
    interrupt = DiskInterrupt(faults, level_triggered=True)
    assert faults.take(Fault(1, "irq-lost", True, {"probability": 1.0}), 0)
    for _ in range(2):
        assert interrupt.update(Queue(1), masked=False) == []
    assert faults.interrupts_lost == 1
    assert faults.take(Fault(1, "irq-lost", False, {}), 0)
    interrupt.faults_changed()
    interrupt.update(Queue(1), masked=False)
    assert interrupt.line
