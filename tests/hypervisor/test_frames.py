"""Memory: extents of frames, reservations, foreign frames."""

import pytest

from actors.abi.errno import Errno, XenError
from actors.hypervisor.frames import FrameTable
from actors.hypervisor.physmap import Physmap
from actors.runtime.memory import SparseMemory

SELF = 0x7FF0


def test_frames_come_in_one_piece_where_there_is_one():
    frames, owner = FrameTable(SparseMemory(64), 64, 4), Physmap(1, 99)
    first = frames.allocate(20)
    second = frames.allocate(20)
    assert (first, second) == ([(4, 20)], [(24, 20)])
    frames.release(first, owner)
    assert frames.allocate(20) == [(4, 20)]
    frames.release([(4, 20)], owner)
    assert frames.allocate(30) == [(4, 20), (44, 10)]
    frames.check([(4, 20), (24, 20), (44, 10)])
    with pytest.raises(XenError, match="ENOMEM"):
        frames.allocate(11)


def test_a_freed_frame_reads_as_zero():
    memory = SparseMemory(16)
    frames, owner = FrameTable(memory, 16, 1), Physmap(1, 99)
    ((mfn, _),) = frames.allocate(1)
    memory.frame(mfn)[0] = 7
    frames.release([(mfn, 1)], owner)
    assert memory.frame(mfn)[0] == 0


def test_a_frame_with_references_is_freed_with_the_last_of_them():
    frames, owner = FrameTable(SparseMemory(16), 16, 1), Physmap(1, 99)
    frames.allocate(8)
    for _ in range(2):
        frames.get(4)
    frames.release([(1, 8)], owner)
    assert (frames.free_frames, owner.lingering) == (14, 1)
    frames.check([])
    frames.put(4)
    assert owner.lingering == 1
    frames.put(4)
    assert (frames.free_frames, owner.lingering) == (15, 0)
    frames.check([])


def test_a_hole_in_the_middle_of_a_domain_is_found_again():
    physmap = Physmap(1, 99)
    physmap.add(0, 100, 10)
    assert physmap.remove(4) == 104
    assert [physmap.mfn(gfn) for gfn in (3, 4, 5, 10)] == [103, None, 105, None]
    assert physmap.is_free(4, 1)
    assert not physmap.is_free(4, 2)
    assert physmap.extents() == [(0, 100, 4), (5, 105, 5)]
    with pytest.raises(XenError):
        physmap.remove(4)


def test_a_domain_is_populated_up_to_its_limit(xen):
    guest = xen.create(pages=16)
    assert xen.ret(0, "domctl.max_mem", domain=guest, max_memkb=20 * 4) == 0
    ret, out = xen.call(0, "memory_op.populate_physmap", domid=guest, nr_extents=8)
    assert (ret, [(gfn, count) for gfn, _, count in out["mfns"]]) == (4, [(16, 4)])
    assert xen.ret(0, "memory_op.current_reservation", domid=guest) == 20


def test_extents_can_be_put_where_they_are_wanted(xen):
    guest = xen.create(pages=4)
    assert xen.ret(0, "domctl.max_mem", domain=guest, max_memkb=4000) == 0
    ret, out = xen.call(guest, "memory_op.populate_physmap", domid=SELF, extent_start=[100, 101, 300, 2, 400])
    assert (ret, [(gfn, count) for gfn, _, count in out["mfns"]]) == (3, [(100, 2), (300, 1)])
    ret, out = xen.call(
        guest, "memory_op.populate_physmap", domid=SELF, extent_start=512, nr_extents=2, extent_order=3
    )
    assert (ret, [(gfn, count) for gfn, _, count in out["mfns"]]) == (2, [(512, 16)])
    assert xen.ret(guest, "memory_op.decrease_reservation", domid=SELF, extent_start=[100, 300, 301]) == 2
    assert xen.ret(guest, "memory_op.current_reservation", domid=SELF) == 4 + 3 + 16 - 2


def test_counts_are_returned_where_other_calls_return_errors(xen):
    guest = xen.create()
    for caller, domid in ((guest, 0), (0, 77)):
        assert xen.ret(caller, "memory_op.populate_physmap", domid=domid, nr_extents=1) == 0
        assert xen.ret(caller, "memory_op.decrease_reservation", domid=domid, extent_start=[1]) == 0
    assert xen.ret(guest, "memory_op.current_reservation", domid=0) == -Errno.EPERM


def test_a_foreign_frame_is_held_until_it_is_removed(xen):
    guest = xen.create()
    where = {"domid": SELF, "space": 4, "foreign_domid": guest, "idx": 3, "gpfn": 1 << 20}
    mfn = xen.out(0, "memory_op.add_to_physmap", "mfn", **where)
    assert mfn == xen.machine._host.domains.find(guest).physmap.mfn(3)
    assert xen.ret(0, "memory_op.add_to_physmap", **where) == -Errno.EEXIST
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert xen.machine.statistics().frames_lingering == 1
    assert xen.ret(0, "memory_op.remove_from_physmap", domid=SELF, gpfn=1 << 20) == 0
    assert xen.machine.statistics().frames_lingering == 0
    assert xen.ret(0, "memory_op.remove_from_physmap", domid=SELF, gpfn=1 << 20) == -Errno.EINVAL
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == -Errno.ESRCH


def test_foreign_frames_are_for_the_control_domain_and_must_exist(xen):
    guest, other = xen.create(), xen.create()
    where = {"domid": SELF, "space": 4, "foreign_domid": other, "idx": 3, "gpfn": 1 << 20}
    assert xen.ret(guest, "memory_op.add_to_physmap", **where) == -Errno.EPERM
    assert xen.ret(0, "memory_op.add_to_physmap", **(where | {"foreign_domid": 77})) == -Errno.ESRCH
    assert xen.ret(0, "memory_op.add_to_physmap", **(where | {"idx": 99})) == -Errno.EINVAL
    assert xen.ret(0, "memory_op.add_to_physmap", **(where | {"space": 9})) == -Errno.EINVAL


def test_a_domain_can_see_its_own_grant_frames(xen):
    guest = xen.create()
    where = {"domid": SELF, "space": 1, "idx": 0, "gpfn": 1 << 20}
    assert xen.ret(guest, "memory_op.add_to_physmap", **where) == 0
    assert xen.ret(guest, "memory_op.add_to_physmap", **(where | {"idx": 1})) == -Errno.EINVAL
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == -Errno.ESRCH


def test_a_hundred_large_domains_are_a_few_records(power_on):
    bench = power_on()
    frames = FrameTable(SparseMemory(1 << 23), 1 << 23, 16)
    bench.machine._host.frames = frames
    owners = []
    for domid in range(100):
        physmap = Physmap(domid, 65536)
        for mfn, count in frames.allocate(65536):
            physmap.add(physmap.end(), mfn, count)
        owners.append(physmap)
    assert sum(len(each.extents()) for each in owners) == 100
    for physmap in owners[::2]:
        frames.release(physmap.clear(), physmap)
    frames.check([(mfn, count) for each in owners for _, mfn, count in each.extents()])
