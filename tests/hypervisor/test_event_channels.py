"""Every operation on a port in every state: the edges, and the absent edges that change nothing."""

import pytest

from actors.abi.errno import Errno
from actors.hypervisor.event_channels import TRANSITIONS
from actors.hypervisor.port_reset import PORTION
from actors.hypervisor.ports import PortState
from actors.messages import UPCALL_WINDOW, Hypercall, HypercallReply, UpcallTaken

SELF = 0x7FF0
CLOSED, UNBOUND, INTERDOMAIN, PIRQ, VIRQ, IPI = range(6)


def make_port(xen, state):
    """A port of dom0 in this state."""
    if state is PortState.RESERVED:
        return 0
    if state is PortState.FREE:
        return 40
    if state is PortState.UNBOUND:
        return xen.out(0, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    if state is PortState.INTERDOMAIN:
        port = xen.out(0, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
        xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=0, remote_port=port)
        return port
    if state is PortState.PIRQ:
        assert xen.ret(0, "physdev_op.map_pirq", domid=SELF, type=1, index=5, pirq=5) == 0
        return xen.out(0, "event_channel_op.bind_pirq", "port", pirq=5, flags=0)
    if state is PortState.VIRQ:
        return xen.out(0, "event_channel_op.bind_virq", "port", virq=4, vcpu=0)
    return xen.out(0, "event_channel_op.bind_ipi", "port", vcpu=0)


@pytest.mark.parametrize("operation", ["close", "send", "bind_vcpu"])
@pytest.mark.parametrize("state", list(PortState), ids=lambda each: each.name)
def test_what_a_port_may_do_is_what_the_table_says(xen, state, operation):
    port = make_port(xen, state)
    before = xen.status(0, port)
    arguments = {"vcpu": 1} if operation == "bind_vcpu" else {}
    ret = xen.ret(0, f"event_channel_op.{operation}", port=port, **arguments)
    if (state, operation) in TRANSITIONS:
        assert ret == 0
        expected = {"close": {"status": CLOSED, "vcpu": 0}, "send": before, "bind_vcpu": before | {"vcpu": 1}}
        assert xen.status(0, port) == expected[operation]
    else:
        assert ret == -Errno.EINVAL
        assert xen.status(0, port) == before


@pytest.mark.parametrize("state", list(PortState), ids=lambda each: each.name)
def test_only_an_unbound_port_can_be_bound_to(xen, state):
    port = make_port(xen, state)
    before = xen.status(0, port)
    ret = xen.ret(0, "event_channel_op.bind_interdomain", remote_dom=0, remote_port=port)
    if state is PortState.UNBOUND:
        assert ret == 0
        assert xen.status(0, port)["status"] == INTERDOMAIN
    else:
        assert ret == -Errno.EINVAL
        assert xen.status(0, port) == before


def test_the_lowest_free_port_is_taken_first_and_port_0_never(xen):
    ports = [make_port(xen, PortState.UNBOUND) for _ in range(5)]
    assert ports == [1, 2, 3, 4, 5]
    for port in (4, 2):
        assert xen.ret(0, "event_channel_op.close", port=port) == 0
    assert [make_port(xen, PortState.UNBOUND) for _ in range(3)] == [2, 4, 6]


def test_a_domain_gets_no_more_ports_than_it_was_created_with(xen):
    guest = xen.create(max_evtchn_port=3)
    allocate = [xen.ret(guest, "event_channel_op.alloc_unbound", dom=SELF, remote_dom=0) for _ in range(4)]
    assert allocate == [0, 0, 0, -Errno.ENOSPC]


def test_a_port_is_for_the_domain_it_was_kept_for(xen):
    one, other = xen.create(), xen.create()
    port = xen.out(one, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    assert (
        xen.ret(other, "event_channel_op.bind_interdomain", remote_dom=one, remote_port=port) == -Errno.EINVAL
    )
    assert xen.ret(0, "event_channel_op.bind_interdomain", remote_dom=one, remote_port=port) == 0


def test_closing_makes_the_other_end_unbound_and_kept_for_the_closer(xen):
    guest = xen.create()
    port = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    local = xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=port)
    xen.clear()
    assert xen.ret(guest, "event_channel_op.close", port=port) == 0
    assert xen.status(0, local) == {"status": UNBOUND, "vcpu": 0, "dom": guest}
    assert xen.upcalls(0) == []


@pytest.mark.parametrize(
    ("virq", "vcpu", "expected"),
    [
        (1, 0, 0),
        (1, 1, 0),
        (1, 2, -Errno.ENOENT),
        (4, 0, 0),
        (4, 1, -Errno.EINVAL),
        (24, 0, -Errno.EINVAL),
        (-1, 0, -Errno.EINVAL),
    ],
)
def test_a_virq_goes_to_the_vcpus_it_may_go_to(xen, virq, vcpu, expected):
    assert xen.ret(0, "event_channel_op.bind_virq", virq=virq, vcpu=vcpu) == expected
    if not expected:
        assert xen.ret(0, "event_channel_op.bind_virq", virq=virq, vcpu=vcpu) == -Errno.EEXIST


def test_a_moved_virq_can_be_closed_and_bound_again(xen):
    port = xen.out(0, "event_channel_op.bind_virq", "port", virq=4, vcpu=0)
    assert xen.ret(0, "event_channel_op.bind_vcpu", port=port, vcpu=1) == 0
    assert xen.ret(0, "event_channel_op.close", port=port) == 0
    assert xen.ret(0, "event_channel_op.bind_virq", virq=4, vcpu=0) == 0


def test_a_domain_may_not_look_at_or_touch_the_ports_of_another(xen):
    guest = xen.create()
    make_port(xen, PortState.UNBOUND)
    for name, arguments in (
        ("alloc_unbound", {"dom": 0, "remote_dom": SELF}),
        ("status", {"dom": 0, "port": 1}),
        ("reset", {"dom": 0}),
    ):
        assert xen.ret(guest, f"event_channel_op.{name}", **arguments) == -Errno.EPERM


@pytest.mark.parametrize("name", ["alloc_unbound", "bind_interdomain", "status", "reset"])
def test_a_domain_that_is_not_there_is_told_so(xen, name):
    arguments = {"dom": 77, "remote_dom": 77, "remote_port": 1, "port": 1}
    assert xen.ret(0, f"event_channel_op.{name}", **arguments) == -Errno.ESRCH


def test_reset_of_another_domain_needs_it_paused(xen):
    guest = xen.create()
    xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    assert xen.ret(0, "event_channel_op.reset", dom=guest) == -Errno.EINVAL
    assert xen.ret(0, "domctl.pausedomain", domain=guest) == 0
    assert xen.ret(0, "event_channel_op.reset", dom=guest) == 0
    assert xen.status(guest, 1)["status"] == CLOSED


def test_the_binder_finds_its_own_port_pending_and_the_other_end_hears_nothing(xen):
    guest = xen.create()
    port = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    xen.clear()
    local = xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=port)
    assert xen.upcalls(0) == [[local]]
    assert xen.upcalls(guest) == []


def test_events_collapse_while_two_upcalls_are_under_way(xen):
    guest = xen.create()
    locals_ = []
    for _ in range(3):
        port = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
        locals_.append(
            xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=port)
        )
    xen.clear()
    xen.take_upcalls = False
    for local in (locals_[1], locals_[1], locals_[2], locals_[0], locals_[0], locals_[1]):
        assert xen.ret(0, "event_channel_op.send", port=local) == 0
    assert xen.upcalls(guest) == [[2], [2]]
    from_guest = xen.machine._host.domains.find(guest)
    xen.message(f"dom{guest}", UpcallTaken())
    assert xen.upcalls(guest) == [[2], [2], [1, 2, 3]]
    assert from_guest.ports.pending == set()


@pytest.mark.parametrize(
    "message",
    [
        UpcallTaken(),
        UpcallTaken(0),
        UpcallTaken(-1),
        Hypercall(0, 32, 4, {"port": 1}, upcalls_taken=1),
        Hypercall(0, 32, 4, {"port": 1}, upcalls_taken=-1),
    ],
)
def test_an_upcall_taken_that_was_not_sent_costs_the_link(xen, message):
    guest = xen.create()
    xen.clear()
    xen.message(f"dom{guest}", message)
    assert xen.machine.statistics().violations == 1
    assert xen.closed == [f"dom{guest}"]


def test_a_hypercall_confirms_the_upcalls_that_it_counts(xen):
    guest = xen.create()
    xen.take_upcalls = False
    ports = ipis(xen, guest, 2)
    for port in (ports[0], ports[1], ports[0]):
        assert xen.ret(guest, "event_channel_op.send", port=port) == 0
    assert xen.upcalls(guest) == [[ports[0]], [ports[1]]]
    xen.message(f"dom{guest}", Hypercall(0, 32, 4, {"port": ports[1]}, upcalls_taken=2))
    assert xen.upcalls(guest) == [[ports[0]], [ports[1]], [*ports]]
    assert xen.machine.statistics().domains[-1].upcalls_taken == 2


def test_an_event_sent_to_an_unbound_port_is_dropped(xen):
    guest = xen.create()
    port = xen.out(0, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=guest)
    assert xen.ret(0, "event_channel_op.send", port=port) == 0
    xen.clear()
    xen.out(guest, "event_channel_op.bind_interdomain", "local_port", remote_dom=0, remote_port=port)
    assert xen.upcalls(0) == []


def test_events_from_before_a_domain_runs_are_waiting_for_it(xen):
    guest = xen.create(run=False)
    port = xen.out(0, "event_channel_op.alloc_unbound", "port", dom=guest, remote_dom=0)
    local = xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=port)
    assert xen.ret(0, "event_channel_op.send", port=local) == 0
    assert xen.upcalls(guest) == []
    assert xen.ret(0, "domctl.unpausedomain", domain=guest) == 0
    assert xen.upcalls(guest) == [[port]]


def test_a_send_without_sequence_is_answered_only_when_it_is_refused(xen):
    port = make_port(xen, PortState.IPI)
    xen.clear()
    xen.message("dom0", Hypercall(0, 32, 4, {"port": port}))
    assert xen.messages("dom0", HypercallReply) == []
    xen.message("dom0", Hypercall(0, 32, 4, {"port": 99}))
    assert xen.messages("dom0", HypercallReply) == [HypercallReply(0, -Errno.EINVAL, None)]


def ipis(xen, domid, count):
    return [xen.out(domid, "event_channel_op.bind_ipi", "port", vcpu=0) for _ in range(count)]


def set_pending_together(xen, domid, ports):
    """All of these ports in one upcall: their events come while the window of upcalls is full."""
    xen.take_upcalls = False
    first = ipis(xen, domid, UPCALL_WINDOW)
    for port in [*first, *ports]:
        assert xen.ret(domid, "event_channel_op.send", port=port) == 0
    for _ in first:
        xen.message(f"dom{domid}", UpcallTaken())
    return xen.upcalls(domid)[-1]


def test_an_upcall_has_its_ports_by_priority_and_then_by_number(xen):
    guest = xen.create()
    ports = ipis(xen, guest, 5)
    for port, priority in ((ports[4], 0), (ports[0], 15), (ports[3], 3), (ports[1], 3)):
        assert xen.ret(guest, "event_channel_op.set_priority", port=port, priority=priority) == 0
    wanted = [ports[4], ports[1], ports[3], ports[2], ports[0]]
    assert set_pending_together(xen, guest, ports) == wanted


def test_a_port_that_is_bound_again_has_the_default_priority(xen):
    guest = xen.create()
    low, high = ipis(xen, guest, 2)
    assert xen.ret(guest, "event_channel_op.set_priority", port=high, priority=0) == 0
    assert xen.ret(guest, "event_channel_op.set_priority", port=high, priority=7) == 0
    assert xen.ret(guest, "event_channel_op.set_priority", port=low, priority=15) == 0
    assert xen.ret(guest, "event_channel_op.close", port=low) == 0
    assert xen.ret(guest, "event_channel_op.set_priority", port=low, priority=15) == 0
    assert ipis(xen, guest, 1) == [low]
    assert set_pending_together(xen, guest, [high, low]) == [low, high]


@pytest.mark.parametrize(
    ("port", "priority", "expected"),
    [(0, 0, 0), (63, 15, 0), (64, 0, -22), (-1, 0, -22), (1, 16, -22), (1, -1, -22)],
)
def test_a_priority_needs_a_port_there_is_and_one_of_sixteen(xen, port, priority, expected):
    guest = xen.create()
    assert xen.ret(guest, "event_channel_op.set_priority", port=port, priority=priority) == expected


def test_the_words_of_events_are_not_in_guest_memory(xen):
    for command in (11, 12):
        assert xen.raw(0, 32, command, {"vcpu": 0, "control_gfn": 0, "offset": 0}).ret == -Errno.ENOSYS


class TestReset:
    """A reset in portions, and what others do meanwhile."""

    @pytest.fixture
    def large(self, xen):
        ipis(xen, 0, PORTION + 10)
        xen.clear()
        return xen

    def begin(self, xen, domid=0, dom=SELF):
        assert xen.raw(domid, 32, 10, {"dom": dom}) is None
        return xen

    def answers(self, xen, domid=0):
        return [each.ret for each in xen.messages(f"dom{domid}", HypercallReply)]

    def test_a_large_table_is_reset_in_portions(self, large):
        self.begin(large)
        assert len(large.machine._host.domains.find(0).ports.channels) == 10
        large.deadline()
        assert self.answers(large) == [0]
        assert large.machine.next_deadline_ns() is None
        assert large.machine._host.domains.find(0).ports.channels == {}

    def test_a_second_reset_meanwhile_is_busy(self, large):
        self.begin(large)
        assert large.ret(0, "event_channel_op.reset", dom=SELF) == -Errno.EBUSY

    def test_a_port_opened_behind_its_back_remains(self, large):
        self.begin(large)
        assert ipis(large, 0, 1) == [1]
        large.deadline()
        assert self.answers(large)[-1] == -Errno.EAGAIN
        assert large.status(0, 1)["status"] == IPI

    def test_a_domain_that_dies_is_reset_no_more(self, xen):
        guest = xen.create(max_evtchn_port=PORTION + 20)
        ipis(xen, guest, PORTION + 10)
        assert xen.ret(0, "domctl.pausedomain", domain=guest) == 0
        xen.clear()
        self.begin(xen, dom=guest)
        assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
        assert self.answers(xen) == [-Errno.EAGAIN, 0]
        assert xen.machine.next_deadline_ns() is None

    def test_whoever_waits_for_it_may_die_first(self, xen):
        guest = xen.create(max_evtchn_port=PORTION + 20)
        ipis(xen, guest, PORTION + 10)
        assert xen.ret(0, "domctl.pausedomain", domain=guest) == 0
        self.begin(xen, dom=guest)
        xen.crash(0)
        xen.clear()
        xen.deadline()
        assert self.answers(xen) == []
        assert xen.status(guest, PORTION)["status"] == CLOSED

    def test_in_a_multicall_it_is_done_in_one_go(self, large):
        reply = large.raw(0, 13, 0, {"calls": [{"op": 32, "cmd": 10, "args": {"dom": SELF}}]})
        assert reply.out == {"result0": 0}
        assert large.machine._host.domains.find(0).ports.channels == {}


def test_an_interrupt_of_a_vcpu_goes_to_the_vcpu_it_is_for(xen):
    ports = [xen.out(0, "event_channel_op.bind_virq", "port", virq=0, vcpu=vcpu) for vcpu in (0, 1)]
    xen.clear()
    assert xen.ret(0, "vcpu_op.set_periodic_timer", vcpu=1, period_ns=1_000_000) == 0
    xen.deadline()
    assert xen.upcalls(0) == [[ports[1]]]


def test_a_global_interrupt_goes_to_its_domain_and_back_to_dom0_when_that_dies(xen):
    guest = xen.create()
    theirs = xen.out(guest, "event_channel_op.bind_virq", "port", virq=3, vcpu=0)
    ours = xen.out(0, "event_channel_op.bind_virq", "port", virq=3, vcpu=0)
    assert xen.ret(0, "domctl.set_virq_handler", domain=guest, virq=3) == 0
    other = xen.create()
    xen.clear()
    xen.crash(other)
    assert (xen.upcalls(guest), xen.upcalls(0)) == ([[theirs]], [])
    xen.crash(guest)
    xen.clear()
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert xen.upcalls(0) == [[ours]]


@pytest.mark.parametrize(("virq", "expected"), [(3, 0), (0, -22), (13, -22), (24, -22), (-1, -22)])
def test_only_a_global_interrupt_has_an_owner(xen, virq, expected):
    guest = xen.create()
    assert xen.ret(0, "domctl.set_virq_handler", domain=guest, virq=virq) == expected


def test_a_domain_has_as_many_ports_as_its_xen_lets_it_have(power_on):
    for release, limit in (("3.4", 4095), ("4.17", 131071)):
        xen = power_on(xen=release)
        guest = xen.create(max_evtchn_port=0xFFFFFFFF)
        assert xen.machine._host.domains.find(guest).ports.max_port == limit
