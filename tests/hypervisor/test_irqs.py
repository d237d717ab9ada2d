"""Interrupts in flight: the forced end after 1 ms, unmapping by force, and the page of needed ends."""

import pytest

from actors.abi.errno import Errno
from actors.messages import EndOfInterrupt, InterruptVector, MmioWrite

SELF = 0x7FF0
MS = 1_000_000
MASKED = 1 << 16


@pytest.fixture
def host(power_on):
    return power_on(ioapic=True)


def route(bench, gsi, *, level=True, flags=1):
    assert bench.ret(0, "physdev_op.setup_gsi", gsi=gsi, triggering=int(level), polarity=int(level)) == 0
    assert bench.ret(0, "physdev_op.map_pirq", domid=SELF, type=1, index=gsi, pirq=gsi) == 0
    return bench.out(0, "event_channel_op.bind_pirq", "port", pirq=gsi, flags=flags)


def vector(gsi):
    return 0x20 + gsi


def ends(bench):
    return [message.vector for message in bench.messages("ioapic", EndOfInterrupt)]


def share(bench, gsi):
    """A guest that has the GSI too, and its pirq."""
    guest = bench.create()
    pirq = bench.out(0, "physdev_op.map_pirq", "pirq", domid=guest, type=1, index=gsi, pirq=-1)
    assert bench.ret(guest, "event_channel_op.bind_pirq", pirq=pirq, flags=1) == 0
    return guest, pirq


def test_a_level_interrupt_that_nobody_ends_is_ended_by_force_after_1_ms(host):
    port = route(host, 17)
    host.clear()
    came_ns = host.now_ns + 1
    host.message("ioapic", InterruptVector(vector(17)))
    assert host.machine.next_deadline_ns() == came_ns + MS
    host.deadline()
    assert ends(host) == [vector(17)]
    assert host.machine.next_deadline_ns() is None
    assert host.ret(0, "physdev_op.eoi", irq=17) == 0
    assert ends(host) == [vector(17)]
    # The line is still asserted: the chip sends it again, and the storm is as slow as the forced ends.
    host.message("ioapic", InterruptVector(vector(17)))
    assert host.upcalls(0) == [[port], [port]]
    assert host.machine.statistics().interrupts_forced == 1


def test_an_interrupt_that_was_ended_in_time_is_not_ended_again(host):
    route(host, 17)
    host.message("ioapic", InterruptVector(vector(17)))
    assert host.ret(0, "physdev_op.eoi", irq=17) == 0
    assert host.machine.next_deadline_ns() is None


def test_the_forced_end_does_not_wait_for_the_slowest_of_those_who_share(host):
    route(host, 17)
    share(host, 17)
    host.clear()
    host.message("ioapic", InterruptVector(vector(17)))
    assert host.ret(0, "physdev_op.eoi", irq=17) == 0
    assert ends(host) == []
    host.deadline()
    assert ends(host) == [vector(17)]


def test_each_interrupt_has_a_time_of_its_own(host):
    route(host, 17)
    route(host, 18)
    host.message("ioapic", InterruptVector(vector(17)))
    host.now_ns += 300_000
    second_ns = host.now_ns + 1
    host.message("ioapic", InterruptVector(vector(18)))
    host.clear()
    host.deadline()
    assert ends(host) == [vector(17)]
    assert host.machine.next_deadline_ns() == second_ns + MS


def test_an_edge_needs_no_end(host):
    route(host, 16, level=False)
    host.message("ioapic", InterruptVector(vector(16)))
    assert host.machine.next_deadline_ns() is None


def test_the_watchdog_and_the_forced_end_share_the_deadline(host):
    route(host, 17)
    assert host.ret(0, "sched_op.watchdog", id=0, timeout=1) == 1
    watchdog_ns = host.machine.next_deadline_ns()
    came_ns = host.now_ns + 1
    host.message("ioapic", InterruptVector(vector(17)))
    assert host.machine.next_deadline_ns() == came_ns + MS
    host.deadline()
    assert host.machine.next_deadline_ns() == watchdog_ns


def test_unmapping_a_bound_pirq_unbinds_it_by_force_and_keeps_its_port(host):
    port = route(host, 17)
    host.message("ioapic", InterruptVector(vector(17)))
    host.clear()
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=17) == 0
    assert ends(host) == [vector(17)]
    low = [each.value for each in host.messages("ioapic", MmioWrite) if each.offset == 0x10][-1]
    assert low & MASKED
    assert host.status(0, port)["pirq"] == 17
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=17) == -Errno.EINVAL
    assert host.ret(0, "event_channel_op.close", port=port) == 0
    assert host.machine.statistics().pirqs_bound == 0


def test_a_pirq_unmapped_by_force_is_mapped_again_only_after_its_port_has_closed(host):
    route(host, 17)
    guest, pirq = share(host, 17)
    assert host.ret(0, "physdev_op.unmap_pirq", domid=guest, pirq=pirq) == 0
    mapping = {"domid": guest, "type": 1, "index": 17, "pirq": pirq}
    assert host.ret(0, "physdev_op.map_pirq", **mapping) == -Errno.EBUSY
    assert host.ret(0, "physdev_op.map_pirq", **(mapping | {"pirq": -1})) == -Errno.EBUSY
    assert host.ret(guest, "event_channel_op.close", port=1) == 0
    assert host.ret(0, "physdev_op.map_pirq", **mapping) == 0
    assert host.ret(guest, "event_channel_op.bind_pirq", pirq=pirq, flags=1) == 0


def test_a_domain_that_dies_with_a_pirq_unmapped_by_force_leaves_nothing(host):
    route(host, 17)
    guest, pirq = share(host, 17)
    assert host.ret(0, "physdev_op.unmap_pirq", domid=guest, pirq=pirq) == 0
    assert host.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert host.machine.statistics().pirqs_bound == 1


def test_unmapping_takes_the_right_away_also_from_dom0(host):
    route(host, 17)
    assert host.ret(0, "event_channel_op.close", port=1) == 0
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=17) == 0
    again = {"domid": SELF, "type": 1, "index": 17, "pirq": 17}
    assert host.ret(0, "physdev_op.map_pirq", **again) == -Errno.EPERM


def test_a_wish_for_a_pirq_that_is_another_interrupt_is_taken_no_notice_of(host):
    route(host, 17)
    taken = {"domid": SELF, "type": 1, "index": 18, "pirq": 17}
    assert host.ret(0, "physdev_op.map_pirq", **taken) == 0
    assert host.ret(0, "physdev_op.map_pirq", **(taken | {"pirq": 18})) == 0
    assert host.out(0, "physdev_op.map_pirq", "pirq", **(taken | {"pirq": -1})) == 18


def test_an_interrupt_that_was_given_away_is_taken_back_at_death(host):
    route(host, 17)
    guest = host.create()
    allow = {"domain": guest, "pirq": 17, "allow_access": 1}
    assert host.ret(0, "domctl.irq_permission", **allow) == 0
    mapping = {"domid": guest, "type": 1, "index": 17, "pirq": 3}
    assert host.ret(0, "physdev_op.map_pirq", **mapping) == 0
    assert host.ret(0, "event_channel_op.close", port=1) == 0
    assert host.ret(guest, "event_channel_op.bind_pirq", pirq=3, flags=0) == 0
    assert host.ret(0, "event_channel_op.bind_pirq", pirq=17, flags=1) == -Errno.EBUSY
    host.clear()
    assert host.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert host.ret(0, "event_channel_op.bind_pirq", pirq=17, flags=1) == 0


def test_an_interrupt_can_be_denied_again(host):
    route(host, 17)
    guest, pirq = share(host, 17)
    assert host.ret(guest, "event_channel_op.close", port=1) == 0
    assert host.ret(0, "domctl.irq_permission", domain=guest, pirq=17, allow_access=0) == 0
    assert host.ret(guest, "event_channel_op.bind_pirq", pirq=pirq, flags=1) == -Errno.EPERM


def test_a_line_is_shared_by_32_domains_at_most(power_on):
    host = power_on(ioapic=True)
    route(host, 17)
    guests = [host.create(pages=1) for _ in range(32)]
    found = []
    for guest in guests:
        pirq = host.out(0, "physdev_op.map_pirq", "pirq", domid=guest, type=1, index=17, pirq=-1)
        found.append(host.ret(guest, "event_channel_op.bind_pirq", pirq=pirq, flags=1))
    assert found == [0] * 31 + [-Errno.EBUSY]


def bit(bench, gfn, pirq):
    mfn = bench.machine._host.domains.find(0).physmap.mfn(gfn)
    return bench.memory.words(mfn)[pirq // 32] >> pirq % 32 & 1


@pytest.mark.parametrize("version", [1, 2])
def test_a_page_tells_which_pirqs_need_an_end(host, version):
    call = f"physdev_op.pirq_eoi_gmfn_v{version}"
    assert host.ret(0, call, gmfn=99) == -Errno.EINVAL
    assert host.ret(0, call, gmfn=40) == 0
    assert host.ret(0, call, gmfn=41) == -Errno.EBUSY
    route(host, 17)
    route(host, 16, level=False)
    assert [bit(host, 40, pirq) for pirq in (16, 17, 18)] == [0, 1, 0]
    assert host.ret(0, "event_channel_op.close", port=1) == 0
    route(host, 17, level=False)
    assert bit(host, 40, 17) == 0
    assert host.machine._host.domains.find(0).pirqs.auto_unmask == (version == 1)


def test_the_page_goes_with_its_domain(host):
    guest = host.create()
    assert host.ret(guest, "physdev_op.pirq_eoi_gmfn_v2", gmfn=4) == 0
    assert host.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert host.machine.statistics().frames_lingering == 0
    assert host.ret(0, "domctl.destroydomain", domain=guest) == -Errno.ESRCH


@pytest.mark.parametrize(
    ("caller", "name", "arguments", "expected"),
    [
        ("guest", "eoi", {"irq": -1}, -Errno.EINVAL),
        ("guest", "eoi", {"irq": 56}, -Errno.EINVAL),
        ("guest", "eoi", {"irq": 5}, -Errno.EINVAL),
        ("guest", "setup_gsi", {"gsi": 24, "triggering": 0, "polarity": 0}, -Errno.EINVAL),
        ("guest", "setup_gsi", {"gsi": 23, "triggering": 0, "polarity": 0}, -Errno.EPERM),
        ("guest", "map_pirq", {"domid": 4321, "type": 1, "index": 5, "pirq": 5}, -Errno.ESRCH),
        ("guest", "map_pirq", {"domid": 0, "type": 1, "index": 5, "pirq": 5}, -Errno.EPERM),
        ("guest", "map_pirq", {"domid": 0, "type": 4, "index": 5, "pirq": 5, "table_base": 1}, -Errno.EINVAL),
        ("guest", "unmap_pirq", {"domid": 0, "pirq": 5}, -Errno.EPERM),
        ("guest", "set_iobitmap", {"nr_ports": 65537}, -Errno.EINVAL),
        ("guest", "set_iobitmap", {"nr_ports": 65536}, 0),
        ("guest", "set_iopl", {"iopl": -1}, -Errno.EINVAL),
        ("guest", "dbgp_op", {}, -Errno.EPERM),
        ("dom0", "dbgp_op", {}, 0),
        ("dom0", "map_pirq", {"domid": SELF, "type": 2, "index": 5, "pirq": 5}, -Errno.EINVAL),
        ("dom0", "map_pirq", {"domid": SELF, "type": 1, "index": 24, "pirq": 5}, -Errno.EINVAL),
        ("dom0", "map_pirq", {"domid": SELF, "type": 1, "index": 5, "pirq": 416}, -Errno.EINVAL),
    ],
)
def test_calls_are_checked_in_the_order_of_xen(host, caller, name, arguments, expected):
    guest = host.create()
    assert host.ret(guest if caller == "guest" else 0, f"physdev_op.{name}", **arguments) == expected


def test_a_pirq_that_is_only_allocated_has_no_interrupt_to_end(host):
    pirq = host.out(0, "physdev_op.get_free_pirq", "pirq", type=1)
    assert host.ret(0, "physdev_op.eoi", irq=pirq) == 0
    assert host.ret(0, "event_channel_op.bind_pirq", pirq=pirq, flags=0) == -Errno.EPERM
    assert host.ret(0, "physdev_op.map_pirq", domid=SELF, type=1, index=20, pirq=pirq) == 0


def test_a_zombie_has_no_pirqs(host):
    guest = host.create()
    host.entry(guest, 8, 0, 5)
    host.call(0, "grant_table_op.map_grant_ref", dom=guest, ref=8, flags=2)
    assert host.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert host.ret(0, "physdev_op.unmap_pirq", domid=guest, pirq=5) == -Errno.EINVAL
    mapping = {"domid": guest, "type": 1, "index": 5, "pirq": 5}
    assert host.ret(0, "physdev_op.map_pirq", **mapping) == -Errno.EINVAL


def test_pirqs_run_out(host):
    guest = host.create()
    found = [host.ret(guest, "physdev_op.get_free_pirq", type=1) for _ in range(8 + 32 + 1)]
    assert found == [0] * 40 + [-Errno.ENOSPC]


def test_a_device_model_maps_the_interrupts_it_has_for_its_domain(host):
    route(host, 17)
    model, guest = host.create(), host.create(flags=1)
    assert host.ret(0, "domctl.set_target", domain=model, target=guest) == 0
    mapping = {"domid": guest, "type": 1, "index": 17, "pirq": -1}
    assert host.ret(model, "physdev_op.map_pirq", **mapping) == -Errno.EINVAL
    assert host.ret(0, "physdev_op.map_pirq", domid=model, type=1, index=17, pirq=17) == 0
    assert host.out(model, "physdev_op.map_pirq", "pirq", **mapping) == 16
    assert host.ret(model, "physdev_op.unmap_pirq", domid=guest, pirq=16) == 0
