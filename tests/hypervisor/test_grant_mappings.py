"""The two sides of a mapping, addresses, unmap and replace, and what is left when the granter is gone."""

import pytest

from actors.abi.interface import GrantStatus
from actors.runtime.machine import LinkClosed

SELF = 0x7FF0
READING, WRITING = 8, 16
ADDRESS, OTHER_ADDRESS = 0x7F00_0000, 0x7F00_1000


def status(xen, caller, name, **arguments):
    ret, out = xen.call(caller, f"grant_table_op.{name}", **arguments)
    assert ret == 0
    return GrantStatus(out["status"]), out


@pytest.fixture
def granted(xen):
    """A domain that has granted its gfn 5 to dom0, for writing, as entry 8."""
    guest = xen.create()
    xen.entry(guest, 8, 0, 5)
    return guest


def marks(xen, domid, ref=8):
    return xen.table(domid)[ref * 2] & (READING | WRITING)


def pin(xen, domid, ref=8):
    return xen.machine._host.domains.find(domid).grants.pins.get(ref)


def test_a_mapping_has_a_side_for_the_host_and_one_for_devices(xen, granted):
    found, out = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=3, host_addr=ADDRESS)
    assert found is GrantStatus.okay
    assert (pin(xen, granted).host_writers, pin(xen, granted).device_writers) == (1, 1)
    half = {"handle": out["handle"], "host_addr": ADDRESS, "dev_bus_addr": 0}
    assert status(xen, 0, "unmap_grant_ref", **half)[0] is GrantStatus.okay
    assert (pin(xen, granted).host_writers, pin(xen, granted).device_writers) == (0, 1)
    assert marks(xen, granted) == READING | WRITING
    assert status(xen, 0, "unmap_grant_ref", **half)[0] is GrantStatus.okay
    rest = half | {"host_addr": 0, "dev_bus_addr": out["dev_bus_addr"]}
    assert status(xen, 0, "unmap_grant_ref", **rest)[0] is GrantStatus.okay
    assert (pin(xen, granted), marks(xen, granted)) == (None, 0)
    assert status(xen, 0, "unmap_grant_ref", **rest)[0] is GrantStatus.bad_handle


def test_naming_no_side_unmaps_nothing(xen, granted):
    _, out = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=2, host_addr=ADDRESS)
    nothing = {"handle": out["handle"], "host_addr": 0, "dev_bus_addr": 0}
    assert status(xen, 0, "unmap_grant_ref", **nothing)[0] is GrantStatus.okay
    assert pin(xen, granted).uses == 1


def test_a_mapping_is_found_at_its_address_only(xen, granted):
    _, out = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=3, host_addr=ADDRESS)
    wrong = {"handle": out["handle"], "host_addr": OTHER_ADDRESS, "dev_bus_addr": 0}
    assert status(xen, 0, "unmap_grant_ref", **wrong)[0] is GrantStatus.general_error
    wrong = {"handle": out["handle"], "host_addr": ADDRESS, "dev_bus_addr": 4096}
    assert status(xen, 0, "unmap_grant_ref", **wrong)[0] is GrantStatus.bad_dev_addr
    assert pin(xen, granted).uses == 2


def test_a_bus_address_does_not_matter_to_a_mapping_for_the_host(xen, granted):
    _, out = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=2)
    given = {"handle": out["handle"], "dev_bus_addr": 4096}
    assert status(xen, 0, "unmap_grant_ref", **given)[0] is GrantStatus.okay
    assert pin(xen, granted) is None


def test_readers_and_writers_are_marked_apart(xen, granted):
    _, reader = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=5)
    assert marks(xen, granted) == READING
    _, writer = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=2)
    assert marks(xen, granted) == READING | WRITING
    status(xen, 0, "unmap_grant_ref", handle=writer["handle"])
    assert marks(xen, granted) == READING
    status(xen, 0, "unmap_grant_ref", handle=reader["handle"])
    assert marks(xen, granted) == 0


def test_a_pinned_entry_is_not_looked_at_again_except_for_a_first_writer(xen, granted):
    status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=6)
    xen.entry(granted, 8, 77, 5, flags=0)
    assert status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=6)[0] is GrantStatus.okay
    xen.entry(granted, 8, 77, 5, flags=4)
    assert status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=2)[0] is GrantStatus.general_error
    xen.entry(granted, 8, 77, 5, flags=0)
    assert status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=2)[0] is GrantStatus.okay


def test_a_sub_page_entry_can_be_copied_and_not_mapped(xen):
    guest = xen.create()
    xen.entry(guest, 8, 0, 5, flags=0x101)
    assert status(xen, 0, "map_grant_ref", dom=guest, ref=8, flags=2)[0] is GrantStatus.general_error
    ends = {
        "source": {"domid": guest, "offset": 0, "ref": 8},
        "dest": {"domid": SELF, "offset": 0, "gmfn": 9},
    }
    assert status(xen, 0, "copy", len=8, flags=1, **ends)[0] is GrantStatus.okay


def test_unmap_and_replace_gives_back_the_host_side(xen, granted):
    _, out = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=3, host_addr=ADDRESS)
    replace = {"handle": out["handle"], "host_addr": ADDRESS, "new_addr": OTHER_ADDRESS}
    assert status(xen, 0, "unmap_and_replace", **replace)[0] is GrantStatus.okay
    assert (pin(xen, granted).host_writers, pin(xen, granted).device_writers) == (0, 1)
    replace["handle"] = 99
    assert status(xen, 0, "unmap_and_replace", **replace)[0] is GrantStatus.bad_handle


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"host_addr": OTHER_ADDRESS, "new_addr": 0}, GrantStatus.general_error),
        ({"new_addr": ADDRESS}, GrantStatus.general_error),
        ({"host_addr": 0, "new_addr": 0}, GrantStatus.okay),
    ],
)
def test_a_replacement_that_cannot_be_leaves_the_mapping(xen, granted, change, expected):
    _, out = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=2, host_addr=ADDRESS)
    replace = {"handle": out["handle"], "host_addr": ADDRESS, "new_addr": OTHER_ADDRESS} | change
    assert status(xen, 0, "unmap_and_replace", **replace)[0] is expected
    assert pin(xen, granted).uses == 1


def test_a_zombie_is_held_by_the_last_half_of_a_mapping(xen, granted):
    _, out = status(xen, 0, "map_grant_ref", dom=granted, ref=8, flags=3)
    assert xen.ret(0, "domctl.destroydomain", domain=granted) == 0
    half = {"handle": out["handle"], "host_addr": 0, "dev_bus_addr": out["dev_bus_addr"]}
    assert status(xen, 0, "unmap_grant_ref", **half)[0] is GrantStatus.okay
    assert xen.call(0, "domctl.getdomaininfo", domain=granted)[1]["domain"] == granted
    assert status(xen, 0, "unmap_grant_ref", handle=out["handle"])[0] is GrantStatus.okay
    assert xen.ret(0, "domctl.getdomaininfo", domain=granted) == -3


def test_what_a_former_dom0_had_granted_can_be_unmapped_while_there_is_none(xen):
    guest = xen.create()
    xen.entry(0, 8, guest, 5)
    _, out = status(xen, guest, "map_grant_ref", dom=0, ref=8, flags=2)
    xen.auto = False
    xen.feed(LinkClosed("dom0", "killed"))
    assert status(xen, guest, "unmap_grant_ref", handle=out["handle"])[0] is GrantStatus.okay
