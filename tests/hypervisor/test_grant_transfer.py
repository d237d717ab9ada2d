"""Frames that change their owner by a grant, and what becomes of them where they are not wanted."""

import pytest

from actors.abi.interface import GrantStatus

ACCEPT, COMMITTED, COMPLETED = 2, 4, 8


@pytest.fixture
def receiver(xen):
    """A domain with room for one frame, whose entry 8 accepts one from dom0 at gfn 40."""
    domid = xen.create()
    assert xen.ret(0, "domctl.max_mem", domain=domid, max_memkb=17 * 4) == 0
    xen.entry(domid, 8, 0, 40, flags=ACCEPT)
    return domid


def transfer(xen, caller, gfn, domid, ref=8):
    ret, out = xen.call(caller, "grant_table_op.transfer", mfn=gfn, domid=domid, ref=ref)
    assert ret == 0
    return GrantStatus(out["status"])


def physmap(xen, domid):
    return xen.machine._host.domains.find(domid).physmap


def flags(xen, domid, ref=8):
    return xen.table(domid)[ref * 2] & 0xFFFF


def test_a_frame_goes_over_with_what_is_in_it(xen, receiver):
    mfn, pages = physmap(xen, 0).mfn(33), physmap(xen, 0).pages
    xen.memory.frame(mfn)[:4] = b"gift"
    assert transfer(xen, 0, 33, receiver) is GrantStatus.okay
    assert (physmap(xen, 0).pages, physmap(xen, 0).mfn(33)) == (pages - 1, None)
    assert (physmap(xen, receiver).pages, physmap(xen, receiver).mfn(40)) == (17, mfn)
    assert bytes(xen.memory.frame(mfn)[:4]) == b"gift"
    assert flags(xen, receiver) == ACCEPT | COMMITTED | COMPLETED
    assert transfer(xen, 0, 34, receiver) is GrantStatus.general_error


def test_a_frame_that_arrives_where_something_is_shows_nowhere(xen, receiver):
    xen.entry(receiver, 8, 0, 3, flags=ACCEPT)
    before = physmap(xen, receiver).mfn(3)
    assert transfer(xen, 0, 33, receiver) is GrantStatus.okay
    assert (physmap(xen, receiver).mfn(3), physmap(xen, receiver).pages) == (before, 17)
    free = xen.machine.statistics().frames_free
    assert xen.ret(0, "domctl.destroydomain", domain=receiver) == 0
    assert xen.machine.statistics().frames_free == free + 17 + 1


@pytest.mark.parametrize("gfn", [99, -1, 1 << 50])
def test_a_frame_that_is_not_there_is_not_given(xen, receiver, gfn):
    assert transfer(xen, 0, gfn, receiver) is GrantStatus.bad_page
    assert flags(xen, receiver) == ACCEPT


def test_a_frame_that_somebody_has_mapped_is_not_given(xen, receiver):
    xen.entry(0, 9, receiver, 33)
    xen.call(receiver, "grant_table_op.map_grant_ref", dom=0, ref=9, flags=2)
    assert transfer(xen, 0, 33, receiver) is GrantStatus.bad_page
    assert physmap(xen, 0).mfn(33) is not None


def test_a_frame_for_an_unknown_domain_is_lost(xen):
    free = xen.machine.statistics().frames_free
    assert transfer(xen, 0, 33, 4321) is GrantStatus.bad_domain
    assert physmap(xen, 0).mfn(33) is None
    assert xen.machine.statistics().frames_free == free + 1


@pytest.mark.parametrize("entry", [(0, 40, 1), (7, 40, ACCEPT), (0, 40, ACCEPT | COMMITTED)])
def test_a_frame_that_nobody_accepts_is_lost(xen, receiver, entry):
    xen.entry(receiver, 8, *entry)
    free = xen.machine.statistics().frames_free
    assert transfer(xen, 0, 33, receiver) is GrantStatus.general_error
    assert flags(xen, receiver) == entry[2]
    assert (physmap(xen, receiver).pages, xen.machine.statistics().frames_free) == (16, free + 1)


@pytest.mark.parametrize("ref", [512, -1])
def test_a_frame_for_no_entry_is_lost(xen, receiver, ref):
    assert transfer(xen, 0, 33, receiver, ref) is GrantStatus.general_error
    assert physmap(xen, 0).mfn(33) is None


def test_a_frame_for_a_domain_without_room_is_lost(xen, receiver):
    assert xen.ret(0, "domctl.max_mem", domain=receiver, max_memkb=16 * 4) == 0
    assert transfer(xen, 0, 33, receiver) is GrantStatus.general_error
    assert flags(xen, receiver) == ACCEPT


def test_a_frame_for_a_dying_domain_is_lost(xen, receiver):
    xen.auto = False
    assert xen.raw(0, 36, 2, {"domain": receiver}) is None
    assert transfer(xen, 0, 33, receiver) is GrantStatus.general_error
    assert flags(xen, receiver) == ACCEPT


def test_a_domain_can_give_a_frame_to_itself(xen, receiver):
    xen.entry(0, 8, 0, 70, flags=ACCEPT)
    mfn = physmap(xen, 0).mfn(33)
    assert transfer(xen, 0, 33, 0) is GrantStatus.okay
    assert physmap(xen, 0).mfn(70) == mfn
