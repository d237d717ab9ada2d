"""The domain watchdog: two timers, and what their running out means."""

from actors.abi.errno import Errno
from actors.abi.interface import ShutdownReason
from actors.messages import MachineRestart, StartDomain, StopDomain

S = 1_000_000_000


def test_a_domain_has_two_timers(xen):
    assert [xen.ret(0, "sched_op.watchdog", id=0, timeout=30) for _ in range(3)] == [1, 2, -Errno.ENOSPC]
    assert xen.ret(0, "sched_op.watchdog", id=3, timeout=30) == -Errno.EINVAL
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=0) == 0
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=30) == -Errno.EINVAL
    assert xen.ret(0, "sched_op.watchdog", id=0, timeout=30) == 1


def test_setting_a_timer_again_puts_it_off(xen):
    assert xen.ret(0, "sched_op.watchdog", id=0, timeout=1) == 1
    first = xen.machine.next_deadline_ns()
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=2) == 0
    assert xen.machine.next_deadline_ns() > first + S // 2
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=0) == 0
    assert xen.machine.next_deadline_ns() is None


def test_a_guest_that_hangs_is_shut_down_for_its_toolstack(xen):
    guest = xen.create()
    assert xen.ret(guest, "sched_op.watchdog", id=0, timeout=1) == 1
    xen.deadline()
    assert xen.events()[-1] == (guest, "shutdown", ShutdownReason.watchdog)
    assert xen.machine.next_deadline_ns() is None


def test_a_dom0_that_hangs_is_replaced_under_restart(xen):
    assert xen.ret(0, "sched_op.watchdog", id=0, timeout=1) == 1
    xen.deadline()
    assert xen.messages("supervisor", StopDomain) == [StopDomain(0, 1)]
    assert [each.incarnation for each in xen.messages("supervisor", StartDomain)] == [2]


def test_a_dom0_that_hangs_reboots_the_machine_on_stock_xen(power_on):
    bench = power_on(hwdom="reboot")
    assert bench.ret(0, "sched_op.watchdog", id=0, timeout=1) == 1
    bench.deadline()
    assert len(bench.messages("supervisor", MachineRestart)) == 1
    assert any("watchdog" in line for line in bench.logs)
    assert bench.machine.next_deadline_ns() is None
