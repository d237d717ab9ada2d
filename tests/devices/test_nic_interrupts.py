"""Interrupts of the network controller: edges, levels and messages, when they come, and what masks them."""

import pytest

from actors.abi.network_controller import CAUSE_STATUS, Register
from actors.messages import EthernetFrame, MsiWrite
from actors.runtime.machine import LinkOpened, Received
from tests.devices.nic_rig import Rig, ethernet

US = 1000


def msi(
    rig: Rig, entry: int = 0, data: int = 0x41, *, address: int = 0xFEE00000, masked: bool = False
) -> None:
    rig.give(Received("xen", MsiWrite(entry, address, data, masked)))


def throttled(interval_us: int, **argument) -> Rig:
    rig = Rig(rx=256, **argument)
    rig.post(200)
    rig.write(Register.moderation, interval_us)
    rig.signals.clear()
    return rig


def test_a_burst_is_one_interrupt_now_and_one_when_the_time_is_over():
    rig = throttled(50)
    rig.now_ns = 7
    rig.receive(ethernet())
    assert rig.signals == ["ioapic"]
    for rig.now_ns in (10, 20, 49 * US):
        rig.receive(ethernet())
    assert rig.signals == ["ioapic"]
    assert rig.nic.next_deadline_ns() == 7 + 50 * US
    rig.at(7 + 50 * US - 1)
    assert rig.signals == ["ioapic"]
    rig.at(7 + 50 * US)
    assert rig.signals == ["ioapic"] * 2
    assert rig.nic.next_deadline_ns() is None
    assert rig.nic.statistics().interrupts == 2 + 1, "and that of the link, before"


def test_after_a_quiet_time_the_next_frame_is_told_at_once():
    rig = throttled(50)
    rig.receive(ethernet())
    rig.at(50 * US)
    rig.receive(ethernet())
    assert rig.signals == ["ioapic"] * 2
    assert rig.nic.next_deadline_ns() is None


@pytest.mark.parametrize(("interval_us", "interrupts"), [(0, 100), (10, 11), (1000, 2)])
def test_the_throttle_bounds_interrupts_and_loses_none(interval_us, interrupts):
    rig = throttled(interval_us)
    for number in range(100):
        rig.at(number * US)
        rig.receive(ethernet())
    rig.at(10_000_000)
    assert len(rig.signals) == interrupts


def test_the_throttle_is_that_of_each_queue():
    rig = throttled(50, queues=2)
    for queue in (0, 1):
        rig.send(ethernet(), queue=queue)
        rig.ring(2 * queue + 1)
    assert rig.signals == ["ioapic", "ioapic1"]


def test_a_throttle_that_is_taken_back_lets_what_waits_go():
    rig = throttled(50)
    rig.receive(ethernet())
    rig.receive(ethernet())
    assert len(rig.signals) == 1
    rig.write(Register.moderation, 0)
    assert len(rig.signals) == 2


def test_a_level_lasts_until_its_cause_is_taken_away():
    rig = Rig(trigger="level")
    rig.write(Register.interrupt_cause, 0xFFFFFFFF)
    rig.post(4)
    rig.signals.clear()
    rig.receive(ethernet())
    rig.receive(ethernet())
    assert rig.signals == [("ioapic", True)]
    assert rig.read(Register.interrupt_cause) == 1
    rig.write(Register.interrupt_cause, CAUSE_STATUS)
    assert rig.signals == [("ioapic", True)]
    rig.write(Register.interrupt_cause, 1)
    assert rig.signals == [("ioapic", True), ("ioapic", False)]
    assert rig.read(Register.interrupt_cause) == 0


def test_a_level_is_throttled_too():
    rig = Rig(trigger="level")
    rig.write(Register.interrupt_cause, 0xFFFFFFFF)
    rig.post(4)
    rig.at(1_000_000)
    rig.write(Register.moderation, 50)
    rig.signals.clear()
    rig.receive(ethernet())
    rig.write(Register.interrupt_cause, 1)
    rig.receive(ethernet())
    assert rig.signals == [("ioapic", True), ("ioapic", False)]
    rig.at(1_000_000 + 50 * US - 1)
    assert len(rig.signals) == 2
    rig.at(1_000_000 + 50 * US)
    assert rig.signals[2:] == [("ioapic", True)]


def test_an_ioapic_that_comes_back_is_told_the_level():
    rig = Rig(trigger="level", queues=2)
    rig.send(ethernet(), queue=1)
    rig.ring(3)
    rig.signals.clear()
    rig.give(LinkOpened("ioapic1"))
    assert rig.signals == [("ioapic1", True)]


def test_a_reset_releases_the_line():
    rig = Rig(trigger="level")
    rig.post(1)
    rig.receive(ethernet())
    rig.write(Register.control, 0)
    assert rig.signals[-1] == ("ioapic", False)


@pytest.mark.parametrize(("trigger", "shown"), [("edge", "ioapic"), ("level", ("ioapic", True))])
def test_a_masked_cause_waits(trigger, shown):
    rig = Rig(trigger=trigger)
    rig.write(Register.interrupt_cause, 0xFFFFFFFF)
    rig.post(4)
    rig.write(Register.interrupt_mask, 1)
    rig.signals.clear()
    rig.receive(ethernet())
    assert (rig.signals, rig.nic.next_deadline_ns()) == ([], None)
    assert rig.read(Register.interrupt_cause) == 1
    rig.write(Register.interrupt_mask, 0)
    assert rig.signals == [shown]


def test_a_mask_of_a_queue_does_not_hide_the_status():
    rig = Rig(wired=False)
    rig.write(Register.interrupt_mask, 1)
    rig.post(1)
    rig.give(LinkOpened("wire"), Received("wire", EthernetFrame(ethernet())))
    assert rig.signals == ["ioapic"]
    assert rig.read(Register.interrupt_cause) == 1, "the frame was not told of"
    rig.write(Register.interrupt_mask, 0)
    assert rig.signals == ["ioapic"] * 2


def test_a_message_takes_the_place_of_the_line():
    rig = Rig(queues=2, trigger="level")
    rig.write(Register.interrupt_cause, 0xFFFFFFFF)
    msi(rig, 0, 0x41)
    msi(rig, 1, 0x42)
    rig.signals.clear()
    for queue in (1, 0, 1):
        rig.send(ethernet(), queue=queue)
        rig.ring(2 * queue + 1)
    assert rig.signals == [0x42, 0x41, 0x42]
    msi(rig, 1, address=0)
    rig.send(ethernet(), queue=1)
    rig.ring(3)
    assert rig.signals[3:] == [("ioapic1", True)]


def test_a_line_that_is_up_falls_when_messages_take_its_place():
    rig = Rig(trigger="level")
    assert rig.read(Register.interrupt_cause) == CAUSE_STATUS
    msi(rig)
    assert rig.signals == [("ioapic", False), 0x41]


def test_a_masked_message_is_pending():
    rig = Rig()
    msi(rig, masked=True)
    rig.post(2)
    rig.receive(ethernet())
    rig.receive(ethernet())
    assert rig.signals == []
    msi(rig)
    assert rig.signals == [0x41]


def test_messages_of_queues_that_are_not_there_are_nothing():
    rig = Rig()
    for entry in (-1, 1, 99):
        msi(rig, entry)
    rig.post(1)
    rig.receive(ethernet())
    assert rig.signals == ["ioapic"]
