"""sched_op: waiting inside the hypervisor, shutdown codes, pinning; the watchdog has a file of its own."""

import pytest

from actors.abi.errno import Errno
from actors.abi.interface import Virq
from actors.messages import Hypercall, HypercallReply

SELF = 0x7FF0
MS = 1_000_000
BLOCK, POLL = (29, 1), (29, 3)


def replies(xen, domid):
    return xen.messages(f"dom{domid}", HypercallReply)


def poll(xen, domid, *ports, timeout=0):
    return xen.raw(domid, *POLL, {"ports": list(ports), "nr_ports": len(ports), "timeout": timeout})


@pytest.fixture
def pair(xen):
    """A guest with a port for dom0, dom0's end of it, and a second port of the guest on vcpu 1."""
    guest = xen.create(max_vcpus=2)
    port = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    local = xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=port)
    ipi = xen.out(guest, "event_channel_op.bind_ipi", "port", vcpu=1)
    xen.clear()
    return guest, port, local, ipi


def test_a_block_is_answered_by_an_event(xen, pair):
    guest, port, local, _ = pair
    assert xen.raw(guest, *BLOCK, {}) is None
    assert xen.ret(0, "event_channel_op.send", port=local) == 0
    assert [each.ret for each in replies(xen, guest)] == [0]
    assert xen.upcalls(guest) == [[port]]


def test_a_poll_of_a_port_is_answered_by_its_event_on_whatever_vcpu(xen, pair):
    guest, _, _, ipi = pair
    assert poll(xen, guest, ipi) is None
    assert xen.ret(guest, "event_channel_op.send", port=ipi) == 0
    assert len(replies(xen, guest)) == 2


def test_a_poll_counts_as_returned_from_when_it_is_answered(xen, pair):
    guest, _, _, ipi = pair

    def inside():
        (row,) = [each for each in xen.machine.statistics().domains if each.domid == guest]
        return sum(row.hypercalls.values()) - row.hypercall_exits

    poll(xen, guest, ipi)
    assert inside() == 1
    xen.ret(guest, "event_channel_op.send", port=ipi)
    assert inside() == 0


def test_a_poll_of_one_port_does_not_hear_another_vcpus_events(xen, pair):
    guest, port, _, ipi = pair
    assert poll(xen, guest, port) is None
    assert xen.ret(guest, "event_channel_op.send", port=ipi) == 0
    assert len(replies(xen, guest)) == 1
    assert xen.raw(guest, *BLOCK, {}) is None
    assert xen.ret(guest, "event_channel_op.send", port=ipi) == 0
    assert len(replies(xen, guest)) == 2


@pytest.mark.parametrize("count", [0, 2])
def test_a_poll_of_none_or_several_ports_hears_everything(xen, pair, count):
    guest, port, _, ipi = pair
    other = xen.out(guest, "event_channel_op.bind_ipi", "port", vcpu=1)
    xen.clear()
    assert poll(xen, guest, *[port, other][:count]) is None
    assert xen.ret(guest, "event_channel_op.send", port=ipi) == 0
    assert len(replies(xen, guest)) == 2


def test_a_poll_ends_at_its_timeout_and_not_before(xen, pair):
    guest, port, _, _ = pair
    until = xen.now_ns + MS
    assert poll(xen, guest, port, timeout=until) is None
    assert xen.machine.next_deadline_ns() == until
    xen.deadline()
    assert [each.ret for each in replies(xen, guest)] == [0]
    assert xen.machine.next_deadline_ns() is None


def test_an_event_takes_the_timeout_with_it(xen, pair):
    guest, port, local, _ = pair
    assert poll(xen, guest, port, timeout=xen.now_ns + MS) is None
    assert xen.ret(0, "event_channel_op.send", port=local) == 0
    assert xen.machine.next_deadline_ns() is None


def test_a_poll_of_the_past_or_with_events_under_way_returns_at_once(xen, pair):
    guest, port, local, _ = pair
    assert poll(xen, guest, port, timeout=1).ret == 0
    xen.take_upcalls = False
    assert xen.ret(0, "event_channel_op.send", port=local) == 0
    assert poll(xen, guest, port).ret == 0
    assert xen.raw(guest, *BLOCK, {}).ret == 0


@pytest.mark.parametrize(
    ("arguments", "errno"),
    [
        ({"ports": [1], "nr_ports": 129}, Errno.EINVAL),
        ({"ports": [1], "nr_ports": -1}, Errno.EINVAL),
        ({"ports": [1], "nr_ports": 2}, Errno.EFAULT),
        ({"ports": 1, "nr_ports": 1}, Errno.EFAULT),
        ({"ports": ["x"], "nr_ports": 1}, Errno.EFAULT),
        ({"ports": [1]}, Errno.EFAULT),
        ({"ports": [1, 4000], "nr_ports": 2}, Errno.EINVAL),
    ],
)
def test_a_poll_that_makes_no_sense_is_refused(xen, pair, arguments, errno):
    guest, *_ = pair
    assert xen.raw(guest, *POLL, arguments).ret == -errno
    assert xen.machine._host.domains.find(guest).ports.polls == []


def test_a_port_beyond_those_that_count_is_not_looked_at(xen, pair):
    guest, port, _, _ = pair
    assert xen.raw(guest, *POLL, {"ports": [port, "x"], "nr_ports": 1}) is None


def test_a_domain_waits_at_most_once_a_vcpu(xen, pair):
    guest, port, _, _ = pair
    for _ in range(3):
        assert poll(xen, guest, port) is None
    assert [each.sequence for each in replies(xen, guest)] == [xen._sequence - 2]


def test_a_wait_that_nobody_could_hear_the_end_of_is_none(xen, pair):
    guest, *_ = pair
    xen.message(f"dom{guest}", Hypercall(0, *BLOCK, {}))
    reply = xen.raw(guest, 13, 0, {"calls": [{"op": 29, "cmd": 1, "args": {}}]})
    assert reply.out == {"result0": 0}
    assert xen.machine._host.domains.find(guest).ports.polls == []


def test_a_domain_that_is_shut_down_waits_no_longer(xen, pair):
    guest, port, _, _ = pair
    assert poll(xen, guest, port, timeout=xen.now_ns + MS) is None
    assert xen.ret(0, "sched_op.remote_shutdown", domain_id=guest, reason=3) == 0
    assert [each.ret for each in replies(xen, guest)] == [0]
    assert xen.machine.next_deadline_ns() is None


def test_a_domain_that_dies_waits_no_longer(xen, pair):
    guest, port, _, _ = pair
    assert poll(xen, guest, port, timeout=xen.now_ns + MS) is None
    xen.crash(guest)
    assert xen.machine.next_deadline_ns() is None


def test_the_time_of_a_wait_is_blocked_time(xen, pair):
    guest, port, _, _ = pair
    before = xen.call(guest, "vcpu_op.get_runstate_info", vcpu=0)[1]["time"]
    assert poll(xen, guest, port, timeout=xen.now_ns + MS) is None
    xen.deadline()
    after = xen.call(guest, "vcpu_op.get_runstate_info", vcpu=0)[1]["time"]
    assert MS - 10 <= after[2] - before[2] <= MS
    assert after[0] - before[0] < 10


def test_the_first_shutdown_code_counts_and_a_resume_forgets_it(xen):
    guest = xen.create()
    for reason in (2, 3):
        assert xen.ret(guest, "sched_op.shutdown_code", reason=reason) == 0
    xen.raw(guest, 29, 2, {"reason": 0})
    assert xen.events()[-1] == (guest, "shutdown", 2)
    assert xen.ret(0, "domctl.resumedomain", domain=guest) == 0
    xen.raw(guest, 29, 2, {"reason": 0})
    assert xen.events()[-1] == (guest, "shutdown", 0)


def test_a_remote_shutdown_needs_the_domain_and_then_the_right(xen):
    guest, other = xen.create(), xen.create()
    assert xen.ret(guest, "sched_op.remote_shutdown", domain_id=4321, reason=0) == -Errno.ESRCH
    for target in (other, guest, 0):
        assert xen.ret(guest, "sched_op.remote_shutdown", domain_id=target, reason=0) == -Errno.EPERM
    assert xen.ret(0, "sched_op.remote_shutdown", domain_id=guest, reason=0x103) == 0
    assert xen.events()[-1] == (guest, "shutdown", 3)
    assert xen.ret(0, "sched_op.remote_shutdown", domain_id=guest, reason=0) == 0


def test_dom0_alone_may_be_pinned_and_once(xen):
    guest = xen.create()
    rows = [
        (guest, {}, -Errno.EPERM),
        (0, {}, -Errno.EFAULT),
        (0, {"pcpu": -1}, -Errno.EINVAL),
        (0, {"pcpu": 256}, -Errno.EINVAL),
        (0, {"pcpu": 2}, -Errno.EINVAL),
        (0, {"pcpu": 1}, 0),
        (0, {"pcpu": 0}, -Errno.EBUSY),
        (0, {"pcpu": -1}, 0),
        (0, {"pcpu": 0}, 0),
    ]
    for domid, arguments, expected in rows:
        assert xen.ret(domid, "sched_op.pin_override", **arguments) == expected, arguments


def test_a_timer_event_ends_a_wait(xen):
    xen.out(0, "event_channel_op.bind_virq", "port", virq=int(Virq.TIMER), vcpu=0)
    assert xen.ret(0, "vcpu_op.set_singleshot_timer", vcpu=0, timeout_abs_ns=xen.now_ns + MS, flags=0) == 0
    xen.clear()
    assert xen.raw(0, *BLOCK, {}) is None
    xen.deadline()
    assert [each.ret for each in replies(xen, 0)] == [0]
