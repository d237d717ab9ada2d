"""Grants: entries in guest frames, pins, copies, revocation, and the death of either side."""

import pytest

from actors.abi.errno import Errno
from actors.abi.interface import GrantStatus

SELF = 0x7FF0
READING, WRITING = 8, 16


def status(xen, caller, name, **arguments):
    ret, out = xen.call(caller, f"grant_table_op.{name}", **arguments)
    assert ret == 0
    return GrantStatus(out["status"]), out


def map_it(xen, caller, dom, ref=8, flags=2):
    return status(xen, caller, "map_grant_ref", dom=dom, ref=ref, flags=flags)


def test_a_mapped_grant_shows_the_frame_and_says_so_in_the_entry(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5)
    found, out = map_it(xen, 0, guest)
    assert found is GrantStatus.okay
    mfn = xen.machine._host.domains.find(guest).physmap.mfn(5)
    assert out["dev_bus_addr"] == mfn << 12
    assert xen.table(guest)[16] & 0xFFFF == 1 | READING | WRITING
    assert status(xen, 0, "unmap_grant_ref", handle=out["handle"])[0] is GrantStatus.okay
    assert xen.table(guest)[16] & 0xFFFF == 1


@pytest.mark.parametrize(
    ("entry", "arguments", "expected"),
    [
        ((0, 5, 1), {"flags": 0}, GrantStatus.bad_gntref),
        ((0, 5, 1), {"flags": 4}, GrantStatus.bad_gntref),
        ((0, 5, 1), {"ref": 512}, GrantStatus.bad_gntref),
        ((0, 5, 1), {"ref": -1}, GrantStatus.bad_gntref),
        ((0, 5, 1), {"dom": 77}, GrantStatus.bad_domain),
        ((0, 5, 0), {}, GrantStatus.general_error),
        ((0, 5, 2), {}, GrantStatus.general_error),
        ((3, 5, 1), {}, GrantStatus.general_error),
        ((0, 5, 5), {}, GrantStatus.general_error),
        ((0, 16, 1), {}, GrantStatus.bad_page),
        ((0, 0xFFFFFFFF, 1), {}, GrantStatus.bad_page),
        ((0, 5, 5), {"flags": 6}, GrantStatus.okay),
        ((0, 5, 1 | READING | WRITING), {}, GrantStatus.okay),
    ],
)
def test_an_entry_is_believed_only_as_far_as_it_goes(xen, entry, arguments, expected):
    guest = xen.create()
    xen.entry(guest, 8, *entry)
    before = xen.table(guest)[16]
    found, _ = map_it(xen, 0, **({"dom": guest} | arguments))
    assert found is expected
    if expected is not GrantStatus.okay:
        assert xen.table(guest)[16] == before


def test_a_grant_in_use_by_one_domain_is_not_for_another_even_if_the_entry_says_so(xen):
    guest, other = xen.create(), xen.create()
    xen.entry(guest, 8, 0, 5)
    map_it(xen, 0, guest)
    xen.entry(guest, 8, other, 6)
    assert map_it(xen, other, guest)[0] is GrantStatus.general_error


def test_what_is_mapped_stays_what_it_was_when_the_entry_changes(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5)
    _, first = map_it(xen, 0, guest)
    xen.entry(guest, 8, 0, 6)
    _, second = map_it(xen, 0, guest)
    assert first["dev_bus_addr"] == second["dev_bus_addr"]


def test_a_read_only_mapping_does_not_let_a_writing_one_in_when_the_entry_forbids_it(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5, flags=5)
    assert map_it(xen, 0, guest, flags=6)[0] is GrantStatus.okay
    assert map_it(xen, 0, guest, flags=2)[0] is GrantStatus.general_error
    assert xen.table(guest)[16] & (READING | WRITING) == READING


@pytest.mark.parametrize("handle", [0, 99, -1])
def test_a_handle_that_was_never_given_out_is_refused(xen, handle):
    assert status(xen, 0, "unmap_grant_ref", handle=handle)[0] is GrantStatus.bad_handle


def test_unmapping_at_another_address_is_refused(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5)
    _, out = map_it(xen, 0, guest, flags=3)
    wrong = {"handle": out["handle"], "dev_bus_addr": out["dev_bus_addr"] + 4096}
    assert status(xen, 0, "unmap_grant_ref", **wrong)[0] is GrantStatus.bad_dev_addr
    assert status(xen, 0, "unmap_grant_ref", handle=out["handle"])[0] is GrantStatus.okay
    assert status(xen, 0, "unmap_grant_ref", handle=out["handle"])[0] is GrantStatus.bad_handle


def test_a_grant_that_is_mapped_cannot_be_revoked(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5)
    _, out = map_it(xen, 0, guest)
    assert xen.revoke(guest, 8) == -Errno.EBUSY
    status(xen, 0, "unmap_grant_ref", handle=out["handle"])
    assert xen.revoke(guest, 8) == 0
    assert xen.table(guest)[16] == 0
    assert xen.revoke(guest, 512) == -Errno.EINVAL


def test_the_maptrack_has_an_end(xen):
    guest, other = xen.create(), xen.create(max_maptrack_frames=1)
    for ref in (8, 9, 10):
        xen.entry(guest, ref, other, 5)
    found = [map_it(xen, other, guest, ref=8 + each // 100)[0] for each in range(256)]
    assert found == [GrantStatus.okay] * 255 + [GrantStatus.no_space]
    assert status(xen, other, "unmap_grant_ref", handle=7)[0] is GrantStatus.okay
    assert map_it(xen, other, guest, ref=10)[0] is GrantStatus.okay


def test_the_uses_of_one_entry_have_an_end(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5)
    found = [map_it(xen, 0, guest)[0] for _ in range(129)]
    assert found == [GrantStatus.okay] * 128 + [GrantStatus.general_error]
    assert map_it(xen, 0, guest, flags=6)[0] is GrantStatus.okay
    assert map_it(xen, 0, guest, flags=1)[0] is GrantStatus.okay
    assert map_it(xen, 0, guest, flags=3)[0] is GrantStatus.general_error


def test_many_elements_go_in_one_hypercall(xen):
    guest = xen.create()
    for ref in (8, 9):
        xen.entry(guest, ref, 0, ref)
    ops = [{"dom": guest, "ref": ref, "flags": 2} for ref in (8, 9, 10)]
    ret, out = xen.call(0, "grant_table_op.map_grant_ref", ops=ops)
    assert ret == 0
    assert [each["status"] for each in out["ops"]] == [0, 0, -1]


def end(domid, offset=0, **which):
    return {"domid": domid, "offset": offset} | which


def test_copy_moves_bytes_between_grants_and_own_frames(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5, flags=5)
    xen.entry(guest, 9, 0, 6)
    physmap = xen.machine._host.domains.find(guest).physmap
    xen.memory.frame(physmap.mfn(5))[100:105] = b"hello"
    copy = {"source": end(guest, 100, ref=8), "dest": end(guest, 200, ref=9), "len": 5, "flags": 3}
    assert status(xen, 0, "copy", **copy)[0] is GrantStatus.okay
    assert bytes(xen.memory.frame(physmap.mfn(6))[200:205]) == b"hello"
    back = {"source": end(guest, 100, ref=8), "dest": end(SELF, 0, gmfn=9), "len": 5, "flags": 1}
    assert status(xen, 0, "copy", **back)[0] is GrantStatus.okay
    assert xen.machine._host.domains.find(guest).grants.pins == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"len": 4000}, GrantStatus.bad_copy_arg),
        ({"len": -1}, GrantStatus.bad_copy_arg),
        ({"len": 0}, GrantStatus.okay),
        ({"len": 1 << 16}, GrantStatus.okay),
        ({"source": ("gmfn", 99), "flags": 2}, GrantStatus.permission_denied),
        ({"flags": 1}, GrantStatus.permission_denied),
        ({"dest": ("ref", 8)}, GrantStatus.general_error),
        ({"source": ("ref", 600)}, GrantStatus.bad_gntref),
    ],
)
def test_a_copy_that_is_refused_copies_nothing_and_pins_nothing(xen, change, expected):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5, flags=5)
    xen.entry(guest, 9, 0, 6)
    copy = {"source": end(guest, 100, ref=8), "dest": end(guest, 200, ref=9), "len": 5, "flags": 3}
    for name, value in change.items():
        copy[name] = end(guest, 0, **dict([value])) if isinstance(value, tuple) else value
    if change.get("flags") == 1:
        copy["dest"] = end(guest, 0, gmfn=6)
    assert status(xen, 0, "copy", **copy)[0] is expected
    assert xen.machine._host.domains.find(guest).grants.pins == {}


def test_a_table_grows_to_its_limit_and_not_beyond(xen):
    guest = xen.create(max_grant_frames=2)
    assert len(status(xen, guest, "setup_table", dom=SELF, nr_frames=2)[1]["frame_list"]) == 2
    assert status(xen, guest, "setup_table", dom=SELF, nr_frames=3)[0] is GrantStatus.general_error
    found, out = status(xen, guest, "query_size", dom=SELF)
    assert (found, out["nr_frames"], out["max_nr_frames"]) == (GrantStatus.okay, 2, 2)
    assert status(xen, guest, "query_size", dom=0)[0] is GrantStatus.permission_denied


def test_when_the_mapper_dies_the_grant_is_revocable_again(xen):
    guest, mapper = xen.create(), xen.create()
    xen.entry(guest, 8, mapper, 5)
    map_it(xen, mapper, guest)
    assert xen.revoke(guest, 8) == -Errno.EBUSY
    assert xen.ret(0, "domctl.destroydomain", domain=mapper) == 0
    assert xen.table(guest)[16] & (READING | WRITING) == 0
    assert xen.revoke(guest, 8) == 0


def test_when_the_granter_dies_its_frame_lives_until_it_is_unmapped(xen):
    guest = xen.create()
    free = xen.machine.statistics().frames_free
    xen.entry(guest, 8, 0, 5)
    _, out = map_it(xen, 0, guest)
    view = xen.memory.frame(out["dev_bus_addr"] >> 12)
    view[:5] = b"stale"
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert bytes(view[:5]) == b"stale"
    ret, info = xen.call(0, "domctl.getdomaininfo", domain=guest)
    assert (ret, info["domain"], info["flags"] & 1, info["tot_pages"]) == (0, guest, 1, 1)
    assert (
        xen.ret(
            0,
            "domctl.createdomain",
            domain=guest,
            max_vcpus=1,
            max_evtchn_port=9,
            max_grant_frames=1,
            max_maptrack_frames=1,
        )
        == -Errno.EEXIST
    )
    assert map_it(xen, 0, guest)[0] is GrantStatus.okay
    assert map_it(xen, 0, guest, ref=9)[0] is GrantStatus.general_error
    for handle in (out["handle"], out["handle"] + 1):
        assert status(xen, 0, "unmap_grant_ref", handle=handle)[0] is GrantStatus.okay
    assert xen.machine.statistics().frames_free == free + 17
    assert xen.ret(0, "domctl.destroydomain", domain=guest) == -Errno.ESRCH
