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


def add_foreign(xen, caller, domid, gfn, gpfn, to=SELF, space=4):
    """XENMEM_add_to_physmap_batch of one frame: (ret or the frame's error, mfn)."""
    ret, out = xen.call(
        caller,
        "memory_op.add_to_physmap_batch",
        domid=to,
        space=space,
        foreign_domid=domid,
        idxs=[gfn],
        gpfns=[gpfn],
    )
    return (ret, None) if ret else (out["errs"][0], out["mfns"][0])


def test_a_foreign_frame_is_held_until_it_is_removed(xen):
    guest = xen.create()
    mfn = xen.machine._host.domains.find(guest).physmap.mfn(3)
    assert add_foreign(xen, 0, guest, 3, 1 << 20) == (0, mfn)
    assert add_foreign(xen, 0, guest, 3, 1 << 20) == (0, mfn)
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert xen.machine.statistics().frames_lingering == 1
    assert xen.ret(0, "memory_op.remove_from_physmap", domid=SELF, gpfn=1 << 20) == 0
    assert xen.machine.statistics().frames_lingering == 0
    assert xen.ret(0, "memory_op.remove_from_physmap", domid=SELF, gpfn=1 << 20) == -Errno.ENOENT
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == -Errno.ESRCH


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"caller": "guest"}, Errno.EPERM),
        ({"to": 77}, Errno.ESRCH),
        ({"to": "guest"}, Errno.EPERM),
        ({"domid": 77}, Errno.ESRCH),
        ({"domid": 0}, Errno.EINVAL),
        ({"gfn": 99}, Errno.EINVAL),
        ({"gpfn": -1}, Errno.EINVAL),
        ({"gpfn": (1 << 64) - 1}, Errno.EINVAL),
        ({"space": 9}, Errno.EINVAL),
        ({"space": 3}, Errno.EOPNOTSUPP),
        ({"space": 5}, Errno.EINVAL),
        ({"space": 5, "to": "guest"}, Errno.EACCES),
    ],
)
def test_foreign_frames_are_for_the_control_domain_and_must_exist(xen, change, expected):
    guest, other = xen.create(), xen.create()
    given = {"caller": 0, "domid": other, "gfn": 3, "gpfn": 1 << 20} | change
    given = {name: guest if value == "guest" else value for name, value in given.items()}
    assert add_foreign(xen, **given)[0] == -expected
    assert xen.machine.statistics().foreign_frames == 0


def test_a_foreign_frame_takes_the_place_of_what_was_there(xen):
    guest = xen.create()
    physmap = xen.machine._host.domains.find(0).physmap
    before = physmap.pages
    assert add_foreign(xen, 0, guest, 3, 60)[0] == 0
    assert (physmap.pages, physmap.mfn(60)) == (before - 1, None)
    assert add_foreign(xen, 0, guest, 4, 60)[0] == 0
    assert xen.machine.statistics().foreign_frames == 1


def test_frames_of_others_do_not_go_by_the_single_call(xen):
    guest = xen.create()
    where = {"domid": SELF, "space": 4, "idx": 3, "gpfn": 1 << 20, "foreign_domid": guest}
    assert xen.ret(0, "memory_op.add_to_physmap", **where) == -Errno.ENOSYS
    batch = {"domid": SELF, "space": 4, "foreign_domid": guest, "idxs": [1, 2], "gpfns": [100]}
    assert xen.ret(0, "memory_op.add_to_physmap_batch", **batch) == -Errno.EFAULT
    assert xen.ret(0, "memory_op.add_to_physmap_batch", **(batch | {"idxs": ["x"]})) == -Errno.EFAULT
    ret, out = xen.call(
        0, "memory_op.add_to_physmap_batch", **(batch | {"idxs": [1, 99, 2], "gpfns": [100, 101, 102]})
    )
    assert (ret, out["errs"]) == (0, [0, -Errno.EINVAL, 0])


def test_a_domain_can_see_its_own_grant_frames_and_its_shared_info(xen):
    guest = xen.create(max_grant_frames=2)
    where = {"domid": SELF, "space": 1, "idx": 0, "gpfn": 1 << 20}
    first = xen.out(guest, "memory_op.add_to_physmap", "mfn", **where)
    assert xen.out(guest, "memory_op.add_to_physmap", "mfn", **(where | {"gpfn": 1 << 21})) == first
    assert list(xen.machine._host.domains.find(guest).physmap.foreign) == [1 << 21]
    assert xen.ret(guest, "memory_op.add_to_physmap", **(where | {"idx": 1})) == 0
    assert xen.ret(guest, "memory_op.add_to_physmap", **(where | {"idx": 2})) == -Errno.EINVAL
    shared = xen.out(guest, "memory_op.add_to_physmap", "mfn", **(where | {"space": 0, "gpfn": 300}))
    assert shared == xen.out(guest, "memory_op.add_to_physmap", "mfn", **(where | {"space": 0, "gpfn": 301}))
    assert xen.ret(guest, "memory_op.add_to_physmap", **(where | {"space": 0, "idx": 1})) == -Errno.EINVAL
    free = xen.machine.statistics().frames_free
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert xen.machine.statistics().frames_free == free + 16 + 2 + 1
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == -Errno.ESRCH


def test_a_grant_frame_that_needs_memory_where_there_is_none_is_not_shown(xen):
    guest = xen.create(pages=1)
    assert xen.ret(0, "domctl.max_mem", domain=guest, max_memkb=1 << 30) == 0
    assert xen.ret(0, "memory_op.populate_physmap", domid=guest, nr_extents=5000, extent_start=1) > 0
    where = {"domid": SELF, "space": 1, "idx": 1, "gpfn": 1 << 20}
    assert xen.ret(guest, "memory_op.add_to_physmap", **where) == -Errno.EINVAL
    assert xen.ret(guest, "memory_op.add_to_physmap", **(where | {"space": 0, "idx": 0})) == -Errno.ENOMEM
    assert xen.ret(guest, "memory_op.add_to_physmap", **(where | {"gpfn": -1})) == -Errno.EINVAL


def test_a_frame_can_be_moved_to_another_gfn(xen):
    guest = xen.create()
    physmap = xen.machine._host.domains.find(guest).physmap
    mfn = physmap.mfn(3)
    where = {"domid": SELF, "space": 2, "idx": 3, "gpfn": 5}
    assert xen.out(guest, "memory_op.add_to_physmap", "mfn", **where) == mfn
    assert (physmap.mfn(3), physmap.mfn(5), physmap.pages) == (None, mfn, 15)
    assert xen.ret(guest, "memory_op.add_to_physmap", **where) == -Errno.EINVAL
    assert xen.ret(guest, "memory_op.add_to_physmap", **(where | {"idx": 5})) == 0
    ranged = {"domid": SELF, "space": 3, "idx": 6, "gpfn": 106, "size": 4}
    assert xen.ret(guest, "memory_op.add_to_physmap", **ranged) == 0
    assert physmap.ranges() == [(0, 3), (4, 2), (10, 6), (106, 4)]
    assert (
        xen.ret(guest, "memory_op.add_to_physmap", **(ranged | {"gpfn": (1 << 40) - 1})) == -Errno.EOVERFLOW
    )


def test_a_frame_of_its_own_that_is_removed_stays_the_domains(xen):
    guest = xen.create()
    assert xen.ret(guest, "memory_op.remove_from_physmap", domid=SELF, gpfn=3) == 0
    assert xen.ret(guest, "memory_op.remove_from_physmap", domid=SELF, gpfn=3) == -Errno.ENOENT
    assert xen.ret(guest, "memory_op.remove_from_physmap", domid=0, gpfn=3) == -Errno.EPERM
    assert xen.ret(guest, "memory_op.current_reservation", domid=SELF) == 16
    free = xen.machine.statistics().frames_free
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert xen.machine.statistics().frames_free == free + 17


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
