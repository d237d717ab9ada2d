"""xen_version, and what a host of another release answers."""

import pytest

from actors.abi.errno import Errno
from actors.abi.hypercalls import COMMANDS
from actors.abi.releases import INTRODUCED, RELEASES, REMOVED
from actors.hypervisor.hypervisor import Hypervisor
from actors.runtime.memory import SparseMemory

OLD, NEW = RELEASES["3.4"], RELEASES["4.17"]


@pytest.fixture
def old(power_on):
    """A host with Xen 3.4."""
    return power_on(xen="3.4")


@pytest.mark.parametrize(
    ("command", "arguments", "dom0", "guest"),
    [
        ("version", {}, 0x40011, 0x40011),
        ("extraversion", {}, {"extraversion": ".7-domzero"}, {"extraversion": ".7-domzero"}),
        ("capabilities", {}, {"capabilities": "xen-3.0-x86_64"}, {"capabilities": "xen-3.0-x86_64"}),
        ("changeset", {}, {"changeset": ""}, {"changeset": ""}),
        ("platform_parameters", {}, {"virt_start": 0xFFFF800000000000}, {"virt_start": 0xFFFF800000000000}),
        ("get_features", {"submap_idx": 0}, {"submap": 0x228F0}, {"submap": 0x220F0}),
        ("get_features", {"submap_idx": 1}, -Errno.EINVAL, -Errno.EINVAL),
        ("get_features", {}, -Errno.EFAULT, -Errno.EFAULT),
        ("pagesize", {}, 4096, 4096),
        ("pagesize", {"x": 1}, -Errno.EINVAL, -Errno.EINVAL),
        ("guest_handle", {}, {"handle": bytes(16)}, {"handle": b"g" * 16}),
        ("commandline", {}, {"commandline": ""}, {"commandline": "<denied>"}),
        ("build_id", {}, -Errno.ENODATA, -Errno.EPERM),
        ("build_id", {"len": 0}, -Errno.EINVAL, -Errno.EPERM),
        ("build_id", {"len": 20}, -Errno.ENODATA, -Errno.EPERM),
    ],
)
def test_who_may_know_what(xen, command, arguments, dom0, guest):
    for domid, expected in ((0, dom0), (xen.create(handle=b"g" * 16), guest)):
        ret, out = xen.call(domid, f"xen_version.{command}", **arguments)
        assert (out if ret == 0 else ret) == expected


def test_who_compiled_it_is_no_secret(xen):
    fields = {"compiler", "compile_by", "compile_domain", "compile_date"}
    assert xen.call(0, "xen_version.compile_info")[1].keys() == fields


def test_an_old_xen_says_so(old):
    assert old.ret(0, "xen_version.version") == 0x30004
    assert old.call(0, "xen_version.get_features", submap_idx=0)[1] == {"submap": 0xF0}


def test_an_old_xen_lacks_what_came_later_and_nothing_else(old, xen):
    for number, commands in COMMANDS.items():
        for command in commands:
            on_new = (number, command) in xen.machine._table.calls
            on_old = (number, command) in old.machine._table.calls
            came_later = (number, command) in INTRODUCED
            assert on_old == (number in REMOVED or (on_new and not came_later)), (number.name, command.name)
            assert not (on_new and number in REMOVED)


@pytest.mark.parametrize(("number", "command"), [(32, 13), (29, 6), (20, 8), (17, 10), (33, 21), (12, 24)])
def test_a_call_that_came_later_is_not_there(old, number, command):
    assert old.raw(0, number, command, {"id": 0, "timeout": 1}).ret == -Errno.ENOSYS


def test_what_is_not_there_is_still_looked_at_as_far_as_its_hypercall_goes(old):
    guest = old.create()
    assert old.ret(0, "domctl.set_virq_handler", domain=77, virq=3) == -Errno.ESRCH
    assert old.ret(guest, "domctl.set_virq_handler", domain=guest, virq=3) == -Errno.EPERM
    assert old.ret(0, "domctl.set_virq_handler", domain=guest, virq=3) == -Errno.ENOSYS
    assert old.ret(0, "vcpu_op.register_vcpu_time_memory_area", vcpu=9) == -Errno.ENOENT
    assert old.ret(0, "vcpu_op.register_vcpu_time_memory_area", vcpu=0) == -Errno.ENOSYS


@pytest.mark.parametrize("release", list(RELEASES.values()), ids=lambda each: each.name)
def test_a_toolstack_has_to_speak_the_interface_version(power_on, release):
    xen = power_on(xen=release.name)
    for name, version, arguments in (
        ("domctl.getdomaininfo", release.domctl, {"domain": 0}),
        ("sysctl.sched_id", release.sysctl, {"sched_id": 0}),
        ("domctl.pausedomain", release.domctl, {"domain": 0}),
    ):
        own = xen.ret(0, name, interface_version=version, **arguments)
        assert own == xen.ret(0, name, **arguments) != -Errno.EACCES
        for other in (version + 1, 0, -1, *({OLD.domctl, NEW.domctl, OLD.sysctl, NEW.sysctl} - {version})):
            assert xen.ret(0, name, interface_version=other, **arguments) == -Errno.EACCES
    for number in (35, 36):
        assert xen.raw(0, number, 999, {"domain": 0, "interface_version": 0}).ret == -Errno.EACCES
        assert xen.raw(0, number, 999, {"domain": 0}).ret == -Errno.ENOSYS


def test_a_xen_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"one of 3\.4, 4\.17"):
        Hypervisor({"xen": "4.0"}, SparseMemory(64))


def test_a_release_has_what_no_table_denies_it():
    assert OLD.has(32, 4)
    assert NEW.has(32, 4)
    assert OLD.has(38, 4) is not NEW.has(38, 4)
    assert not NEW.has(36, 90)
