"""A domain's memory grows, shrinks, is exchanged and claimed; counts, orders, flags and rights."""

import pytest

from actors.abi.errno import Errno

SELF = 0x7FF0


@pytest.fixture
def guest(xen):
    """A domain of 16 pages that may have 4096."""
    domid = xen.create()
    assert xen.ret(0, "domctl.max_mem", domain=domid, max_memkb=4096 * 4) == 0
    return domid


def pages(xen, domid):
    return xen.ret(0, "memory_op.current_reservation", domid=domid)


def physmap(xen, domid):
    return xen.machine._host.domains.find(domid).physmap


@pytest.mark.parametrize("call", ["increase_reservation", "populate_physmap", "decrease_reservation"])
@pytest.mark.parametrize(
    ("caller", "arguments"),
    [
        ("guest", {"domid": 0}),
        ("guest", {"domid": 4321}),
        ("guest", {"domid": SELF, "extent_order": 10}),
        ("guest", {"domid": SELF, "mem_flags": 12}),
        ("guest", {"domid": SELF, "mem_flags": 2 << 8 | 1 << 17}),
        ("guest", {"domid": SELF, "nr_extents": 0}),
        ("guest", {"domid": SELF, "nr_extents": 1 << 30}),
        ("dom0", {"domid": "guest", "extent_order": 19}),
        ("dom0", {"domid": "guest", "mem_flags": 66 << 8}),
        ("dom0", {"domid": 0x7FF1}),
    ],
)
def test_what_may_not_be_is_no_extent_done(xen, guest, call, caller, arguments):
    given = {"nr_extents": 1, "extent_start": 0} | arguments
    given = {name: guest if value == "guest" else value for name, value in given.items()}
    assert xen.ret(guest if caller == "guest" else 0, f"memory_op.{call}", **given) == 0
    assert pages(xen, guest) == 16


@pytest.mark.parametrize(
    "arguments",
    [{"nr_extents": -1}, {"nr_extents": 1, "extent_order": -1}, {"extent_start": [-1]}, {"extent_start": 5}],
)
def test_a_structure_that_is_none_is_a_fault(xen, guest, arguments):
    assert xen.ret(guest, "memory_op.populate_physmap", domid=SELF, **arguments) == -Errno.EFAULT


@pytest.mark.parametrize("flags", [0, 13, 64, 1 << 8, 64 << 8, 1 << 18])
def test_flags_that_can_be_are_taken(xen, guest, flags):
    given = {"domid": guest, "nr_extents": 1, "extent_start": 100, "mem_flags": flags}
    assert xen.ret(0, "memory_op.populate_physmap", **given) == 1


def test_populating_on_demand_puts_nothing_there_and_is_not_for_oneself(xen, guest):
    given = {"domid": guest, "nr_extents": 3, "extent_start": 100, "mem_flags": 1 << 16}
    assert xen.ret(0, "memory_op.populate_physmap", **given) == 3
    assert xen.ret(guest, "memory_op.populate_physmap", **given) == 0
    assert pages(xen, guest) == 16


def test_extents_before_one_that_is_in_use_are_done(xen, guest):
    assert xen.ret(guest, "memory_op.populate_physmap", domid=SELF, nr_extents=1, extent_start=107) == 1
    assert xen.ret(guest, "memory_op.populate_physmap", domid=SELF, nr_extents=20, extent_start=100) == 7
    assert xen.ret(guest, "memory_op.populate_physmap", domid=SELF, nr_extents=1, extent_start=107) == 0
    assert pages(xen, guest) == 24


def test_an_increase_goes_behind_everything_that_shows(xen, guest):
    where = {"domid": SELF, "space": 1, "idx": 0, "gpfn": 200}
    assert xen.ret(guest, "memory_op.add_to_physmap", **where) == 0
    ret, out = xen.call(guest, "memory_op.increase_reservation", domid=SELF, nr_extents=2, extent_order=2)
    assert (ret, [(gfn, count) for gfn, _, count in out["mfns"]]) == (2, [(201, 8)])
    assert xen.ret(guest, "memory_op.maximum_gpfn", domid=SELF) == 208
    assert xen.ret(0, "memory_op.maximum_ram_page") == 4096


def test_a_decrease_of_larger_extents_stops_in_a_hole(xen, guest):
    assert xen.ret(guest, "memory_op.decrease_reservation", domid=SELF, extent_start=[6]) == 1
    found = xen.ret(
        guest, "memory_op.decrease_reservation", domid=SELF, extent_start=[0, 4, 8], extent_order=2
    )
    assert (found, pages(xen, guest)) == (1, 16 - 1 - 4 - 2)
    assert xen.ret(guest, "memory_op.decrease_reservation", domid=SELF, nr_extents=1) == 0
    assert xen.ret(guest, "memory_op.decrease_reservation", domid=SELF, nr_extents=2, extent_start=8) == 2


def test_a_decrease_lets_a_frame_of_xen_go_and_keeps_one_that_others_use(xen, guest):
    assert xen.ret(guest, "memory_op.add_to_physmap", domid=SELF, space=1, idx=0, gpfn=200) == 0
    assert xen.ret(guest, "memory_op.decrease_reservation", domid=SELF, extent_start=[200]) == 1
    xen.entry(guest, 8, 0, 5)
    _, out = xen.call(0, "grant_table_op.map_grant_ref", dom=guest, ref=8, flags=2)
    assert xen.ret(guest, "memory_op.decrease_reservation", domid=SELF, extent_start=[5]) == 1
    assert xen.machine.statistics().frames_lingering == 1
    xen.call(0, "grant_table_op.unmap_grant_ref", handle=out["handle"])
    assert xen.machine.statistics().frames_lingering == 0


def test_memory_that_is_not_there_is_a_short_count(power_on):
    bench = power_on()
    guest = bench.create(pages=4)
    assert bench.ret(0, "domctl.max_mem", domain=guest, max_memkb=1 << 30) == 0
    free = bench.machine.statistics().frames_free
    found = bench.ret(0, "memory_op.populate_physmap", domid=guest, nr_extents=5000, extent_start=1000)
    assert (found, bench.machine.statistics().frames_free) == (free, 0)


def lists(given, taken, **more):
    """The two lists of an exchange as (order, gfns)."""
    names = {"in": given, "out": taken}
    return {
        name: {"domid": SELF, "extent_order": order, "nr_extents": len(gfns), "extent_start": gfns, **more}
        for name, (order, gfns) in names.items()
    }


def test_frames_are_exchanged_for_fresh_ones(xen, guest):
    old = {gfn: physmap(xen, guest).mfn(gfn) for gfn in range(4)}
    xen.memory.frame(old[0])[:3] = b"old"
    ret, out = xen.call(guest, "memory_op.exchange", **lists((0, [0, 1, 2, 3]), (2, [100])))
    assert (ret, out["nr_exchanged"], pages(xen, guest)) == (0, 4, 16)
    assert [physmap(xen, guest).mfn(gfn) for gfn in range(4)] == [None] * 4
    assert bytes(xen.memory.frame(physmap(xen, guest).mfn(100))[:3]) == bytes(3)
    ret, out = xen.call(guest, "memory_op.exchange", **lists((2, [100]), (0, [100, 101, 2, 3])))
    assert (ret, out["nr_exchanged"], pages(xen, guest)) == (0, 1, 16)


def test_an_exchange_that_fails_half_way_says_how_far_it_came(xen, guest):
    xen.entry(guest, 8, 0, 5)
    _, out = xen.call(0, "grant_table_op.map_grant_ref", dom=guest, ref=8, flags=2)
    arguments = lists((0, [3, 4, 5, 6]), (0, [103, 104, 105, 106]))
    ret, told = xen.call(guest, "memory_op.exchange", **arguments)
    assert (ret, told["nr_exchanged"]) == (-Errno.EINVAL, 2)
    assert [physmap(xen, guest).mfn(gfn) is None for gfn in (3, 4, 5, 6)] == [True, True, False, False]
    xen.call(0, "grant_table_op.unmap_grant_ref", handle=out["handle"])
    ret, told = xen.call(guest, "memory_op.exchange", nr_exchanged=2, **arguments)
    assert (ret, told["nr_exchanged"]) == (0, 4)
    assert xen.call(guest, "memory_op.exchange", nr_exchanged=4, **arguments) == (0, {"nr_exchanged": 4})


@pytest.mark.parametrize(
    ("given", "taken", "more", "expected"),
    [
        ((10, [0]), (10, [0]), {}, Errno.EPERM),
        ((0, [0]), (0, [0, 1]), {}, Errno.EINVAL),
        ((0, [0]), (0, [100]), {"nr_exchanged": 2}, Errno.EINVAL),
        ((0, [0]), (0, [100]), {"mem_flags": 2 << 8 | 1 << 17}, Errno.EINVAL),
        ((0, [0]), (0, [100]), {"domid": 4321}, Errno.ESRCH),
        ((0, [0]), (0, [100]), {"domid": 0}, Errno.EPERM),
        ((0, [99]), (0, [100]), {}, Errno.EINVAL),
        ((0, [1, 2]), (1, [3]), {}, Errno.EINVAL),
        ((1, [0]), (0, [100, 100]), {}, Errno.EINVAL),
        ((0, [0]), (0, [100]), {"extent_start": 5}, Errno.EFAULT),
        ((0, [0]), (0, [100]), {"nr_extents": 2}, Errno.EFAULT),
        ((9, [0] * 300), (9, [1024] * 300), {}, Errno.EINVAL),
    ],
)
def test_an_exchange_that_may_not_be_changes_nothing(xen, guest, given, taken, more, expected):
    before = physmap(xen, guest).extents()
    exchanged = {"nr_exchanged": more.pop("nr_exchanged")} if "nr_exchanged" in more else {}
    ret, _ = xen.call(guest, "memory_op.exchange", **lists(given, taken, **more), **exchanged)
    assert ret == -expected
    assert physmap(xen, guest).extents() == before


def test_an_exchange_needs_the_fresh_frames_before_the_old_ones_go(xen, guest):
    other = xen.create(pages=1)
    assert xen.ret(0, "domctl.max_mem", domain=other, max_memkb=1 << 30) == 0
    assert xen.ret(0, "memory_op.populate_physmap", domid=other, nr_extents=5000, extent_start=1) > 0
    ret, out = xen.call(guest, "memory_op.exchange", **lists((0, [0]), (0, [100])))
    assert (ret, out["nr_exchanged"]) == (-Errno.ENOMEM, 0)


def test_what_is_claimed_is_there_for_its_domain_and_for_nobody_else(xen, guest):
    other = xen.create(pages=4)
    for domid in (guest, other):
        assert xen.ret(0, "domctl.max_mem", domain=domid, max_memkb=1 << 30) == 0
    free = xen.machine.statistics().frames_free
    assert xen.ret(0, "memory_op.claim_pages", domid=guest, nr_extents=16 + free - 10) == 0
    assert xen.call(0, "domctl.getdomaininfo", domain=guest)[1]["outstanding_pages"] == free - 10
    assert xen.ret(0, "memory_op.populate_physmap", domid=other, nr_extents=11, extent_start=99) == 10
    assert xen.ret(0, "memory_op.populate_physmap", domid=guest, nr_extents=5, extent_start=99) == 5
    assert xen.call(0, "domctl.getdomaininfo", domain=guest)[1]["outstanding_pages"] == free - 15
    assert xen.ret(0, "memory_op.claim_pages", domid=guest, nr_extents=free) == -Errno.EINVAL
    assert xen.ret(0, "memory_op.claim_pages", domid=guest, nr_extents=0) == 0
    assert xen.ret(0, "memory_op.populate_physmap", domid=other, nr_extents=1, extent_start=199) == 1
    assert xen.ret(0, "memory_op.claim_pages", domid=guest, nr_extents=free + 6) == -Errno.ENOMEM


@pytest.mark.parametrize(
    ("caller", "arguments", "expected"),
    [
        (0, {"domid": 4321}, Errno.EINVAL),
        (0, {"domid": SELF}, Errno.EINVAL),
        ("guest", {}, Errno.EPERM),
        (0, {"nr_extents": 16}, Errno.EINVAL),
        (0, {"nr_extents": 5000}, Errno.EINVAL),
        (0, {"nr_extents": -1}, Errno.EINVAL),
        (0, {"extent_order": 1}, Errno.EINVAL),
        (0, {"mem_flags": 1}, Errno.EINVAL),
        (0, {"extent_start": 1}, Errno.EINVAL),
    ],
)
def test_a_claim_is_checked(xen, guest, caller, arguments, expected):
    given = {"domid": guest, "nr_extents": 20} | arguments
    assert xen.ret(guest if caller == "guest" else 0, "memory_op.claim_pages", **given) == -expected
    assert xen.machine._host.frames.outstanding == 0


def test_a_claim_goes_with_its_domain(xen, guest):
    assert xen.ret(0, "memory_op.claim_pages", domid=guest, nr_extents=100) == 0
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert xen.machine._host.frames.outstanding == 0


def test_a_dying_domain_exchanges_nothing(xen, guest):
    xen.auto = False
    xen.raw(0, 36, 2, {"domain": guest})
    ret, out = xen.call(0, "memory_op.exchange", **lists((0, [0]), (0, [100]), domid=guest))
    assert (ret, out["nr_exchanged"]) == (-Errno.EINVAL, 0)


def test_a_domain_is_told_where_its_memory_is(xen, guest):
    assert xen.ret(guest, "memory_op.populate_physmap", domid=SELF, nr_extents=4, extent_start=32) == 4
    assert xen.ret(guest, "memory_op.decrease_reservation", domid=SELF, extent_start=[3]) == 1
    ret, out = xen.call(guest, "memory_op.memory_map", nr_entries=9)
    assert (ret, out["nr_entries"]) == (0, 3)
    assert out["buffer"] == [[0, 3 << 12, 1], [4 << 12, 12 << 12, 1], [32 << 12, 4 << 12, 1]]
    assert xen.call(guest, "memory_op.memory_map", nr_entries=1)[1]["nr_entries"] == 1


def test_a_domain_without_memory_has_no_gfn_above_0(xen):
    domid = xen.out(
        0, "domctl.createdomain", "domain", max_vcpus=1, max_evtchn_port=9, max_grant_frames=1,
        max_maptrack_frames=1,
    )  # fmt: skip
    assert xen.ret(0, "memory_op.maximum_gpfn", domid=domid) == 0
