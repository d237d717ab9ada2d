"""What can be broken in a disk, for a while."""

import pytest

from actors.abi.disk_controller import (
    FLAG_FUA,
    CommandStatus,
)
from actors.messages import Fault, PowerFails
from actors.runtime.machine import (
    CloseLink,
    Exit,
    Received,
)
from tests.devices.disk_rig import DATA, DELAYS, FLUSH, READ, SECTORS, WRITE, Rig, S


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


@pytest.mark.parametrize(
    ("kind", "options"),
    [("crash", {}), ("disk-error", {"operations": "write"}), ("irq-storm", {"interval_ns": 0})],
)
def test_a_fault_that_a_disk_cannot_have_costs_the_link(kind: str, options: dict[str, object]):
    rig = Rig()
    (effect,) = break_it(rig, kind, **options)
    assert isinstance(effect, CloseLink)
