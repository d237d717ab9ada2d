"""Calls about a grant table as a whole, swapped entries, and cache maintenance."""

import pytest

from actors.abi.errno import Errno
from actors.abi.interface import GrantStatus

SELF = 0x7FF0


def status(xen, caller, name, **arguments):
    ret, out = xen.call(caller, f"grant_table_op.{name}", **arguments)
    assert ret == 0
    return GrantStatus(out["status"])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("setup_table", {"nr_frames": 1}),
        ("query_size", {}),
        ("get_status_frames", {"nr_frames": 0}),
    ],
)
def test_tables_are_ones_own_and_the_control_domains(xen, name, arguments):
    guest = xen.create()
    assert status(xen, guest, name, dom=SELF, **arguments) is GrantStatus.okay
    assert status(xen, 0, name, dom=guest, **arguments) is GrantStatus.okay
    assert status(xen, guest, name, dom=0, **arguments) is GrantStatus.permission_denied
    assert status(xen, guest, name, dom=4321, **arguments) is GrantStatus.bad_domain


@pytest.mark.parametrize("name", ["setup_table", "query_size", "get_status_frames"])
def test_such_a_call_is_about_one_table(xen, name):
    element = {"dom": SELF, "nr_frames": 0}
    assert xen.ret(0, f"grant_table_op.{name}", ops=[element, element]) == -Errno.EINVAL
    assert xen.ret(0, f"grant_table_op.{name}", ops=[]) == -Errno.EINVAL
    assert xen.ret(0, f"grant_table_op.{name}", ops=[3]) == -Errno.EFAULT
    ret, out = xen.call(0, f"grant_table_op.{name}", ops=[element])
    assert (ret, out["ops"][0]["status"]) == (0, 0)


def test_a_version_1_table_has_no_status_frames(xen):
    assert status(xen, 0, "get_status_frames", dom=SELF, nr_frames=1) is GrantStatus.general_error


@pytest.mark.parametrize(("version", "expected"), [(0, -Errno.EINVAL), (1, 0), (2, -Errno.ENOSYS)])
def test_a_table_has_version_1(xen, version, expected):
    assert xen.ret(0, "grant_table_op.set_version", version=version) == expected
    assert xen.out(0, "grant_table_op.get_version", "version", dom=SELF) == 1


def test_the_version_of_others_is_not_for_guests(xen):
    guest = xen.create()
    assert xen.ret(guest, "grant_table_op.get_version", dom=0) == -Errno.EPERM
    assert xen.ret(guest, "grant_table_op.get_version", dom=4321) == -Errno.ESRCH


def test_a_table_grows_by_a_negative_number_of_frames_no_more_than_by_too_many(xen):
    assert status(xen, 0, "setup_table", dom=SELF, nr_frames=-1) is GrantStatus.general_error


def test_grant_frames_need_memory(xen):
    guest = xen.create(pages=1)
    assert xen.ret(0, "domctl.max_mem", domain=guest, max_memkb=1 << 30) == 0
    assert xen.ret(0, "memory_op.populate_physmap", domid=guest, nr_extents=5000, extent_start=1) > 0
    assert status(xen, guest, "setup_table", dom=SELF, nr_frames=2) is GrantStatus.general_error


def test_entries_are_swapped_whole(xen):
    guest = xen.create(max_grant_frames=2)
    xen.call(guest, "grant_table_op.setup_table", dom=SELF, nr_frames=2)
    xen.entry(guest, 8, 0, 5)
    assert status(xen, guest, "swap_grant_ref", ref_a=8, ref_b=600) is GrantStatus.okay
    words = xen.machine._host.domains.find(guest).grants.words
    assert (list(words[0][16:18]), list(words[1][176:178])) == ([0, 0], [1, 5])
    assert status(xen, guest, "swap_grant_ref", ref_a=600, ref_b=600) is GrantStatus.okay
    assert xen.call(0, "grant_table_op.map_grant_ref", dom=guest, ref=600, flags=2)[1]["status"] == 0
    for refs in ((8, 600), (600, 8)):
        found = status(xen, guest, "swap_grant_ref", ref_a=refs[0], ref_b=refs[1])
        assert found is GrantStatus.eagain
    for refs in ((8, 1024), (-1, 8)):
        found = status(xen, guest, "swap_grant_ref", ref_a=refs[0], ref_b=refs[1])
        assert found is GrantStatus.bad_gntref


def flush(xen, caller, mfn, **change):
    arguments = {"dev_bus_addr": mfn << 12, "offset": 0, "length": 64, "op": 1} | change
    return xen.ret(caller, "grant_table_op.cache_flush", **arguments)


def test_caches_are_flushed_for_frames_of_ones_own_and_granted_ones(xen):
    guest = xen.create()
    mfn = xen.machine._host.domains.find(guest).physmap.mfn(5)
    assert flush(xen, guest, mfn) == 0
    assert flush(xen, 0, mfn) == -Errno.EPERM
    xen.entry(guest, 8, 0, 5)
    xen.call(0, "grant_table_op.map_grant_ref", dom=guest, ref=8, flags=2)
    assert flush(xen, 0, mfn) == 0
    element = {"dev_bus_addr": mfn << 12, "offset": 0, "length": 64, "op": 3}
    assert xen.ret(0, "grant_table_op.cache_flush", ops=[element, element]) == 0
    assert xen.ret(0, "grant_table_op.cache_flush", ops=[element, 3]) == -Errno.EFAULT


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"offset": 4096}, -Errno.EINVAL),
        ({"offset": -1}, -Errno.EINVAL),
        ({"length": 4097}, -Errno.EINVAL),
        ({"length": -1}, -Errno.EINVAL),
        ({"offset": 4000, "length": 97}, -Errno.EINVAL),
        ({"op": 4}, -Errno.EINVAL),
        ({"op": 1 << 31}, -Errno.EINVAL),
        ({"length": 0}, 0),
        ({"op": 0}, 0),
        ({"dev_bus_addr": 1 << 50}, -Errno.EINVAL),
        ({"dev_bus_addr": -1}, -Errno.EINVAL),
        ({"dev_bus_addr": 0}, -Errno.EPERM),
    ],
)
def test_a_flush_is_checked(xen, change, expected):
    assert flush(xen, 0, xen.machine._host.domains.find(0).physmap.mfn(5), **change) == expected
