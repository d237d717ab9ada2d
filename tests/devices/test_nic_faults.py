"""What can be broken in a network controller, for a while."""

import pytest

from actors.abi.network_controller import GONE, ControllerStatus, Register
from actors.runtime.machine import CloseLink
from tests.devices.nic_rig import MAC, PEER, Rig, ethernet

READY, UP = ControllerStatus.ready, ControllerStatus.link_up
GIGABIT = 1_000_000_000


def test_a_controller_that_hangs_is_gone_from_the_bus():
    rig = Rig()
    rig.post(2)
    rig.send(ethernet(PEER, MAC))
    rig.break_it("nic-hang")
    rig.ring(1)
    rig.receive(ethernet())
    rig.write(Register.control, 0)
    assert rig.read(Register.status) == GONE
    assert (rig.wire, rig.received(0), rig.signals) == ([], None, [])
    assert rig.nic.statistics().rx_drops["not_running"] == 1
    rig.break_it("nic-hang", active=False)
    assert rig.read(Register.status) == READY | UP, "what was written meanwhile is lost"
    assert rig.wire == []
    rig.ring(1)
    rig.receive(ethernet())
    assert (len(rig.wire), rig.received(0)) == (1, (ethernet(), True))


def test_a_controller_that_hangs_lets_its_line_go():
    rig = Rig(trigger="level")
    rig.write(Register.interrupt_cause, 0xFFFFFFFF)
    rig.post(2)
    rig.receive(ethernet())
    rig.signals.clear()
    rig.break_it("nic-hang")
    rig.break_it("nic-hang", active=False)
    assert rig.signals == [("ioapic", False), ("ioapic", True)]


def test_stopped_dma_touches_no_memory_and_goes_on_where_it_was():
    rig = Rig(bits_per_second=GIGABIT)
    rig.post(2)
    for _ in range(2):
        rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    rig.break_it("nic-dma-stop")
    assert rig.nic.next_deadline_ns() is None
    rig.now_ns = 5_000_000
    rig.receive(ethernet())
    assert (rig.wire, rig.sent(0), rig.received(0)) == ([], None, None)
    assert rig.read(Register.status) == READY | UP
    rig.break_it("nic-dma-stop", active=False)
    assert (len(rig.wire), rig.sent(0), rig.sent(1)) == (1, 0, None)
    assert rig.nic.next_deadline_ns() == 5_000_000 + 672
    rig.at(6_000_000)
    assert len(rig.wire) == 2


def test_a_reset_reaches_a_controller_whose_dma_has_stopped():
    rig = Rig()
    rig.break_it("nic-dma-stop")
    rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    rig.write(Register.control, 0)
    rig.break_it("nic-dma-stop", active=False)
    assert rig.wire == []


def test_a_link_that_is_down_is_seen_and_carries_nothing():
    rig = Rig()
    rig.post(2)
    rig.break_it("nic-link-down")
    assert (rig.status_word(), rig.signals) == (READY, ["ioapic"])
    rig.receive(ethernet())
    rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    statistics = rig.nic.statistics()
    assert (statistics.rx_drops["link_down"], statistics.tx_drops["link_down"]) == (1, 1)
    rig.break_it("nic-link-down", active=False)
    assert (rig.status_word(), rig.wire) == (READY | UP, [])


def test_a_link_flaps_at_its_interval():
    rig = Rig()
    rig.now_ns = 100
    rig.break_it("nic-link-flap", interval_ns=1000)
    seen = []
    for now_ns in (100, 1099, 1100, 2099, 2100, 3100):
        rig.at(now_ns)
        seen.append(bool(rig.status_word() & UP))
    assert seen == [False, False, True, True, False, True]
    rig.at(4100)
    rig.break_it("nic-link-flap", active=False)
    assert rig.status_word() & UP
    assert rig.nic.next_deadline_ns() is None
    assert rig.nic.statistics().link_changes == 1 + 6


def test_an_edge_that_is_lost_does_not_come_back():
    rig = Rig()
    rig.post(3)
    rig.break_it("irq-lost")
    rig.receive(ethernet())
    rig.break_it("irq-lost", active=False)
    assert rig.signals == []
    rig.receive(ethernet())
    assert rig.signals == ["ioapic"]
    assert rig.nic.statistics().interrupts_lost == 1


def test_a_level_that_was_lost_is_seen_when_the_fault_is_over():
    rig = Rig(trigger="level")
    rig.write(Register.interrupt_cause, 0xFFFFFFFF)
    rig.signals.clear()
    rig.post(3)
    rig.break_it("irq-lost")
    rig.receive(ethernet())
    rig.receive(ethernet())
    assert rig.signals == []
    rig.break_it("irq-lost", active=False)
    assert rig.signals == [("ioapic", True)]
    assert rig.nic.statistics().interrupts_lost == 1


def test_a_storm_is_edges_without_a_cause():
    rig = Rig()
    rig.break_it("irq-storm", interval_ns=10)
    rig.at(100)
    assert len(rig.signals) == 11
    rig.break_it("irq-storm", active=False)
    assert rig.nic.next_deadline_ns() is None


def test_a_storm_holds_a_level_up_whatever_is_acknowledged():
    rig = Rig(trigger="level")
    rig.write(Register.interrupt_cause, 0xFFFFFFFF)
    rig.signals.clear()
    rig.break_it("irq-storm")
    rig.write(Register.interrupt_cause, 0xFFFFFFFF)
    assert (rig.signals, rig.nic.next_deadline_ns()) == ([("ioapic", True)], None)
    rig.break_it("irq-storm", active=False)
    assert rig.signals == [("ioapic", True), ("ioapic", False)]


def test_a_slow_controller_takes_longer_for_each_frame():
    rig = Rig(bits_per_second=GIGABIT)
    rig.break_it("slow", factor=3.0)
    rig.send(ethernet(PEER, MAC))
    rig.ring(1)
    assert rig.nic.next_deadline_ns() == 3 * 672


@pytest.mark.parametrize(("kind", "options"), [
    ("disk-stall", {}), ("nic-what", {}), ("nic-link-flap", {"interval_ns": 0}), ("slow", {"factor": 3}),
])  # fmt: skip
def test_an_order_that_makes_no_sense_loses_the_link(kind, options):
    (effect,) = Rig().break_it(kind, **options)
    assert isinstance(effect, CloseLink)
