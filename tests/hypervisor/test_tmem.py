"""tmem_op on Xen 3.4: pools, what they keep, who pays, and what goes when frames are wanted."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from actors.abi.errno import Errno

VERSION = 1 << 24
PERSIST, SHARED = 1, 2
OID = [1, 2, 3]
UUID = [7, 8]
MIB_PAGES = 256


@pytest.fixture
def old(power_on):
    """A host with Xen 3.4; dom0 has 64 pages."""
    return power_on(xen="3.4")


def new_pool(xen, domid, flags=0, **arguments):
    return xen.ret(domid, "tmem_op.new_pool", flags=VERSION | flags, **arguments)


def fill(xen, domid, gfn, byte):
    frame = xen.machine._host.domains.find(domid).physmap.mfn(gfn)
    xen.memory.frame(frame)[:] = bytes([byte]) * 4096


def content(xen, domid, gfn):
    frame = bytes(xen.memory.frame(xen.machine._host.domains.find(domid).physmap.mfn(gfn)))
    assert frame == frame[:1] * 4096
    return frame[0]


def put(xen, domid, pool, index, gfn=0, oid=OID):
    return xen.ret(domid, "tmem_op.put_page", pool_id=pool, oid=oid, index=index, cmfn=gfn)


def get(xen, domid, pool, index, gfn=1, oid=OID):
    return xen.ret(domid, "tmem_op.get_page", pool_id=pool, oid=oid, index=index, cmfn=gfn)


def use_up(xen, leave=0):
    """Leave that many machine frames free, in the hands of a guest that does nothing."""
    hog = xen.create(1, run=False)
    pages = xen.machine._host.frames.free_frames - leave
    assert xen.ret(0, "domctl.max_mem", domain=hog, max_memkb=1 << 30) == 0
    assert xen.ret(0, "memory_op.populate_physmap", domid=hog, nr_extents=pages) == pages
    return hog


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (VERSION, 0),
        (VERSION | PERSIST, 0),
        (VERSION | SHARED, 0),
        (VERSION | PERSIST | SHARED, -Errno.EPERM),
        (0, -Errno.EPERM),
        (2 << 24, -Errno.EPERM),
        (VERSION | 4, -Errno.EPERM),
        (VERSION | 1 << 4, -Errno.EPERM),
        (VERSION | 1 << 8, -Errno.EPERM),
    ],
)
def test_a_pool_is_of_a_kind_that_there_is(old, flags, expected):
    assert old.ret(0, "tmem_op.new_pool", flags=flags) == expected


def test_a_domain_has_sixteen_pools(old):
    assert [new_pool(old, 0) for _ in range(17)] == [*range(16), -Errno.EPERM]
    assert [old.ret(0, "tmem_op.destroy_pool", pool_id=each) for each in (3, 3, 99)] == [1, 0, 0]
    assert new_pool(old, 0) == 3


def test_a_get_from_a_private_ephemeral_pool_takes_the_page_out(old):
    pool = new_pool(old, 0)
    assert get(old, 0, pool, 0) == -Errno.EEMPTY
    fill(old, 0, 0, 0xAA)
    assert put(old, 0, pool, 5) == 1
    fill(old, 0, 0, 0xBB)
    assert get(old, 0, pool, 6) == 0
    assert get(old, 0, pool, 5, oid=[1, 2, 4]) == 0
    assert get(old, 0, pool, 5) == 1
    assert content(old, 0, 1) == 0xAA
    assert get(old, 0, pool, 5) == -Errno.EEMPTY


def test_a_persistent_page_stays_until_it_is_flushed(old):
    pool = new_pool(old, 0, PERSIST)
    old.machine._host.domains.find(0).physmap.max_pages += 4
    fill(old, 0, 0, 1)
    assert put(old, 0, pool, 0) == 1
    fill(old, 0, 0, 2)
    assert [put(old, 0, pool, 0), put(old, 0, pool, 1), put(old, 0, pool, 0, oid=[9, 9, 9])] == [1, 1, 1]
    assert [get(old, 0, pool, 0) for _ in range(2)] == [1, 1]
    assert content(old, 0, 1) == 2
    assert old.ret(0, "tmem_op.flush_page", pool_id=pool, oid=OID, index=0) == 1
    assert get(old, 0, pool, 0) == 0
    assert old.ret(0, "tmem_op.flush_object", pool_id=pool, oid=OID) == 1
    assert [get(old, 0, pool, 1), get(old, 0, pool, 0, oid=[9, 9, 9])] == [0, 1]
    assert old.ret(0, "tmem_op.flush_page", pool_id=pool, oid=OID, index=77) == 1


def test_persistent_pages_count_to_their_domain(old):
    guest = old.create(4)
    assert old.ret(0, "domctl.max_mem", domain=guest, max_memkb=6 * 4) == 0
    pool = new_pool(old, guest, PERSIST)
    assert [put(old, guest, pool, index) for index in range(3)] == [1, 1, -Errno.ENOMEM]
    assert old.call(0, "domctl.getdomaininfo", domain=guest)[1]["tot_pages"] == 6
    assert old.ret(0, "memory_op.populate_physmap", domid=guest, nr_extents=1) == 0
    assert put(old, guest, new_pool(old, guest), 0) == 1
    assert old.ret(guest, "tmem_op.destroy_pool", pool_id=pool) == 1
    assert old.call(0, "domctl.getdomaininfo", domain=guest)[1]["tot_pages"] == 4
    assert old.ret(0, "memory_op.populate_physmap", domid=guest, nr_extents=1) == 1


def test_the_oldest_ephemeral_pages_go_when_a_domain_wants_memory(old):
    pool = new_pool(old, 0)
    use_up(old, leave=9)
    for index in range(8):
        fill(old, 0, 0, index)
        assert put(old, 0, pool, index) == 1
    guest = old.machine._host.domains.listed()[-1].domid
    assert old.ret(0, "memory_op.populate_physmap", domid=guest, nr_extents=4) == 4
    assert [get(old, 0, pool, index) for index in range(8)] == [0, 0, 0, 1, 1, 1, 1, 1]
    assert content(old, 0, 1) == 7


def test_without_memory_an_ephemeral_page_is_not_kept_and_a_persistent_one_refused(old):
    ephemeral, persistent = new_pool(old, 0), new_pool(old, 0, PERSIST)
    old.machine._host.domains.find(0).physmap.max_pages += 4
    use_up(old, leave=1)
    assert put(old, 0, ephemeral, 0) == 1
    assert put(old, 0, persistent, 0) == 1
    assert get(old, 0, ephemeral, 0) == -Errno.EEMPTY
    assert put(old, 0, ephemeral, 0) == 0
    assert put(old, 0, persistent, 1) == -Errno.ENOMEM
    assert put(old, 0, persistent, 0) == 1


@pytest.mark.parametrize("name", ["put_page", "get_page", "flush_page", "flush_object"])
def test_what_makes_no_sense_is_refused(old, name):
    call = f"tmem_op.{name}"
    pool = new_pool(old, 0)
    assert put(old, 0, pool, 0) == 1
    good = {"pool_id": pool, "oid": OID, "index": 0, "cmfn": 0}
    assert old.ret(0, call, **good | {"pool_id": 3}) == -Errno.ENODEV
    assert old.ret(0, call, **good | {"pool_id": -1}) == -Errno.ENODEV
    for bad in ({"oid": [1, 2]}, {"oid": ["x", 1, 2]}, {"oid": 5}, {"pool_id": "x"}):
        assert old.ret(0, call, **good | bad) == -Errno.EFAULT
    if name in {"put_page", "get_page"}:
        assert old.ret(0, call, **good | {"cmfn": 1 << 30}) == -Errno.EFAULT
    assert get(old, 0, pool, 0) == 1


class TestSharing:
    """A pool that several domains use needs dom0's permission."""

    def share(self, xen, *domids):
        for domid in domids:
            assert xen.ret(0, "tmem_op.auth", cli_id=domid, uuid=UUID) == 1
        return [new_pool(xen, domid, SHARED, uuid=UUID) for domid in domids]

    def test_without_permission_a_pool_is_private(self, old):
        one, other = old.create(), old.create()
        pools = [new_pool(old, domid, SHARED, uuid=UUID) for domid in (one, other)]
        assert put(old, one, pools[0], 0) == 1
        assert get(old, other, pools[1], 0) == -Errno.EEMPTY

    def test_a_get_from_a_shared_pool_leaves_the_page_and_makes_it_the_youngest(self, old):
        one, other = old.create(), old.create()
        mine, theirs = self.share(old, one, other)
        assert [put(old, one, mine, index) for index in (0, 1)] == [1, 1]
        assert [get(old, other, theirs, 0), get(old, one, mine, 0)] == [1, 1]
        assert old.ret(0, "tmem_op.control", subop=2, cli_id=0xFFFF, arg1=4) == 4
        assert [get(old, one, mine, index) for index in (0, 1)] == [1, 0]

    def test_it_goes_with_the_last_domain(self, old):
        one, other = old.create(), old.create()
        mine, theirs = self.share(old, one, other)
        assert put(old, one, mine, 0) == 1
        assert old.ret(0, "domctl.destroydomain", domain=one) == 0
        assert get(old, other, theirs, 0) == 1
        before = old.machine._host.frames.free_frames
        assert old.ret(other, "tmem_op.destroy_pool", pool_id=theirs) == 1
        assert old.machine._host.frames.free_frames == before + 1

    def test_a_domain_is_in_it_once_and_permission_can_be_taken(self, old):
        guest = old.create()
        self.share(old, guest)
        assert new_pool(old, guest, SHARED, uuid=UUID) == -Errno.EPERM
        assert old.ret(0, "tmem_op.auth", cli_id=guest, uuid=UUID, arg1=0) == 1
        assert new_pool(old, guest, SHARED, uuid=UUID) == 1

    def test_a_domain_may_share_so_many(self, old):
        guest = old.create()
        auths = [old.ret(0, "tmem_op.auth", cli_id=guest, uuid=[0, each]) for each in range(17)]
        assert auths == [1] * 16 + [-Errno.ENOMEM]


def test_a_frozen_domain_gets_and_replaces_and_that_is_all(old):
    guest = old.create()
    pool = new_pool(old, guest)
    assert [put(old, guest, pool, index) for index in (0, 1)] == [1, 1]
    assert old.ret(0, "tmem_op.control", subop=1, cli_id=guest) == 0
    assert put(old, guest, pool, 0) == 1
    assert put(old, guest, pool, 2) == -Errno.EFROZEN
    assert old.ret(guest, "tmem_op.flush_page", pool_id=pool, oid=OID, index=1) == -Errno.EFROZEN
    assert old.ret(guest, "tmem_op.flush_object", pool_id=pool, oid=[0, 0, 0]) == -Errno.EFROZEN
    assert get(old, guest, pool, 1) == 0
    assert get(old, guest, pool, 0) == 1
    assert old.ret(0, "tmem_op.control", subop=0, cli_id=0xFFFF) == 0
    assert put(old, guest, pool, 2) == 1


def test_control_is_for_dom0(old):
    guest = old.create()
    assert old.ret(guest, "tmem_op.control", subop=8) == -Errno.EPERM
    assert old.ret(guest, "tmem_op.auth", cli_id=guest, uuid=UUID) == -Errno.EPERM
    assert old.ret(0, "tmem_op.auth", cli_id=99, uuid=UUID) == -Errno.ESRCH
    for domid in (guest, 99):
        assert old.ret(0, "tmem_op.control", subop=1, cli_id=domid) == -Errno.EPERM
    assert old.ret(0, "tmem_op.control", subop=77) == -Errno.EPERM
    pool = new_pool(old, guest)
    assert [put(old, guest, pool, index) for index in range(MIB_PAGES)] == [1] * MIB_PAGES
    assert old.ret(0, "tmem_op.control", subop=8) == 1


def test_a_later_xen_has_none_of_it(xen):
    for command in range(12):
        assert xen.raw(0, 38, command, {"flags": VERSION}).ret == -Errno.ENOSYS


DOMAINS = st.integers(0, 2)
POOLS = st.integers(0, 2)
INDEXES = st.integers(0, 3)


@pytest.fixture
def machine(power_on):
    class Pools(RuleBasedStateMachine):
        """`pools[who][number]` is (persistent, {index: byte}); memory is never short."""

        def __init__(self):
            super().__init__()
            self.xen = power_on(xen="3.4")
            self.domids = [self.xen.create(2) for _ in range(3)]
            self.pools = [{} for _ in range(3)]
            for domid in self.domids:
                self.xen.ret(0, "domctl.max_mem", domain=domid, max_memkb=5 * 4)

        @rule(who=DOMAINS, persistent=st.booleans())
        def create(self, who, persistent):
            if len(self.pools[who]) < 3:
                number = next(each for each in range(3) if each not in self.pools[who])
                assert new_pool(self.xen, self.domids[who], PERSIST if persistent else 0) == number
                self.pools[who][number] = (persistent, {})

        @rule(who=DOMAINS, pool=POOLS)
        def destroy(self, who, pool):
            ret = self.xen.ret(self.domids[who], "tmem_op.destroy_pool", pool_id=pool)
            assert ret == (self.pools[who].pop(pool, None) is not None)

        @rule(who=DOMAINS, pool=POOLS, index=INDEXES, byte=st.integers(0, 255))
        def put(self, who, pool, index, byte):
            fill(self.xen, self.domids[who], 0, byte)
            ret = put(self.xen, self.domids[who], pool, index)
            if pool not in self.pools[who]:
                assert ret == -Errno.ENODEV
                return
            persistent, pages = self.pools[who][pool]
            kept = sum(len(pages) for persistent, pages in self.pools[who].values() if persistent)
            if persistent and index not in pages and kept == 3:
                assert ret == -Errno.ENOMEM
                return
            assert ret == 1
            pages[index] = byte

        @rule(who=DOMAINS, pool=POOLS, index=INDEXES)
        def get(self, who, pool, index):
            ret = get(self.xen, self.domids[who], pool, index)
            persistent, pages = self.pools[who].get(pool, (None, None))
            if pages is None:
                assert ret == -Errno.ENODEV
            elif not pages:
                assert ret == -Errno.EEMPTY
            else:
                assert ret == (index in pages)
                if ret:
                    assert content(self.xen, self.domids[who], 1) == pages[index]
                    if not persistent:
                        del pages[index]

        @rule(who=DOMAINS, pool=POOLS)
        def flush(self, who, pool):
            ret = self.xen.ret(self.domids[who], "tmem_op.flush_object", pool_id=pool, oid=OID)
            assert ret == (1 if pool in self.pools[who] else -Errno.ENODEV)
            if ret == 1:
                self.pools[who][pool][1].clear()

        @rule(count=st.integers(0, 4))
        def want_memory(self, count):
            assert self.xen.ret(0, "tmem_op.control", subop=2, cli_id=0xFFFF, arg1=count * 4) >= 0
            kept = self.xen.machine._host.tmem
            for who, domid in enumerate(self.domids):
                client = kept.known(self.xen.machine._host.domains.find(domid).physmap)
                for number, (persistent, pages) in self.pools[who].items():
                    left = {index for _, index in client.pools[number].pages}
                    assert left == pages.keys() if persistent else left <= pages.keys()
                    self.pools[who][number] = (persistent, {each: pages[each] for each in left})

        @rule(who=DOMAINS)
        def die(self, who):
            self.xen.crash(self.domids[who])
            assert self.xen.ret(0, "domctl.destroydomain", domain=self.domids[who]) == 0
            self.domids[who] = self.xen.create(2)
            self.xen.ret(0, "domctl.max_mem", domain=self.domids[who], max_memkb=5 * 4)
            self.pools[who] = {}

        @invariant()
        def frames_are_those_of_the_model(self):
            pages = sum(len(pages) for pools in self.pools for _, pages in pools.values())
            assert len(list(self.xen.machine._host.tmem.owned())) == pages

    return Pools


def test_pools_behave_as_the_naive_model_does(machine):
    run_state_machine_as_test(
        machine, settings=settings(max_examples=25, stateful_step_count=40, deadline=None)
    )
