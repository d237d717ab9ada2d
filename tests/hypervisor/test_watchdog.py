"""The domain watchdog: two timers, and what their running out means."""

from actors.abi.errno import Errno
from actors.abi.interface import ShutdownReason
from actors.messages import MachineRestart, StartDomain, StopDomain
from actors.runtime.machine import DeadlinePassed

S = 1_000_000_000


def test_a_domain_has_two_timers(xen):
    assert [xen.ret(0, "sched_op.watchdog", id=0, timeout=30) for _ in range(3)] == [1, 2, -Errno.ENOSPC]
    assert xen.ret(0, "sched_op.watchdog", id=3, timeout=30) == -Errno.EINVAL
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=0) == 0
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=30) == -Errno.EINVAL
    assert xen.ret(0, "sched_op.watchdog", id=0, timeout=30) == 1


def test_setting_a_timer_again_puts_it_off(xen):
    assert xen.ret(0, "sched_op.watchdog", id=0, timeout=1) == 1
    xen.wait(S // 2)
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=2) == 0
    xen.wait(2 * S - 1)
    assert xen.messages("supervisor", StopDomain) == []
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=0) == 0
    assert xen.machine.next_deadline_ns() is None


def test_a_guest_that_hangs_is_shut_down_for_its_toolstack(xen):
    guest = xen.create()
    assert xen.ret(guest, "sched_op.watchdog", id=0, timeout=1) == 1
    xen.wait(S)
    assert xen.events()[-1] == (guest, "shutdown", ShutdownReason.watchdog)
    assert xen.machine.next_deadline_ns() is None


def test_a_dom0_that_hangs_is_replaced_under_restart(xen):
    assert xen.ret(0, "sched_op.watchdog", id=0, timeout=1) == 1
    xen.wait(S)
    assert xen.messages("supervisor", StopDomain) == [StopDomain(0, 1)]
    assert [each.incarnation for each in xen.messages("supervisor", StartDomain)] == [2]


def test_a_dom0_that_hangs_reboots_the_machine_on_stock_xen(power_on):
    bench = power_on(hwdom="reboot")
    assert bench.ret(0, "sched_op.watchdog", id=0, timeout=1) == 1
    bench.wait(S)
    assert len(bench.messages("supervisor", MachineRestart)) == 1
    assert any("watchdog" in line for line in bench.logs)
    assert bench.machine.next_deadline_ns() is None


def test_time_in_which_xen_does_not_run_passes_for_no_domain(xen):
    assert xen.ret(0, "sched_op.watchdog", id=0, timeout=2) == 1
    xen.wait(S)

    xen.now_ns += 10 * S
    xen.feed(DeadlinePassed())
    assert xen.messages("supervisor", StopDomain) == []
    assert any("Xen has not run for 10." in line for line in xen.logs)

    xen.wait(S - S // 100)
    assert xen.messages("supervisor", StopDomain) == []
    xen.wait(S // 5)
    assert xen.messages("supervisor", StopDomain) == [StopDomain(0, 1)]


def test_what_waited_while_xen_did_not_run_is_heard_before_a_domain_has_hung(xen):
    guest = xen.create()
    assert [xen.ret(each, "sched_op.watchdog", id=0, timeout=1) for each in (0, guest)] == [1, 1]

    xen.now_ns += 10 * S
    assert xen.ret(0, "sched_op.watchdog", id=1, timeout=1) == 0
    xen.feed(DeadlinePassed())
    assert xen.ret(guest, "sched_op.watchdog", id=1, timeout=1) == 0

    assert xen.events()[-1:] != [(guest, "shutdown", ShutdownReason.watchdog)]
    assert xen.messages("supervisor", StopDomain) == []


def test_a_domain_that_hangs_while_xen_runs_is_found_however_late_its_ticks_are(xen):
    assert xen.ret(0, "sched_op.watchdog", id=0, timeout=1) == 1

    for _ in range(6):
        xen.now_ns += 190 * S // 1000
        xen.feed(DeadlinePassed())

    assert xen.messages("supervisor", StopDomain) == [StopDomain(0, 1)]


def test_xen_looks_at_its_clock_only_while_there_is_a_watchdog(xen):
    assert xen.machine.next_deadline_ns() is None
    guest = xen.create()
    assert xen.ret(guest, "sched_op.watchdog", id=0, timeout=30) == 1
    assert xen.machine.next_deadline_ns() is not None

    xen.crash(guest)

    assert xen.machine.next_deadline_ns() is None
