"""Domains from creation to death, and what the death of dom0 does under each policy."""

import pytest

from actors.abi.errno import Errno
from actors.abi.interface import DominfFlags, ShutdownReason
from actors.hypervisor.domains import TRANSITIONS, Domains, Life
from actors.messages import (
    DomainStopped,
    Hypercall,
    HypercallReply,
    MachineHalt,
    MachineRestart,
    PauseDomain,
    StartDomain,
    StopDomain,
    UpcallTaken,
)
from actors.runtime.machine import LinkClosed, LinkOpened

SELF = 0x7FF0


def flags(xen, domid):
    return DominfFlags(xen.call(0, "domctl.getdomaininfo", domain=domid)[1]["flags"] & 0xFFFF)


def test_a_life_has_no_edges_but_those_of_the_table(xen):
    domain = xen.machine._host.domains.find(xen.create(run=False))
    for life in Life:
        for what in sorted({each for _, each in TRANSITIONS}):
            domain.life = life
            assert domain.can(what) == ((life, what) in TRANSITIONS)
            if domain.can(what):
                domain.step(what)
                assert domain.life is TRANSITIONS[life, what]
            else:
                with pytest.raises(AssertionError):
                    domain.step(what)
                assert domain.life is life
    domain.life = Life.CREATED


def test_boot_starts_dom0_with_its_memory_and_its_start_info(power_on):
    bench = power_on(dom0_cmdline="console=hvc0")
    domain = bench.machine._host.domains.find(0)
    frame = bench.memory.frame(domain.physmap.mfn(0))
    assert b"console=hvc0" in bytes(frame)
    assert (domain.life, domain.physmap.pages, domain.incarnation) == (Life.RUNNING, 64, 1)


def test_dom0_waits_for_the_io_apic_where_there_is_one(power_on):
    bench = power_on(ioapic=True)
    assert bench.machine.statistics().dom0_boots == 1


@pytest.mark.parametrize(
    "argument",
    [{"hwdom": "fly"}, {"dom0_vcpus": "2"}, {"xen": "4.18"}, {"nr_frames": 1 << 30}, {"noreboot": 1}],
)
def test_an_argument_that_is_no_machine_is_refused(power_on, argument):
    with pytest.raises(ValueError, match=next(iter(argument))):
        power_on(**argument)


def test_a_domain_is_created_paused_and_started_by_the_first_unpause(xen):
    guest = xen.create(run=False)
    assert flags(xen, guest) & DominfFlags.paused
    assert xen.messages("supervisor", StartDomain) == []
    xen.auto = False
    assert xen.ret(0, "domctl.unpausedomain", domain=guest) == 0
    (start,) = xen.messages("supervisor", StartDomain)
    assert (start.domid, start.incarnation) == (guest, 1)
    assert sum(count for _, _, count in start.extents) == 16
    assert xen.raw(guest, 17, 0, {}) is None
    xen.closed.clear()
    xen.feed(LinkOpened(f"dom{guest}"))
    assert xen.ret(guest, "xen_version.version") == 0x40011
    assert xen.closed == []


def test_a_link_that_nobody_waits_for_is_closed(xen):
    for link in ("dom77", "dom0", "fridge"):
        xen.feed(LinkOpened(link))
    assert xen.closed == ["dom77", "dom0", "fridge"]


def test_new_domain_ids_count_up_and_are_not_used_again_at_once(xen):
    first = xen.create()
    assert xen.ret(0, "domctl.destroydomain", domain=first) == 0
    assert xen.create() == first + 1


def test_ids_are_used_again_when_all_have_been():
    domains = Domains()
    domains._rover = 0x7FEF
    assert domains.choose_id(None) == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"domain": 0}, 0),
        ({"domain": 0xFFFF}, 0),
        ({"domain": 9}, 0),
        ({"domain": 1}, -Errno.EEXIST),
        ({"max_vcpus": 0}, -Errno.EINVAL),
        ({"max_vcpus": 10000}, -Errno.EINVAL),
        ({"max_grant_frames": 0}, -Errno.EINVAL),
        ({"max_grant_frames": 65}, -Errno.EINVAL),
        ({"max_grant_frames": -1}, 0),
        ({"max_maptrack_frames": 1025}, -Errno.EINVAL),
        ({"grant_version": 0}, -Errno.EINVAL),
        ({"grant_version": 3}, -Errno.EINVAL),
        ({"flags": 1 << 20}, -Errno.EINVAL),
        ({"cpupool_id": 4}, -Errno.ESRCH),
        ({"handle": b"short"}, -Errno.EFAULT),
        ({"max_vcpus": "one"}, -Errno.EFAULT),
    ],
)
def test_a_domain_is_created_only_as_it_can_be(xen, change, expected):
    xen.create()
    config = {"max_vcpus": 1, "max_evtchn_port": 9, "max_grant_frames": 1, "max_maptrack_frames": 1}
    before = len(xen.machine.statistics().domains)
    assert xen.ret(0, "domctl.createdomain", **(config | change)) == expected
    assert len(xen.machine.statistics().domains) == before + (expected == 0)


def test_pauses_are_counted_and_the_board_hears_of_the_first_and_the_last(xen):
    guest = xen.create()
    xen.clear()
    for _ in range(2):
        assert xen.ret(0, "domctl.pausedomain", domain=guest) == 0
    for _ in range(2):
        assert xen.ret(0, "domctl.unpausedomain", domain=guest) == 0
    assert xen.messages("supervisor", PauseDomain) == [PauseDomain(guest, True), PauseDomain(guest, False)]
    assert xen.ret(0, "domctl.unpausedomain", domain=guest) == -Errno.EINVAL


def test_the_crash_of_a_guest_is_reported_and_its_memory_kept(xen):
    port = xen.out(0, "event_channel_op.bind_virq", "port", virq=3, vcpu=0)
    guest = xen.create()
    xen.clear()
    xen.crash(guest)
    assert xen.events() == [(guest, "shutdown", ShutdownReason.crash)]
    assert xen.upcalls(0) == [[port]]
    info = xen.call(0, "domctl.getdomaininfo", domain=guest)[1]
    assert (info["flags"] >> 16, info["tot_pages"]) == (ShutdownReason.crash, 16)
    xen.clear()
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert [what for _, what, _ in xen.events()] == ["dying", "destroyed"]
    assert xen.upcalls(0) == [[port]]
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == -Errno.ESRCH


def test_a_running_domain_is_released_only_when_its_process_has_ended(xen):
    guest = xen.create()
    port = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    local = xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=port)
    free = xen.machine.statistics().frames_free
    xen.auto = False
    xen.clear()
    assert xen.raw(0, 36, 2, {"domain": guest}) is None
    assert xen.messages("supervisor", StopDomain) == [StopDomain(guest, 1)]
    xen.feed(LinkClosed(f"dom{guest}", "killed"))
    assert xen.machine.statistics().frames_free == free
    assert xen.ret(0, "event_channel_op.alloc_unbound", dom=guest, remote_dom=0) == -Errno.EINVAL
    xen.message("supervisor", DomainStopped(guest, 7))
    assert xen.machine.statistics().frames_free == free
    xen.message("supervisor", DomainStopped(guest, 1))
    assert xen.machine.statistics().frames_free == free + 17
    assert xen.status(0, local) == {"status": 1, "vcpu": 0, "dom": guest}
    assert HypercallReply(5, 0, None).ret in [each.ret for each in xen.messages("dom0", HypercallReply)]


def test_a_suspended_domain_goes_on_when_it_is_resumed(xen):
    guest = xen.create()
    assert xen.raw(guest, 29, 2, {"reason": ShutdownReason.suspend}) is None
    assert xen.raw(guest, 17, 0, {}) is None
    xen.clear()
    assert xen.ret(0, "domctl.resumedomain", domain=guest) == 0
    assert [each.ret for each in xen.messages(f"dom{guest}", HypercallReply)] == [0]
    assert xen.ret(guest, "xen_version.version") == 0x40011


def test_what_a_suspended_domain_says_confirms_the_upcalls_it_took_before(xen):
    guest = xen.create()
    port = xen.out(guest, "event_channel_op.bind_ipi", "port", vcpu=0)
    xen.take_upcalls = False
    for _ in range(2):
        assert xen.ret(guest, "event_channel_op.send", port=port) == 0
    xen.raw(guest, 29, 2, {"reason": ShutdownReason.suspend})
    xen.message(f"dom{guest}", Hypercall(0, 32, 4, {"port": port}, upcalls_taken=1))
    xen.message(f"dom{guest}", UpcallTaken())
    row = xen.machine.statistics().domains[-1]
    assert (row.upcalls, row.upcalls_taken, row.events_sent) == (2, 2, 2), "and does nothing else"


def test_the_first_reason_for_a_shutdown_counts(xen):
    guest = xen.create()
    xen.raw(guest, 29, 2, {"reason": ShutdownReason.reboot})
    xen.crash(guest)
    assert xen.call(0, "domctl.getdomaininfo", domain=guest)[1]["flags"] >> 16 == ShutdownReason.reboot


def test_a_crashed_domain_has_nothing_to_resume(xen):
    guest = xen.create()
    xen.crash(guest)
    assert xen.ret(0, "domctl.resumedomain", domain=guest) == -Errno.EINVAL


def test_a_domain_that_is_shut_down_by_another_is_held(xen):
    guest = xen.create()
    xen.clear()
    assert xen.ret(0, "sched_op.remote_shutdown", domain_id=guest, reason=1) == 0
    assert xen.messages("supervisor", PauseDomain) == [PauseDomain(guest, True)]
    assert xen.ret(guest := xen.create(), "sched_op.remote_shutdown", domain_id=0, reason=1) == -Errno.EPERM


@pytest.mark.parametrize(
    ("hwdom", "noreboot", "kind"),
    [("reboot", False, MachineRestart), ("reboot", True, MachineHalt), ("halt", False, MachineHalt)],
)
def test_stock_policies_end_the_machine_when_dom0_crashes(power_on, hwdom, noreboot, kind):
    bench = power_on(hwdom=hwdom, noreboot=noreboot)
    guest = bench.create()
    bench.clear()
    bench.crash(0)
    assert len(bench.messages("supervisor", kind)) == 1
    assert any("Hardware Dom0 crashed" in line for line in bench.logs)
    assert bench.raw(guest, 17, 0, {}) is None


@pytest.mark.parametrize(
    ("reason", "kind"), [(ShutdownReason.poweroff, MachineHalt), (ShutdownReason.reboot, MachineRestart)]
)
def test_an_orderly_end_of_dom0_ends_the_machine_under_every_policy(xen, reason, kind):
    xen.raw(0, 29, 2, {"reason": reason})
    assert len(xen.messages("supervisor", kind)) == 1


def test_guests_survive_a_restart_of_dom0_and_keep_their_ports_for_it(xen):
    guest = xen.create()
    port = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=port)
    xen.entry(guest, 8, 0, 5)
    xen.call(0, "grant_table_op.map_grant_ref", dom=guest, ref=8, flags=2)
    foreign = {"domid": SELF, "space": 4, "foreign_domid": guest, "idxs": [3], "gpfns": [1 << 28]}
    assert xen.call(0, "memory_op.add_to_physmap_batch", **foreign)[1]["errs"] == [0]
    before = xen.machine.statistics()
    xen.clear()
    xen.crash(0)
    after = xen.machine.statistics()
    assert [each.incarnation for each in xen.messages("supervisor", StartDomain)] == [2]
    assert (after.dom0_boots, after.grants_mapped, after.foreign_frames) == (2, 0, 0)
    assert after.frames_free == before.frames_free
    assert xen.revoke(guest, 8) == 0
    assert xen.status(guest, port) == {"status": 1, "vcpu": 0, "dom": 0}
    assert xen.ret(0, "event_channel_op.bind_interdomain", remote_dom=guest, remote_port=port) == 0


def test_what_guests_have_mapped_of_dom0_outlives_it(xen):
    guest = xen.create()
    xen.entry(0, 8, guest, 5)
    out = xen.call(guest, "grant_table_op.map_grant_ref", dom=0, ref=8, flags=2)[1]
    xen.crash(0)
    former = [each for each in xen.machine.statistics().domains if each.life == "dead"]
    assert [(each.domid, each.incarnation) for each in former] == [(0, 1)]
    assert xen.machine.statistics().frames_lingering == 1
    assert xen.ret(guest, "grant_table_op.unmap_grant_ref", handle=out["handle"]) == 0
    assert xen.machine.statistics().frames_lingering == 0
    assert len(xen.machine.statistics().domains) == 2


def test_fifty_restarts_of_dom0_leak_nothing(xen):
    guests = [xen.create() for _ in range(3)]
    before = xen.machine.statistics()
    for _ in range(50):
        for guest in guests:
            xen.entry(guest, 8, 0, 5)
            xen.call(0, "grant_table_op.map_grant_ref", dom=guest, ref=8, flags=2)
            xen.out(0, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=guest)
        xen.crash(0)
    after = xen.machine.statistics()
    assert (after.frames_free, after.ports, after.grants_mapped) == (before.frames_free, before.ports, 0)
    assert after.dom0_boots == 51


def test_virq_dom_exc_goes_to_the_domain_that_was_named_for_it(xen):
    store = xen.create(flags=16)
    assert xen.ret(0, "domctl.set_virq_handler", domain=store, virq=3) == 0
    port = xen.out(store, "event_channel_op.bind_virq", "port", virq=3, vcpu=0)
    own = xen.out(0, "event_channel_op.bind_virq", "port", virq=3, vcpu=0)
    xen.clear()
    xen.crash(0)
    assert port in [each for ports in xen.upcalls(store) for each in ports]
    own = xen.out(0, "event_channel_op.bind_virq", "port", virq=3, vcpu=0)
    xen.clear()
    assert xen.ret(0, "domctl.destroydomain", domain=store) == 0
    assert [own] in xen.upcalls(0)


def test_the_store_domain_may_ask_about_domains_and_nothing_else(xen):
    store = xen.create(flags=16)
    assert xen.ret(store, "domctl.getdomaininfo", domain=0) == 0
    assert xen.ret(store, "sysctl.getdomaininfolist", first_domain=0, max_domains=8) == -Errno.EPERM
    assert xen.ret(store, "domctl.destroydomain", domain=0) == -Errno.EPERM
    assert xen.ret(store, "sysctl.physinfo") == -Errno.EPERM


def test_domains_that_die_while_dom0_waits_for_them_do_not_confuse_its_successor(xen):
    guest = xen.create()
    xen.auto = False
    assert xen.raw(0, 36, 2, {"domain": guest}) is None
    xen.crash(0)
    xen.message("supervisor", DomainStopped(0, 1))
    xen.feed(LinkOpened("dom0"))
    xen.clear()
    xen.message("supervisor", DomainStopped(guest, 1))
    assert xen.messages("dom0", HypercallReply) == []
    assert [what for _, what, _ in xen.events()] == ["destroyed"]


def test_the_board_may_report_the_end_of_a_process_before_its_link_is_gone(xen):
    guest = xen.create()
    xen.message("supervisor", DomainStopped(guest, 1))
    xen.feed(LinkClosed(f"dom{guest}", "gone"))
    assert xen.events()[-1] == (guest, "shutdown", ShutdownReason.crash)
    xen.auto = False
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0


def test_a_machine_that_restarts_has_no_watchdog_left(power_on):
    xen = power_on(hwdom="reboot")
    guest = xen.create()
    xen.raw(guest, 29, 6, {"id": 0, "timeout": 11})
    xen.raw(0, 29, 2, {"reason": 1})
    assert xen.machine.next_deadline_ns() is None
    xen.machine.check()
