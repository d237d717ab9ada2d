"""The door: unknown calls, wrong arguments, messages that a domain may not send."""

import pytest

from actors.abi.errno import Errno
from actors.abi.hypercalls import COMMANDS, Hypercall
from actors.messages import ConsoleOutput, InterruptVector, StartDomain, UpcallTaken
from actors.messages import Hypercall as HypercallMessage
from actors.runtime.machine import Exit, LinkClosed

PAIRS = sorted((int(number), int(command)) for number, commands in COMMANDS.items() for command in commands)
HOSTILE = [None, True, "x", b"y", [1], {"a": 1}, -1, 1 << 31, (1 << 64) - 1, -(1 << 63)]
NAMES = sorted(
    [
        "allow_access",
        "apic_physbase",
        "bus",
        "calls",
        "dest",
        "devfn",
        "dom",
        "domain",
        "domain_id",
        "domid",
        "extent_order",
        "extent_start",
        "first_domain",
        "flags",
        "foreign_domid",
        "gpfn",
        "gsi",
        "handle",
        "id",
        "idx",
        "index",
        "interface_version",
        "iopl",
        "irq",
        "len",
        "max",
        "max_domains",
        "max_evtchn_port",
        "max_grant_frames",
        "max_maptrack_frames",
        "max_memkb",
        "max_vcpus",
        "nr_extents",
        "nr_frames",
        "ops",
        "pirq",
        "polarity",
        "port",
        "priority",
        "reason",
        "ref",
        "reg",
        "remote_dom",
        "remote_port",
        "seg",
        "source",
        "space",
        "submap_idx",
        "timeout",
        "triggering",
        "type",
        "value",
        "vcpu",
        "version",
        "virq",
        "addr",
        "arg1",
        "buf",
        "cli_id",
        "cmfn",
        "count",
        "mfn",
        "nr_ports",
        "offset",
        "oid",
        "pcpu",
        "period_ns",
        "pool_id",
        "ports",
        "subop",
        "timeout_abs_ns",
        "uuid",
    ]
)
BLOCK = (29, 1)
ENDS = {BLOCK, (24, 2), (29, 2), (36, 2)}


@pytest.mark.parametrize("number", [2, 38, 55, 63, -1, 1 << 40])
def test_a_number_that_xen_does_not_know_is_refused(xen, number):
    reply = xen.raw(0, number, 0, {})
    assert reply.ret == -Errno.ENOSYS


@pytest.mark.parametrize(("number", "command"), [pair for pair in PAIRS if pair != BLOCK])
def test_a_call_without_its_arguments_is_an_answer_and_no_crash(xen, number, command):
    guest = xen.create()
    for caller in (0, guest):
        reply = xen.raw(caller, number, command, {})
        assert reply is not None


@pytest.mark.parametrize(("number", "command"), [pair for pair in PAIRS if pair not in ENDS])
def test_hostile_arguments_are_refused_or_harmless(xen, number, command):
    guest = xen.create()
    for value in HOSTILE:
        arguments = dict.fromkeys(NAMES, value)
        arguments.pop("interface_version")
        for caller in (guest, 0):
            assert xen.raw(caller, number, command, arguments) is not None
            plausible = arguments | {"dom": 0x7FF0, "domid": 0x7FF0, "domain": guest, "vcpu": 0}
            assert xen.raw(caller, number, command, plausible) is not None


def test_an_entry_of_a_multicall_that_fails_does_not_stop_the_rest(xen):
    calls = [
        {"op": 17, "cmd": 0, "args": {}},
        {"op": 99, "cmd": 0, "args": {}},
        {"op": 13, "cmd": 0, "args": {}},
        {"op": 17, "cmd": 7, "args": {}},
    ]
    reply = xen.raw(0, Hypercall.multicall, 0, {"calls": calls})
    assert reply.out == {
        "result0": 0x40011,
        "result1": -Errno.ENOSYS,
        "result2": -Errno.EINVAL,
        "result3": 4096,
    }
    assert xen.raw(0, Hypercall.multicall, 0, {"calls": [1]}).ret == -Errno.EFAULT


def test_a_multicall_has_a_bounded_number_of_entries(xen):
    calls = [{"op": 17, "cmd": 0, "args": {}}]
    assert len(xen.raw(0, Hypercall.multicall, 0, {"calls": calls * 1024}).out) == 1024
    assert xen.raw(0, Hypercall.multicall, 0, {"calls": calls * 1025}).ret == -Errno.EINVAL


def test_a_domain_that_shuts_down_in_a_multicall_does_no_more_of_it(xen):
    guest = xen.create()
    port = xen.out(guest, "event_channel_op.bind_ipi", "port", vcpu=0)
    shutdown = {"op": 29, "cmd": 2, "args": {"reason": 0}}
    close = {"op": 32, "cmd": 3, "args": {"port": port}}
    reply = xen.raw(guest, Hypercall.multicall, 0, {"calls": [shutdown, close]})
    assert reply.out == {"result0": 0}
    assert xen.status(guest, port)["status"] == 5


def test_what_a_multicall_answers_is_what_each_call_answers(xen):
    calls = [
        ("event_channel_op.alloc_unbound", (32, 6), {"dom": 0x7FF0, "remote_dom": 0}),
        ("event_channel_op.unmask", (32, 9), {"port": 4096}),
        ("event_channel_op.unmask", (32, 9), {"port": 1}),
        ("sched_op.yield", (29, 0), {}),
        ("vcpu_op.is_up", (24, 3), {"vcpu": 0}),
        ("vcpu_op.is_up", (24, 3), {"vcpu": 9}),
    ]
    entries = [{"op": op, "cmd": command, "args": arguments} for _, (op, command), arguments in calls]
    results = xen.raw(0, Hypercall.multicall, 0, {"calls": entries}).out
    alone = [xen.ret(0, name, **arguments) for name, _, arguments in calls]
    assert list(results.values()) == alone == [0, -Errno.EINVAL, 0, 0, 1, -Errno.ENOENT]


@pytest.mark.parametrize("message", [StartDomain(1, 1, b"", []), InterruptVector(32), UpcallTaken()])
def test_a_domain_that_breaks_the_protocol_loses_its_link_and_nobody_else_does(xen, message):
    guest, other = xen.create(), xen.create()
    xen.message(f"dom{guest}", message)
    assert xen.closed == [f"dom{guest}"]
    assert xen.machine.statistics().violations == 1
    assert xen.ret(other, "xen_version.version") == 0x40011
    assert xen.events()[-1] == (guest, "shutdown", 3)


def test_a_message_that_the_io_apic_may_not_send_costs_it_the_link(power_on):
    bench = power_on(ioapic=True)
    bench.message("ioapic", UpcallTaken())
    assert bench.closed == ["ioapic"]


def test_nobody_can_claim_to_be_another_domain(xen):
    xen.message("dom9", HypercallMessage(1, 17, 0, {}))
    assert xen.closed == ["dom9"]


def test_the_hypervisor_ends_with_its_board(xen):
    effects = xen.machine.handle(LinkClosed("supervisor", "gone"), 1)
    assert [type(each) for each in effects] == [Exit]


def test_console_output_goes_to_the_board(xen):
    assert xen.ret(0, "console_io.write", count=5, buf="hello") == 0
    assert xen.messages("supervisor", ConsoleOutput) == [ConsoleOutput(0, "hello")]


def test_hypercalls_are_counted_by_name_and_domain(xen):
    guest = xen.create()
    for _ in range(3):
        xen.ret(guest, "xen_version.version")
    statistics = xen.machine.statistics()
    assert statistics.hypercalls["xen_version.version"] == 3
    (row,) = [each for each in statistics.domains if each.domid == guest]
    assert row.hypercalls == {"xen_version.version": 3}
    assert row.hypercall_exits == 3
