"""vcpu_op and set_timer_op: which vcpus are up, what they do, and their timers."""

import pytest

from actors.abi.errno import Errno
from actors.abi.interface import ShutdownReason, Virq
from actors.messages import HypercallReply
from actors.runtime.machine import DeadlinePassed

MS = 1_000_000
TIMER = int(Virq.TIMER)


@pytest.fixture
def timed(xen):
    """The ports of VIRQ_TIMER on dom0's two vcpus."""
    ports = [xen.out(0, "event_channel_op.bind_virq", "port", virq=TIMER, vcpu=vcpu) for vcpu in (0, 1)]
    xen.clear()
    return ports


def pass_time(xen, ns):
    xen.now_ns += ns
    xen.feed(DeadlinePassed())


@pytest.mark.parametrize("command", range(14))
def test_a_vcpu_that_is_not_there_is_found_out_first(xen, command):
    for vcpu in (2, -1, 1 << 40):
        assert xen.raw(0, 24, command, {"vcpu": vcpu}).ret == -Errno.ENOENT


def test_a_vcpu_goes_down_and_up(xen):
    assert [xen.ret(0, "vcpu_op.is_up", vcpu=vcpu) for vcpu in (0, 1)] == [1, 1]
    for _ in range(2):
        assert xen.ret(0, "vcpu_op.down", vcpu=1) == 0
        assert xen.ret(0, "vcpu_op.is_up", vcpu=1) == 0
    assert xen.call(0, "domctl.getdomaininfo", domain=0)[1]["nr_online_vcpus"] == 1
    for _ in range(2):
        assert xen.ret(0, "vcpu_op.up", vcpu=1) == 0
        assert xen.ret(0, "vcpu_op.is_up", vcpu=1) == 1


def test_the_last_vcpu_that_goes_down_shuts_the_domain_down(xen):
    guest = xen.create(max_vcpus=2)
    assert xen.ret(guest, "vcpu_op.down", vcpu=0) == 0
    assert xen.raw(guest, 24, 2, {"vcpu": 1}) is None
    assert xen.events()[-1] == (guest, "shutdown", ShutdownReason.poweroff)
    xen.clear()
    assert xen.ret(0, "domctl.resumedomain", domain=guest) == 0
    assert [each.ret for each in xen.messages(f"dom{guest}", HypercallReply)] == [0]


def test_every_vcpu_is_initialised_from_the_start(xen):
    assert xen.ret(0, "vcpu_op.initialise", vcpu=0) == -Errno.EEXIST
    guest = xen.create(max_vcpus=40)
    assert xen.ret(guest, "vcpu_op.initialise", vcpu=31) == -Errno.EEXIST
    assert xen.ret(guest, "vcpu_op.initialise", vcpu=32) == -Errno.EINVAL
    assert xen.ret(guest, "vcpu_op.down", vcpu=32) == 0
    assert xen.ret(guest, "vcpu_op.register_vcpu_info", vcpu=32, mfn=0, offset=0) == 0
    assert xen.ret(guest, "vcpu_op.initialise", vcpu=32) == -Errno.EEXIST


@pytest.mark.parametrize(
    ("vcpu", "mfn", "offset", "expected"),
    [
        (0, 0, 4096 - 64, 0),
        (0, 0, 4096 - 56, -Errno.ENXIO),
        (0, 0, 4, -Errno.ENXIO),
        (0, 0, -8, -Errno.ENXIO),
        (0, 1 << 30, 0, -Errno.EINVAL),
        (1, 0, 0, -Errno.EINVAL),
    ],
)
def test_a_vcpu_info_is_registered_where_it_may_be_and_once(xen, vcpu, mfn, offset, expected):
    place = {"vcpu": vcpu, "mfn": mfn, "offset": offset}
    assert xen.ret(0, "vcpu_op.register_vcpu_info", **place) == expected
    if not expected:
        assert xen.ret(0, "vcpu_op.register_vcpu_info", **place) == -Errno.EINVAL


def test_run_states_add_up_to_the_life_of_a_vcpu(xen):
    guest = xen.create(max_vcpus=2)
    born = xen.machine._host.domains.find(guest).started_ns
    assert xen.ret(guest, "vcpu_op.down", vcpu=1) == 0
    pass_time(xen, MS)
    for vcpu, state in ((0, 0), (1, 3)):
        _, out = xen.call(guest, "vcpu_op.get_runstate_info", vcpu=vcpu)
        assert out["state"] == state
        assert sum(out["time"]) == xen.now_ns - born
        assert out["time"][state] >= MS
    assert xen.ret(guest, "vcpu_op.up", vcpu=1) == 0
    assert xen.call(guest, "vcpu_op.get_runstate_info", vcpu=1)[1]["state"] == 2


@pytest.mark.parametrize("name", ["register_runstate_memory_area", "register_vcpu_time_memory_area"])
def test_an_area_needs_an_address(xen, name):
    assert xen.ret(0, f"vcpu_op.{name}", vcpu=0) == -Errno.EFAULT
    assert xen.ret(0, f"vcpu_op.{name}", vcpu=0, addr={"h": "x"}) == -Errno.EFAULT
    for addr in (0x1000, {"h": 0x1000}):
        assert xen.ret(0, f"vcpu_op.{name}", vcpu=0, addr=addr) == 0


def test_registering_the_run_state_fills_it_in_at_once(xen):
    assert xen.call(0, "vcpu_op.register_runstate_memory_area", vcpu=1, addr=1)[1]["state"] == 2


def test_an_nmi_takes_no_argument(xen):
    assert xen.ret(0, "vcpu_op.send_nmi", vcpu=0) == 0
    assert xen.ret(0, "vcpu_op.send_nmi", vcpu=0, x=1) == -Errno.EINVAL


def test_only_a_pinned_dom0_knows_its_processors(power_on):
    pinned = power_on(dom0_vcpus_pin=True)
    assert pinned.call(0, "vcpu_op.get_physid", vcpu=1) == (0, {"phys_id": 1 | 1 << 32})
    assert pinned.ret(pinned.create(), "vcpu_op.get_physid", vcpu=0) == -Errno.EINVAL
    assert power_on().ret(0, "vcpu_op.get_physid", vcpu=0) == -Errno.EINVAL


@pytest.mark.parametrize(("period_ns", "expected"), [(MS - 1, -22), (MS, 0), (1 << 63, -22), (-MS, -22)])
def test_a_period_is_a_millisecond_at_least(xen, period_ns, expected):
    assert xen.ret(0, "vcpu_op.set_periodic_timer", vcpu=1, period_ns=period_ns) == expected
    assert (xen.machine.next_deadline_ns() is None) == (expected != 0)


def test_a_periodic_timer_ticks_on_its_vcpu_until_it_is_stopped(xen, timed):
    pass_time(xen, 5 * MS)
    assert xen.ret(0, "vcpu_op.set_periodic_timer", vcpu=1, period_ns=2 * MS) == 0
    assert xen.upcalls(0) == [[timed[1]]]
    for count in (2, 3):
        xen.deadline()
        assert xen.upcalls(0) == [[timed[1]]] * count
    assert xen.ret(0, "vcpu_op.stop_periodic_timer", vcpu=1) == 0
    assert xen.machine.next_deadline_ns() is None


def test_ticks_that_were_missed_are_one(xen, timed):
    pass_time(xen, 5 * MS)
    assert xen.ret(0, "vcpu_op.set_periodic_timer", vcpu=0, period_ns=MS) == 0
    xen.clear()
    pass_time(xen, 10 * MS)
    assert xen.upcalls(0) == [[timed[0]]]
    assert MS - 5 <= xen.machine.next_deadline_ns() - xen.now_ns <= MS


def test_a_single_shot_goes_off_once_and_can_be_moved_and_stopped(xen, timed):
    for delay in (3 * MS, 2 * MS):
        at_ns = xen.now_ns + delay
        assert xen.ret(0, "vcpu_op.set_singleshot_timer", vcpu=0, timeout_abs_ns=at_ns, flags=1) == 0
        assert xen.machine.next_deadline_ns() == at_ns
    xen.deadline()
    assert xen.upcalls(0) == [[timed[0]]]
    assert xen.machine.next_deadline_ns() is None
    assert xen.ret(0, "vcpu_op.set_singleshot_timer", vcpu=0, timeout_abs_ns=xen.now_ns + MS) == 0
    assert xen.ret(0, "vcpu_op.stop_singleshot_timer", vcpu=0) == 0
    assert xen.machine.next_deadline_ns() is None


def test_a_single_shot_is_for_ones_own_vcpu(xen):
    for name in ("set", "stop"):
        ret = xen.ret(0, f"vcpu_op.{name}_singleshot_timer", vcpu=1, timeout_abs_ns=1 << 40, flags=0)
        assert ret == -Errno.EINVAL


@pytest.mark.parametrize(
    ("release", "flags", "expected"),
    [("4.17", 0, 0), ("4.17", 1, 0), ("3.4", 0, 0), ("3.4", 1, -Errno.ETIME)],
)
def test_a_single_shot_of_the_past_is_an_event_at_once_or_etime(power_on, release, flags, expected):
    xen = power_on(xen=release)
    port = xen.out(0, "event_channel_op.bind_virq", "port", virq=TIMER, vcpu=0)
    pass_time(xen, MS)
    xen.clear()
    assert xen.ret(0, "vcpu_op.set_singleshot_timer", vcpu=0, timeout_abs_ns=1, flags=flags) == expected
    assert xen.upcalls(0) == ([] if expected else [[port]])
    assert xen.machine.next_deadline_ns() is None


@pytest.mark.parametrize(
    ("timeout", "delay"), [(-1, 100 * MS), (1 << 60, 100 * MS), (None, None), (7 * MS, 7 * MS)]
)
def test_set_timer_op_takes_an_odd_time_for_a_slip(xen, timeout, delay):
    if timeout is None:
        xen.raw(0, 15, 0, {"timeout": 1 << 40})
        assert xen.raw(0, 15, 0, {"timeout": 0}).ret == 0
        assert xen.machine.next_deadline_ns() is None
        return
    at_ns = timeout if timeout != delay else xen.now_ns + delay
    assert xen.raw(0, 15, 0, {"timeout": at_ns}).ret == 0
    left = xen.machine.next_deadline_ns() - xen.now_ns
    assert delay - 5 <= left <= delay


def test_the_timers_of_a_domain_stand_still_while_it_is_shut_down(xen):
    guest = xen.create()
    port = xen.out(guest, "event_channel_op.bind_virq", "port", virq=TIMER, vcpu=0)
    assert xen.ret(guest, "vcpu_op.set_periodic_timer", vcpu=0, period_ns=MS) == 0
    xen.raw(guest, 29, 2, {"reason": int(ShutdownReason.suspend)})
    pass_time(xen, 3 * MS)
    assert xen.machine.next_deadline_ns() is None
    xen.clear()
    assert xen.ret(0, "domctl.resumedomain", domain=guest) == 0
    assert xen.upcalls(guest) == [[port]]
    assert xen.machine.next_deadline_ns() is not None


def test_a_vcpu_that_is_down_has_no_ticks(xen, timed):
    assert xen.ret(0, "vcpu_op.set_periodic_timer", vcpu=1, period_ns=MS) == 0
    assert xen.ret(0, "vcpu_op.down", vcpu=1) == 0
    pass_time(xen, 2 * MS)
    assert xen.machine.next_deadline_ns() is None
    assert xen.ret(0, "vcpu_op.up", vcpu=1) == 0
    assert xen.machine.next_deadline_ns() is not None


@pytest.mark.parametrize("who", ["guest", "dom0"])
def test_the_timers_of_a_domain_die_with_it(xen, who):
    domid = xen.create() if who == "guest" else 0
    assert xen.ret(domid, "vcpu_op.set_periodic_timer", vcpu=0, period_ns=MS) == 0
    assert xen.ret(domid, "vcpu_op.set_singleshot_timer", vcpu=0, timeout_abs_ns=1 << 40) == 0
    xen.crash(domid)
    if who == "guest":
        assert xen.ret(0, "domctl.destroydomain", domain=domid) == 0
    assert xen.machine._host.agenda.keys() == []
