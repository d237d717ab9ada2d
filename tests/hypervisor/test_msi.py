"""Message signalled interrupts: mapped, written into the device, raised by it, and given back."""

import pytest

from actors.abi.errno import Errno
from actors.messages import InterruptVector, MsiWrite
from actors.runtime.machine import LinkClosed, LinkOpened

SELF = 0x7FF0
DISK, NIC, PLAIN = (0, 1, 0), (0, 2, 0x10), (0, 0, 0)
DISK_LINK, NIC_LINK = "pci-0000:01:00.0", "pci-0000:02:02.0"
ADDRESS = 0xFEE00000


@pytest.fixture
def host(power_on):
    """A disk with 8 MSI that cannot be masked, and a network card with 4 MSI-X entries and one MSI."""
    bench = power_on(
        iommu=True,
        pci_devices=(PLAIN, DISK, NIC),
        pci_msi=((*DISK, 8, 0, 0), (*NIC, 1, 4, 1)),
    )
    for link in (DISK_LINK, NIC_LINK):
        bench.feed(LinkOpened(link))
    return bench


def msi(device, **change):
    seg, bus, devfn = device
    fields = {"domid": SELF, "type": 0, "index": -1, "pirq": -1, "entry_nr": 1, "table_base": 0}
    return fields | {"bus": seg << 16 | bus, "devfn": devfn} | change


def msix(entry):
    return msi(NIC, entry_nr=entry, table_base=0xF000_0000)


def bound(bench, pirq, caller=0):
    return bench.out(caller, "event_channel_op.bind_pirq", "port", pirq=pirq, flags=0)


def writes(bench, link=DISK_LINK):
    return [(each.entry, each.data, each.masked) for each in bench.messages(link, MsiWrite)]


def test_a_message_is_an_event_of_whoever_has_bound_it(host):
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", **msi(NIC))
    assert pirq == 415
    ((_, vector, masked),) = writes(host, NIC_LINK)
    assert masked
    assert host.messages(NIC_LINK, MsiWrite)[0].address == ADDRESS
    port = bound(host, pirq)
    assert writes(host, NIC_LINK)[-1] == (0, vector, False)
    host.clear()
    host.message(NIC_LINK, InterruptVector(vector))
    host.message(NIC_LINK, InterruptVector(vector))
    assert host.upcalls(0) == [[port], [port]]
    assert host.machine.next_deadline_ns() is None
    assert host.ret(0, "event_channel_op.close", port=port) == 0
    assert writes(host, NIC_LINK)[-1] == (0, vector, True)
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=pirq) == 0
    assert writes(host, NIC_LINK)[-1] == (0, 0, True)
    assert host.out(0, "physdev_op.map_pirq", "pirq", **msi(NIC)) == 415


def test_a_message_that_cannot_be_masked_waits_for_its_end_and_keeps_one_back(host):
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    port, vector = bound(host, pirq), writes(host)[0][1]
    host.clear()
    for _ in range(3):
        host.message(DISK_LINK, InterruptVector(vector))
    assert host.upcalls(0) == [[port]]
    assert host.ret(0, "physdev_op.eoi", irq=pirq) == 0
    assert host.upcalls(0) == [[port], [port]]
    host.deadline()
    assert host.upcalls(0) == [[port], [port]]
    assert host.machine.statistics().interrupts_forced == 1


def test_the_forced_end_lets_the_message_through_that_was_kept_back(host):
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    port, vector = bound(host, pirq), writes(host)[0][1]
    host.clear()
    for _ in range(2):
        host.message(DISK_LINK, InterruptVector(vector))
    host.deadline()
    assert host.upcalls(0) == [[port], [port]]
    assert host.machine.next_deadline_ns() is not None


def test_a_message_that_nobody_has_bound_is_spurious(host):
    host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    host.message(DISK_LINK, InterruptVector(writes(host)[0][1]))
    assert host.machine.statistics().spurious_interrupts == 1


def test_a_device_that_raises_another_vector_loses_its_link(host):
    host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    host.message(NIC_LINK, InterruptVector(writes(host)[0][1]))
    assert host.closed == [NIC_LINK]
    assert host.machine.statistics().violations == 1


def test_each_entry_of_a_table_is_a_message(host):
    assert host.ret(0, "physdev_op.map_pirq", **msix(4)) == -Errno.EINVAL
    pirqs = [host.out(0, "physdev_op.map_pirq", "pirq", **msix(entry)) for entry in (0, 3)]
    assert pirqs == [415, 414]
    assert [entry for entry, _, _ in writes(host, NIC_LINK)] == [0, 3]
    vectors = [vector for _, vector, _ in writes(host, NIC_LINK)]
    ports = [bound(host, pirq) for pirq in pirqs]
    host.clear()
    host.message(NIC_LINK, InterruptVector(vectors[1]))
    assert host.upcalls(0) == [[ports[1]]]


def test_one_kind_of_message_switches_the_other_off(host):
    first = host.out(0, "physdev_op.map_pirq", "pirq", **msix(0))
    port = bound(host, first)
    second = host.out(0, "physdev_op.map_pirq", "pirq", **msi(NIC))
    assert second == 414
    assert next(iter(host.machine._host.pirqs.pci.get(NIC).entries.values())).msix is False
    assert host.ret(0, "event_channel_op.close", port=port) == 0
    assert host.ret(0, "event_channel_op.bind_pirq", pirq=first, flags=0) == -Errno.EINVAL
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=first) == 0


def test_several_messages_have_names_in_a_row_and_go_together(host):
    ret, out = host.call(0, "physdev_op.map_pirq", **msi(DISK, type=4, entry_nr=3))
    assert (ret, out) == (0, {"pirq": 412, "entry_nr": 4})
    vectors = [vector for _, vector, _ in writes(host)]
    assert len(set(vectors)) == 4
    port = bound(host, 414)
    host.clear()
    host.message(DISK_LINK, InterruptVector(vectors[2]))
    assert host.upcalls(0) == [[port]]
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=413) == -Errno.EBUSY
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=412) == 0
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=415) == -Errno.EINVAL
    assert host.ret(0, "event_channel_op.close", port=port) == 0
    assert host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK)) == 415


@pytest.mark.parametrize(
    ("change", "expected", "told"),
    [
        ({"entry_nr": 0}, Errno.EDOM, {}),
        ({"entry_nr": 33}, Errno.EDOM, {}),
        ({"entry_nr": 16}, Errno.ENFILE, {"entry_nr": 8}),
        ({"table_base": 1}, Errno.EINVAL, {}),
        ({"entry_nr": 2, "pirq": 415}, Errno.EBUSY, {}),
        ({"bus": 1 << 16 | 1}, Errno.ENODEV, {}),
    ],
)
def test_several_messages_are_checked_and_nothing_stays_of_a_refusal(host, change, expected, told):
    found = host.call(0, "physdev_op.map_pirq", **msi(DISK, type=4, **({"entry_nr": 2} | change)))
    assert found == (-expected, told)
    assert host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK, type=4, entry_nr=2)) == 414
    assert host.machine._host.pirqs.irqs.bindings() == []


def test_several_messages_need_an_iommu(power_on):
    bench = power_on(pci_devices=(DISK,), pci_msi=((*DISK, 8, 0, 1),))
    assert bench.ret(0, "physdev_op.map_pirq", **msi(DISK, type=4, entry_nr=2)) == -Errno.EOPNOTSUPP
    assert bench.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK, type=4, entry_nr=1)) == 415


def test_names_in_a_row_run_out(host):
    # 32 names above the GSIs, and the disk is the guest's.
    guest = host.create(flags=32)
    device = {"domain": guest, "dev": 0, "flags": 0, "machine_sbdf": 1 << 8}
    assert host.ret(0, "domctl.assign_device", **device) == 0
    taken = [host.ret(guest, "physdev_op.get_free_pirq", type=0) for _ in range(27)]
    assert taken == [0] * 27
    several = msi(DISK, type=4, entry_nr=8, domid=guest)
    assert host.call(0, "physdev_op.map_pirq", **several) == (-Errno.ENOSPC, {"entry_nr": 4})
    taken = [host.ret(guest, "physdev_op.get_free_pirq", type=0) for _ in range(5)]
    assert taken == [0] * 5
    assert host.call(0, "physdev_op.map_pirq", **several) == (-Errno.ENOSPC, {"entry_nr": 1})
    one = msi(DISK, type=4, entry_nr=2, domid=guest, pirq=30)
    assert host.call(0, "physdev_op.map_pirq", **one)[0] == -Errno.EBUSY


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (msi(PLAIN), Errno.ENODEV),
        (msi((0, 9, 0)), Errno.ENODEV),
        (msi(DISK, index=23), Errno.EINVAL),
        (msi(DISK, index=416), Errno.EINVAL),
        (msi(DISK, index=-2), Errno.EINVAL),
        (msi(DISK, index=30), Errno.EPERM),
        (msi(DISK, pirq=416), Errno.EINVAL),
        (msi(DISK, table_base=1), Errno.ENODEV),
        (msi(DISK, type=3, bus=1 << 16 | 1), Errno.ENODEV),
        (msi(DISK, domid=4321), Errno.ESRCH),
    ],
)
def test_a_message_is_checked_and_nothing_stays_of_a_refusal(host, arguments, expected):
    assert host.ret(0, "physdev_op.map_pirq", **arguments) == -expected
    assert host.machine._host.pirqs.msi._created == set()
    assert host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK, type=3)) == 415


def test_a_message_is_not_mapped_twice(host):
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    irq = host.machine._host.domains.find(0).pirqs.irq(pirq)
    again = msi(DISK, index=irq, pirq=pirq)
    assert host.ret(0, "physdev_op.map_pirq", **again) == -Errno.EEXIST
    assert host.ret(0, "physdev_op.map_pirq", **(again | {"pirq": 300})) == -Errno.EEXIST
    assert host.ret(0, "physdev_op.map_pirq", **msi(NIC, index=irq)) == -Errno.EBUSY


def test_a_wish_for_a_name_that_is_taken_is_taken_no_notice_of(host):
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    assert host.out(0, "physdev_op.map_pirq", "pirq", **msi(NIC, pirq=pirq)) == pirq
    assert host.machine._host.pirqs.pci.get(NIC).entries == {}


def test_messages_run_out_of_vectors(power_on):
    bench = power_on(dom0_nr_pirqs=416, pci_devices=(NIC,), pci_msi=((*NIC, 0, 400, 1),))
    found = [bench.ret(0, "physdev_op.map_pirq", **msix(entry)) for entry in range(170)]
    assert found.index(-Errno.EINVAL) == 0xE0 - 0x20 - 24 - 2
    assert set(found[167:]) == {-Errno.EINVAL}


def test_numbers_run_out_before_vectors_on_a_small_host(power_on):
    bench = power_on(dom0_nr_pirqs=26, pci_devices=(NIC,), pci_msi=((*NIC, 0, 400, 1),))
    found = [bench.ret(0, "physdev_op.map_pirq", **msix(entry)) for entry in range(3)]
    assert found == [0, 0, -Errno.EINVAL]


def test_a_guest_is_given_a_device_and_its_messages_end_with_it(host):
    guest = host.create(flags=32)
    assert host.ret(0, "physdev_op.map_pirq", **msi(DISK, domid=guest)) == -Errno.ENODEV
    device = {"domain": guest, "dev": 0, "flags": 0, "machine_sbdf": 1 << 8}
    assert host.ret(0, "domctl.assign_device", **device) == 0
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK, domid=guest))
    port, vector = bound(host, pirq, guest), writes(host)[0][1]
    host.clear()
    host.message(DISK_LINK, InterruptVector(vector))
    assert host.upcalls(guest) == [[port]]
    assert host.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert writes(host)[-1] == (0, 0, True)
    assert host.machine.next_deadline_ns() is None
    host.message(DISK_LINK, InterruptVector(vector))
    assert host.closed == [DISK_LINK]


def test_messages_are_restored_and_written_again_into_a_device_that_comes_back(host):
    host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    before = writes(host)
    host.clear()
    assert host.ret(0, "physdev_op.restore_msi", bus=1, devfn=0) == 0
    assert host.ret(0, "physdev_op.restore_msi_ext", seg=0, bus=1, devfn=0) == 0
    assert writes(host) == before * 2
    host.feed(LinkClosed(DISK_LINK, "reset"))
    host.clear()
    assert host.ret(0, "physdev_op.restore_msi", bus=1, devfn=0) == 0
    assert writes(host) == []
    host.feed(LinkOpened(DISK_LINK))
    assert writes(host) == before


def test_messages_of_a_dead_dom0_are_free_again(host):
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    bound(host, pirq)
    host.crash(0)
    assert host.machine.statistics().pirqs_bound == 0
    assert host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK)) == 415


def test_a_device_that_is_removed_takes_its_messages_with_it(host):
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK))
    port = bound(host, pirq)
    assert host.ret(0, "physdev_op.pci_device_remove", seg=0, bus=1, devfn=0) == 0
    assert writes(host)[-1] == (0, 0, True)
    assert host.ret(0, "event_channel_op.close", port=port) == 0
    assert host.ret(0, "physdev_op.unmap_pirq", domid=SELF, pirq=pirq) == 0
    assert host.ret(0, "physdev_op.pci_device_add", seg=0, bus=1, devfn=0) == 0
    assert host.out(0, "physdev_op.map_pirq", "pirq", **msi(DISK)) == 415


def test_tables_of_messages_are_prepared_and_released(host):
    nic, disk = {"seg": 0, "bus": 2, "devfn": 0x10}, {"seg": 0, "bus": 1, "devfn": 0}
    assert host.ret(0, "physdev_op.release_msix", **nic) == -Errno.EBUSY
    assert host.ret(0, "physdev_op.prepare_msix", **nic) == 0
    assert host.ret(0, "physdev_op.prepare_msix", **nic) == -Errno.EBUSY
    assert host.ret(0, "physdev_op.release_msix", **nic) == 0
    assert host.ret(0, "physdev_op.map_pirq", **msix(0)) == 0
    assert host.ret(0, "physdev_op.prepare_msix", **nic) == -Errno.EBUSY
    assert host.ret(0, "physdev_op.prepare_msix", **disk) == -Errno.ENODEV
    assert host.ret(0, "physdev_op.prepare_msix", **(nic | {"bus": 7})) == -Errno.ENODEV


@pytest.mark.parametrize(
    ("caller", "name", "arguments", "expected"),
    [
        ("dom0", "manage_pci_add", {"bus": 5, "devfn": 1}, 0),
        ("dom0", "manage_pci_remove", {"bus": 1, "devfn": 0}, 0),
        ("dom0", "manage_pci_remove", {"bus": 5, "devfn": 0}, -Errno.ENODEV),
        ("dom0", "manage_pci_add_ext", {"bus": 5, "devfn": 1, "is_extfn": 0, "is_virtfn": 0}, 0),
        ("dom0", "manage_pci_add_ext", {"bus": 5, "devfn": 1, "is_extfn": 2, "is_virtfn": 0}, -Errno.EINVAL),
        ("dom0", "restore_msi", {"bus": 5, "devfn": 0}, -Errno.ENODEV),
        ("dom0", "pci_mmcfg_reserved", {"address": 0xE0000000}, -Errno.ENODEV),
        ("guest", "manage_pci_add", {"bus": 5, "devfn": 1}, -Errno.EPERM),
        ("guest", "manage_pci_remove", {"bus": 5, "devfn": 1}, -Errno.EPERM),
        ("guest", "manage_pci_add_ext", {"bus": 5, "devfn": 1, "is_extfn": 0, "is_virtfn": 2}, -Errno.EINVAL),
        ("guest", "restore_msi", {"bus": 5, "devfn": 0}, -Errno.ENODEV),
        ("guest", "restore_msi", {"bus": 1, "devfn": 0}, -Errno.EPERM),
        ("guest", "restore_msi_ext", {"seg": 0, "bus": 1, "devfn": 0}, -Errno.EPERM),
        ("guest", "prepare_msix", {"seg": 0, "bus": 5, "devfn": 0}, -Errno.EPERM),
        ("guest", "pci_mmcfg_reserved", {}, -Errno.EPERM),
        ("dom0", "pci_device_reset", {"seg": 0, "bus": 1, "devfn": 0}, -Errno.ENOSYS),
    ],
)
def test_the_list_of_devices_is_the_hardware_domains(host, caller, name, arguments, expected):
    guest = host.create()
    assert host.ret(guest if caller == "guest" else 0, f"physdev_op.{name}", **arguments) == expected


@pytest.mark.parametrize("name", ["pci_device_add", "manage_pci_add_ext"])
def test_with_a_virtual_function_comes_its_physical_one(host, name):
    function = {"bus": 6, "devfn": 9, "flags": 2, "physfn": {"bus": 6, "devfn": 8}}
    assert host.ret(0, f"physdev_op.{name}", is_extfn=0, is_virtfn=1, **function) == 0
    assert host.ret(0, "physdev_op.pci_device_remove", bus=6, devfn=8) == 0
