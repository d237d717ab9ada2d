"""domctl: orders of checks, creation, pauses, vcpus, shares, targets, soft reset and subscriptions."""

import pytest

from actors.abi.errno import Errno
from actors.abi.interface import DominfFlags, ShutdownReason
from actors.messages import PauseDomain

SELF = 0x7FF0
CONFIG = {"max_vcpus": 1, "max_evtchn_port": 9, "max_grant_frames": 1, "max_maptrack_frames": 1}
GUARDED = [
    "destroydomain", "pausedomain", "unpausedomain", "setvcpuaffinity", "max_mem", "setvcpucontext",
    "getvcpucontext", "getvcpuinfo", "max_vcpus", "scheduler_op", "setdomainhandle", "getvcpuaffinity",
    "resumedomain", "subscribe", "set_virq_handler", "soft_reset", "get_domain_state",
]  # fmt: skip


@pytest.mark.parametrize("name", GUARDED)
def test_version_domain_and_right_come_in_this_order(xen, name):
    guest = xen.create()
    call = f"domctl.{name}"
    assert xen.ret(guest, call, domain=4321, interface_version=7) == -Errno.EACCES
    assert xen.ret(guest, call, domain=4321) == -Errno.ESRCH
    assert xen.ret(guest, call, domain=0) == -Errno.EPERM
    assert xen.ret(guest, call) == -Errno.EFAULT


def test_get_domain_state_is_of_a_later_xen(xen):
    assert xen.ret(0, "domctl.get_domain_state", domain=0) == -Errno.ENOSYS


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("irq_permission", {"domain": 4321}, Errno.ESRCH),
        ("irq_permission", {"domain": 0, "pirq": 5000, "allow_access": 1}, Errno.EPERM),
        ("irq_permission", {"domain": 0, "pirq": 5, "allow_access": 1}, Errno.EPERM),
        ("iomem_permission", {"domain": 4321}, Errno.ESRCH),
        ("iomem_permission", {"domain": 0, "first_mfn": -8, "nr_mfns": 1}, Errno.EPERM),
        ("iomem_permission", {"domain": 0, "first_mfn": 8, "nr_mfns": 1}, Errno.EPERM),
        ("ioport_permission", {"domain": 4321}, Errno.ESRCH),
        ("ioport_permission", {"domain": 0, "first_port": 65535, "nr_ports": 2}, Errno.EPERM),
        ("set_target", {"domain": 4321, "target": 0}, Errno.ESRCH),
        ("set_target", {"domain": 0, "target": 4321}, Errno.EPERM),
        ("set_target", {"domain": "guest", "target": 0}, Errno.EPERM),
        ("assign_device", {"domain": 4321}, Errno.ESRCH),
        ("assign_device", {"domain": 0}, Errno.EPERM),
        ("deassign_device", {"domain": 0x7FF1}, Errno.EPERM),
        ("test_assign_device", {"domain": 0x7FF4}, Errno.EPERM),
        ("createdomain", {}, Errno.EPERM),
        ("getdomaininfo", {"domain": SELF}, Errno.EINVAL),
        ("getdomaininfo", {"domain": -1}, Errno.EINVAL),
        ("getdomaininfo", {"domain": 500}, Errno.ESRCH),
        ("getdomaininfo", {"domain": 0}, Errno.EPERM),
    ],
)
def test_a_domain_without_the_right_is_refused_before_its_arguments_are_looked_at(
    xen, name, arguments, expected
):
    ids = {"guest": xen.create(), "hvm": xen.create(flags=1)}
    given = {key: ids.get(value, value) for key, value in arguments.items()}
    assert xen.ret(ids["guest"], f"domctl.{name}", **given) == -expected
    assert xen.ret(ids["guest"], f"domctl.{name}", interface_version=1, **given) == -Errno.EACCES


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"flags": 1 << 8}, Errno.EINVAL),
        ({"flags": 2}, Errno.EINVAL),
        ({"flags": 32}, Errno.EINVAL),
        ({"flags": 64}, Errno.EINVAL),
        ({"flags": 64 | 1}, Errno.EINVAL),
        ({"flags": 128}, Errno.EINVAL),
        ({"flags": 1, "max_vcpus": 129}, Errno.EINVAL),
        ({"max_vcpus": 0}, Errno.EINVAL),
        ({"max_vcpus": 8193}, Errno.EINVAL),
        ({"iommu_opts": 1}, Errno.EINVAL),
        ({"grant_version": 0}, Errno.EINVAL),
        ({"grant_version": 3}, Errno.EINVAL),
        ({"cpupool_id": 1}, Errno.ESRCH),
        ({"cpupool_id": 1, "grant_version": 0, "max_grant_frames": 0}, Errno.ESRCH),
        ({"cpupool_id": 1, "max_vcpus": 0}, Errno.EINVAL),
        ({"max_grant_frames": 0}, Errno.EINVAL),
        ({"max_grant_frames": 65}, Errno.EINVAL),
        ({"max_maptrack_frames": 1025}, Errno.EINVAL),
        ({"handle": b"short"}, Errno.EFAULT),
        ({"handle": 5}, Errno.EFAULT),
        ({"max_vcpus": None}, Errno.EFAULT),
        ({"domain": 0x7000, "flags": 0, "max_vcpus": 0}, Errno.EINVAL),
        ({"domain": "guest", "max_vcpus": 0}, Errno.EEXIST),
    ],
)
def test_what_no_domain_can_be_is_refused(xen, change, expected):
    guest = xen.create()
    free = xen.machine.statistics().frames_free
    given = CONFIG | {name: guest if value == "guest" else value for name, value in change.items()}
    assert xen.ret(0, "domctl.createdomain", **given) == -expected
    after = xen.machine.statistics()
    assert (len(after.domains), after.frames_free) == (2, free)


@pytest.mark.parametrize(
    "change",
    [
        {"flags": 1 | 2 | 64},
        {"flags": 4 | 8 | 16},
        {"max_grant_frames": -1, "max_maptrack_frames": 0xFFFFFFFF},
        {"max_grant_frames": 64, "max_maptrack_frames": 0},
        {"grant_version": 1},
        {"max_evtchn_port": 0xFFFFFFFF},
        {"domain": 0},
        {"domain": 0x7FFF},
        {"handle": bytes(range(16))},
    ],
)
def test_what_a_domain_can_be_is_made(xen, change):
    domid = xen.out(0, "domctl.createdomain", "domain", **(CONFIG | change))
    ret, info = xen.call(0, "domctl.getdomaininfo", domain=domid)
    assert (ret, info["domain"], info["handle"]) == (0, domid, change.get("handle", bytes(16)))


def test_an_iommu_lets_domains_have_one(power_on):
    bench = power_on(iommu=True)
    assert bench.ret(0, "domctl.createdomain", **(CONFIG | {"flags": 32, "iommu_opts": 1})) == 0
    assert bench.ret(0, "domctl.createdomain", **(CONFIG | {"flags": 32, "iommu_opts": 2})) == -Errno.EINVAL
    assert bench.call(0, "sysctl.physinfo")[1]["capabilities"] & 4


def test_information_says_what_kind_of_domain_it_is(xen):
    kinds = {flags: xen.create(flags=flags, run=False) for flags in (0, 1, 3, 16)}
    found = {
        flags: DominfFlags(xen.call(0, "domctl.getdomaininfo", domain=domid)[1]["flags"] & 0xFFFF)
        for flags, domid in kinds.items()
    }
    paused = DominfFlags.paused
    assert found == {
        0: paused,
        1: paused | DominfFlags.hvm_guest,
        3: paused | DominfFlags.hvm_guest | DominfFlags.hap,
        16: paused | DominfFlags.xs_domain,
    }
    assert xen.call(0, "domctl.getdomaininfo", domain=kinds[0])[1]["flags"] >> 16 == 0xFF


def test_the_handle_of_a_domain_can_be_changed(xen):
    guest = xen.create()
    assert xen.ret(0, "domctl.setdomainhandle", domain=guest, handle=bytes(range(16))) == 0
    assert xen.call(0, "domctl.getdomaininfo", domain=guest)[1]["handle"] == bytes(range(16))
    assert xen.ret(0, "domctl.setdomainhandle", domain=guest, handle=b"") == -Errno.EFAULT


@pytest.mark.parametrize("name", ["pausedomain", "destroydomain", "resumedomain", "soft_reset", "max_vcpus"])
def test_a_domain_does_not_do_that_to_itself(xen, name):
    assert xen.ret(0, f"domctl.{name}", domain=0, max=2) == -Errno.EINVAL


def test_pauses_are_counted_up_to_255(xen):
    guest = xen.create()
    xen.clear()
    found = [xen.ret(0, "domctl.pausedomain", domain=guest) for _ in range(256)]
    assert found == [0] * 255 + [-Errno.EOVERFLOW]
    found = [xen.ret(0, "domctl.unpausedomain", domain=guest) for _ in range(256)]
    assert found == [0] * 255 + [-Errno.EINVAL]
    assert xen.messages("supervisor", PauseDomain) == [PauseDomain(guest, True), PauseDomain(guest, False)]


def test_vcpus_are_made_before_there_is_anything_to_tell_of_them(xen):
    guest = xen.create(run=False, max_vcpus=3)
    for name in ("getvcpuinfo", "getvcpuaffinity"):
        assert xen.ret(0, f"domctl.{name}", domain=guest, vcpu=3, flags=1) == -Errno.EINVAL
        assert xen.ret(0, f"domctl.{name}", domain=guest, vcpu=2, flags=1) == -Errno.ESRCH
    assert xen.ret(0, "domctl.getvcpucontext", domain=guest, vcpu=2) == -Errno.EINVAL
    assert xen.ret(0, "domctl.max_vcpus", domain=guest, max=2) == -Errno.EINVAL
    assert xen.ret(0, "domctl.max_vcpus", domain=guest, max=3) == 0
    ret, info = xen.call(0, "domctl.getvcpuinfo", domain=guest, vcpu=2)
    assert (ret, info["online"], info["blocked"], info["running"], info["cpu_time"]) == (0, 0, 0, 0, 0)
    assert xen.ret(0, "domctl.getvcpucontext", domain=guest, vcpu=2) == -Errno.ENODATA


def test_a_vcpu_is_running_blocked_or_neither(xen):
    guest = xen.create()
    states = {}
    for domid, vcpu in ((0, 0), (0, 1), (guest, 0)):
        info = xen.call(0, "domctl.getvcpuinfo", domain=domid, vcpu=vcpu)[1]
        states[domid, vcpu] = (info["online"], info["blocked"], info["running"], info["cpu"])
    assert states == {(0, 0): (1, 0, 1, 0), (0, 1): (1, 1, 0, 1), (guest, 0): (1, 1, 0, 0)}


def test_registers_are_given_before_the_start(xen):
    guest = xen.create(run=False)
    assert xen.ret(0, "domctl.max_vcpus", domain=guest, max=1) == 0
    call = {"domain": guest, "vcpu": 0}
    assert xen.ret(0, "domctl.setvcpucontext", ctxt=5, **call) == -Errno.EFAULT
    assert xen.ret(0, "domctl.setvcpucontext", ctxt={"rip": 7}, **call) == 0
    assert xen.call(0, "domctl.getvcpucontext", **call) == (0, {"ctxt": {"rip": 7}})
    assert xen.ret(0, "domctl.setvcpucontext", **call) == 0
    assert xen.ret(0, "domctl.getvcpucontext", **call) == -Errno.ENODATA
    assert xen.ret(0, "domctl.unpausedomain", domain=guest) == 0
    assert xen.ret(0, "domctl.setvcpucontext", ctxt={}, **call) == -Errno.EOPNOTSUPP
    assert xen.ret(0, "domctl.getvcpucontext", **call) == -Errno.EOPNOTSUPP
    assert xen.ret(0, "domctl.setvcpucontext", domain=0, vcpu=0, ctxt={}) == -Errno.EINVAL
    assert xen.ret(0, "domctl.setvcpucontext", domain=guest, vcpu=1, ctxt={}) == -Errno.EINVAL
    assert xen.ret(0, "domctl.getvcpucontext", domain=0, vcpu=0) == -Errno.EINVAL


def test_where_a_vcpu_may_run_is_kept(xen):
    guest = xen.create()
    vcpu = {"domain": guest, "vcpu": 0}
    assert xen.call(0, "domctl.getvcpuaffinity", flags=3, **vcpu) == (0, {"cpumap_hard": 3, "cpumap_soft": 3})
    assert xen.ret(0, "domctl.setvcpuaffinity", flags=0, **vcpu) == -Errno.EINVAL
    assert xen.ret(0, "domctl.setvcpuaffinity", flags=8, **vcpu) == -Errno.EINVAL
    assert xen.ret(0, "domctl.setvcpuaffinity", flags=1, **vcpu) == -Errno.EFAULT
    assert xen.ret(0, "domctl.setvcpuaffinity", flags=1, cpumap_hard=4, **vcpu) == -Errno.EINVAL
    both = {"flags": 3, "cpumap_hard": 2, "cpumap_soft": 7}
    assert xen.call(0, "domctl.setvcpuaffinity", **both, **vcpu) == (0, {"cpumap_hard": 2, "cpumap_soft": 2})
    assert xen.call(0, "domctl.getvcpuaffinity", flags=1, **vcpu) == (0, {"cpumap_hard": 2})
    assert xen.call(0, "domctl.getvcpuaffinity", flags=2, **vcpu) == (0, {"cpumap_soft": 3})
    assert xen.call(0, "domctl.setvcpuaffinity", flags=4, **vcpu) == (0, {})


def test_shares_of_the_cpu_are_kept_and_go_with_the_domain(xen):
    guest = xen.create()
    get = {"domain": guest, "sched_id": 6, "cmd": 1}
    put = {"domain": guest, "sched_id": 6, "cmd": 0}
    assert xen.call(0, "domctl.scheduler_op", **get) == (0, {"weight": 256, "cap": 0})
    assert xen.ret(0, "domctl.scheduler_op", **put, weight=512, cap=50) == 0
    assert xen.ret(0, "domctl.scheduler_op", **put, weight=64, cap=101) == -Errno.EINVAL
    assert xen.call(0, "domctl.scheduler_op", **get) == (0, {"weight": 64, "cap": 50})
    assert xen.call(0, "domctl.scheduler_op", **put, weight=0, cap=0) == (0, {"weight": 64, "cap": 0})
    assert xen.ret(0, "domctl.scheduler_op", **(get | {"sched_id": 5})) == -Errno.EINVAL
    assert xen.ret(0, "domctl.scheduler_op", **(get | {"cmd": 3})) == -Errno.EINVAL
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    again = xen.out(0, "domctl.createdomain", "domain", **(CONFIG | {"domain": guest}))
    assert xen.call(0, "domctl.scheduler_op", **(get | {"domain": again}))[1]["weight"] == 256


def test_frames_and_ports_are_given_by_who_has_them(xen):
    guest = xen.create()
    frames = {"domain": guest, "first_mfn": 0xE0000, "nr_mfns": 16, "allow_access": 1}
    assert xen.ret(0, "domctl.iomem_permission", **frames) == 0
    assert xen.ret(0, "domctl.iomem_permission", **(frames | {"nr_mfns": 4, "allow_access": 0})) == 0
    assert xen.ret(0, "domctl.iomem_permission", **(frames | {"first_mfn": 0xFEC00})) == -Errno.EPERM
    assert xen.ret(0, "domctl.iomem_permission", **(frames | {"first_mfn": 0xFEDFF})) == -Errno.EPERM
    ports = {"domain": guest, "first_port": 0x3F8, "nr_ports": 8, "allow_access": 1}
    assert xen.ret(0, "domctl.ioport_permission", **ports) == 0
    assert xen.ret(0, "domctl.ioport_permission", **(ports | {"first_port": 0xCF8})) == -Errno.EPERM
    assert xen.ret(0, "domctl.ioport_permission", **(ports | {"nr_ports": 1, "allow_access": 0})) == 0
    rights = xen.machine._host.domains.find(guest).rights
    assert rights.frames.ranges() == [(0xE0004, 0xE000F)]
    assert rights.ports.ranges() == [(0x3F9, 0x3FF)]
    assert xen.ret(0, "domctl.iomem_permission", **(frames | {"domain": 0, "allow_access": 0})) == 0
    assert xen.ret(0, "domctl.iomem_permission", **frames) == -Errno.EPERM


def test_a_device_model_acts_on_its_domain_and_on_no_other(xen):
    model, guest, other = xen.create(), xen.create(flags=1), xen.create(flags=1)
    target = {"domain": model, "target": guest}
    assert xen.ret(0, "domctl.set_target", **target) == 0
    assert xen.ret(0, "domctl.set_target", **(target | {"target": other})) == -Errno.EINVAL
    assert xen.ret(model, "domctl.getdomaininfo", domain=guest) == 0
    assert xen.ret(model, "domctl.getdomaininfo", domain=other) == -Errno.EPERM
    assert xen.ret(model, "memory_op.current_reservation", domid=guest) == 16
    assert xen.ret(model, "memory_op.current_reservation", domid=other) == -Errno.EPERM
    assert xen.ret(model, "domctl.pausedomain", domain=guest) == -Errno.EPERM


def test_a_dead_target_is_held_by_its_model(xen):
    model, guest = xen.create(), xen.create(flags=1)
    assert xen.ret(0, "domctl.set_target", domain=model, target=guest) == 0
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert xen.call(0, "domctl.getdomaininfo", domain=guest)[1]["domain"] == guest
    assert xen.ret(0, "domctl.destroydomain", domain=model) == 0
    assert xen.ret(0, "domctl.getdomaininfo", domain=guest) == -Errno.ESRCH


def test_a_soft_reset_needs_a_domain_that_has_shut_down(xen):
    guest = xen.create(flags=1)
    port = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    assert xen.ret(0, "domctl.soft_reset", domain=guest) == -Errno.EINVAL
    xen.raw(guest, 29, 2, {"reason": ShutdownReason.soft_reset})
    assert xen.ret(0, "domctl.soft_reset", domain=guest) == 0
    assert xen.status(guest, port) == {"status": 0, "vcpu": 0}
    assert xen.ret(guest, "sched_op.yield") == 0


def test_a_paravirtual_domain_cannot_be_reset(xen):
    guest = xen.create()
    xen.raw(guest, 29, 2, {"reason": ShutdownReason.soft_reset})
    assert xen.ret(0, "domctl.soft_reset", domain=guest) == -Errno.EINVAL
    assert xen.call(0, "domctl.getdomaininfo", domain=guest)[1]["flags"] >> 16 == ShutdownReason.soft_reset


def test_a_toolstack_is_told_of_a_suspension_on_the_port_it_subscribed_to(xen):
    guest = xen.create()
    port = xen.out(guest, "event_channel_op.alloc_unbound", "port", dom=SELF, remote_dom=0)
    mine = xen.out(0, "event_channel_op.bind_interdomain", "local_port", remote_dom=guest, remote_port=port)
    virq = xen.out(0, "event_channel_op.bind_virq", "port", virq=3, vcpu=0)
    assert xen.ret(0, "domctl.subscribe", domain=guest, port=port) == 0
    xen.clear()
    xen.raw(guest, 29, 2, {"reason": ShutdownReason.suspend})
    assert xen.upcalls(0) == [[mine]]
    assert xen.ret(0, "domctl.resumedomain", domain=guest) == 0
    assert xen.ret(guest, "event_channel_op.close", port=port) == 0
    xen.clear()
    xen.raw(guest, 29, 2, {"reason": ShutdownReason.suspend})
    assert xen.upcalls(0) == []
    assert xen.ret(0, "domctl.resumedomain", domain=guest) == 0
    xen.raw(guest, 29, 2, {"reason": ShutdownReason.reboot})
    assert xen.upcalls(0) == [[virq]]


@pytest.fixture
def assigning(power_on):
    """A host with an IOMMU, a domain that may have devices and one that may not."""
    bench = power_on(iommu=True)
    return bench, bench.create(flags=32), bench.create()


def assign(bench, name, domid, sbdf=0x98, **change):
    arguments = {"domain": domid, "dev": 0, "flags": 0, "machine_sbdf": sbdf} | change
    return bench.ret(0, f"domctl.{name}", **arguments)


def test_a_device_goes_to_a_domain_and_by_quarantine_back(assigning):
    bench, guest, _ = assigning
    dom_io = 0x7FF1
    assert assign(bench, "test_assign_device", guest) == 0
    assert assign(bench, "assign_device", guest, flags=1) == 0
    assert assign(bench, "assign_device", guest) == -Errno.EBUSY
    assert assign(bench, "assign_device", dom_io) == -Errno.EBUSY
    assert assign(bench, "test_assign_device", guest) == -Errno.EINVAL
    assert assign(bench, "test_assign_device", 0x7FF4) == -Errno.EINVAL
    assert assign(bench, "deassign_device", dom_io) == -Errno.ENODEV
    assert assign(bench, "deassign_device", guest) == 0
    assert assign(bench, "deassign_device", guest) == -Errno.ENODEV
    assert assign(bench, "deassign_device", dom_io) == 0
    assert assign(bench, "assign_device", dom_io) == 0
    assert assign(bench, "assign_device", guest) == 0
    assert bench.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert bench.machine._host.pirqs.pci.get((0, 0, 0x98)).owner == dom_io


def test_assignments_are_checked(assigning):
    bench, guest, plain = assigning
    for name in ("assign_device", "deassign_device", "test_assign_device"):
        assert assign(bench, name, plain) == -Errno.EOPNOTSUPP
        assert assign(bench, name, 4321) == -Errno.ESRCH
        assert assign(bench, name, guest, dev=1) == -Errno.ENODEV
        assert assign(bench, name, guest, flags=2) == -Errno.EINVAL
    assert assign(bench, "assign_device", guest, sbdf=0x99) == -Errno.ENODEV
    assert assign(bench, "deassign_device", guest, sbdf=0x99) == -Errno.ENODEV
    assert assign(bench, "test_assign_device", guest, sbdf=0x99) == -Errno.EINVAL
    assert assign(bench, "assign_device", 0x7FF4) == -Errno.ESRCH
    bench.auto = False
    bench.raw(0, 36, 2, {"domain": guest})
    assert assign(bench, "assign_device", guest) == -Errno.EINVAL


def test_dom0_assigns_nothing_to_itself(power_on):
    bench = power_on(iommu=True)
    bench.machine._host.domains.find(0).flags |= 32
    assert assign(bench, "assign_device", 0) == -Errno.EINVAL


def test_without_an_iommu_nothing_is_assigned(xen):
    assert assign(xen, "assign_device", 0x7FF1) == -Errno.EOPNOTSUPP


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("irq_permission", {"domain": 0, "pirq": 5000, "allow_access": 1}, Errno.EINVAL),
        ("iomem_permission", {"domain": 0, "first_mfn": 8, "nr_mfns": (1 << 64) - 4}, Errno.EINVAL),
        ("iomem_permission", {"domain": 0, "first_mfn": -8, "nr_mfns": 1}, Errno.EINVAL),
        ("ioport_permission", {"domain": 0, "first_port": 65535, "nr_ports": 2}, Errno.EINVAL),
        ("ioport_permission", {"domain": 0, "first_port": 5, "nr_ports": 0}, Errno.EINVAL),
        ("ioport_permission", {"domain": 0, "first_port": 5, "nr_ports": 0xFFFFFFFF}, Errno.EINVAL),
        ("set_target", {"domain": "guest", "target": 4321}, Errno.ESRCH),
        ("set_target", {"domain": 0, "target": 0}, Errno.EINVAL),
        ("set_target", {"domain": "guest", "target": 0}, Errno.EOPNOTSUPP),
    ],
)
def test_what_dom0_asks_about_rights_is_looked_at(xen, name, arguments, expected):
    ids = {"guest": xen.create()}
    given = {key: ids.get(value, value) for key, value in arguments.items()}
    assert xen.ret(0, f"domctl.{name}", **given) == -expected
