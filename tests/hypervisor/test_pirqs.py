"""Physical interrupts from the IO-APIC's vector to an event, and back with the end of interrupt."""

import pytest

from actors.abi.errno import Errno
from actors.messages import EndOfInterrupt, InterruptVector, MmioWrite
from actors.runtime.machine import LinkClosed, LinkOpened

SELF = 0x7FF0
BASE = 0xFEC00000
MASKED = 1 << 16


@pytest.fixture
def host(power_on):
    return power_on(ioapic=True)


def entries(bench):
    """The low halves of redirection entries as the chip has them: pin to value."""
    index, found = 0, {}
    for message in bench.messages("ioapic", MmioWrite):
        if message.offset == 0:
            index = message.value
        elif index >= 0x10 and index % 2 == 0:
            found[(index - 0x10) // 2] = message.value
    return found


def route(bench, gsi, *, level, domain=0, flags=1):
    assert bench.ret(0, "physdev_op.setup_gsi", gsi=gsi, triggering=int(level), polarity=int(level)) == 0
    assert bench.ret(0, "physdev_op.map_pirq", domid=SELF, type=1, index=gsi, pirq=gsi) == 0
    return bench.out(0, "event_channel_op.bind_pirq", "port", pirq=gsi, flags=flags)


def vector(bench, gsi):
    return entries(bench)[gsi] & 0xFF


def test_a_pin_is_masked_until_it_is_bound_and_again_when_it_is_closed(host):
    assert host.ret(0, "physdev_op.setup_gsi", gsi=17, triggering=1, polarity=1) == 0
    assert entries(host)[17] & (MASKED | 0xA000) == MASKED | 0xA000
    assert host.ret(0, "physdev_op.map_pirq", domid=SELF, type=1, index=17, pirq=17) == 0
    port = host.out(0, "event_channel_op.bind_pirq", "port", pirq=17, flags=1)
    assert not entries(host)[17] & MASKED
    assert host.ret(0, "event_channel_op.close", port=port) == 0
    assert entries(host)[17] & MASKED


def test_an_edge_has_no_remote_irr_to_end(host):
    port = route(host, 16, level=False)
    line = vector(host, 16)
    host.clear()
    host.message("ioapic", InterruptVector(line))
    assert host.upcalls(0) == [[port]]
    assert host.messages("ioapic", EndOfInterrupt) == []


def test_a_level_interrupt_ends_when_its_owner_says_so(host):
    port = route(host, 17, level=True)
    line = vector(host, 17)
    host.clear()
    host.message("ioapic", InterruptVector(line))
    assert host.upcalls(0) == [[port]]
    assert host.messages("ioapic", EndOfInterrupt) == []
    for _ in range(2):
        assert host.ret(0, "physdev_op.eoi", irq=17) == 0
    assert host.messages("ioapic", EndOfInterrupt) == [EndOfInterrupt(line)]


def test_a_shared_level_interrupt_ends_when_all_have_said_so(host):
    guest = host.create()
    route(host, 17, level=True)
    line = vector(host, 17)
    pirq = host.out(0, "physdev_op.map_pirq", "pirq", domid=guest, type=1, index=17, pirq=-1)
    assert host.ret(guest, "event_channel_op.bind_pirq", pirq=pirq, flags=0) == -Errno.EBUSY
    assert host.ret(guest, "event_channel_op.bind_pirq", pirq=pirq, flags=1) == 0
    assert host.call(guest, "physdev_op.irq_status_query", irq=pirq) == (0, {"flags": 3})
    host.clear()
    host.message("ioapic", InterruptVector(line))
    assert host.ret(0, "physdev_op.eoi", irq=17) == 0
    assert host.messages("ioapic", EndOfInterrupt) == []
    host.crash(guest)
    assert host.ret(0, "domctl.destroydomain", domain=guest) == 0
    assert host.messages("ioapic", EndOfInterrupt) == [EndOfInterrupt(line)]


def test_the_line_of_a_dead_dom0_is_masked_and_its_interrupt_ended(host):
    route(host, 17, level=True)
    line = vector(host, 17)
    host.message("ioapic", InterruptVector(line))
    host.clear()
    host.crash(0)
    assert entries(host)[17] & MASKED
    assert host.messages("ioapic", EndOfInterrupt) == [EndOfInterrupt(line)]
    assert host.machine.statistics().pirqs_bound == 0
    assert host.ret(0, "event_channel_op.bind_pirq", pirq=17, flags=1) == -Errno.EPERM
    route(host, 17, level=True)
    assert not entries(host)[17] & MASKED


def test_a_vector_that_nobody_waits_for_is_masked_and_ended(host):
    assert host.ret(0, "physdev_op.setup_gsi", gsi=18, triggering=0, polarity=0) == 0
    line = vector(host, 18)
    host.message("ioapic", InterruptVector(line))
    assert entries(host)[18] & MASKED
    host.message("ioapic", InterruptVector(0xF0))
    assert host.machine.statistics().spurious_interrupts == 2


def test_an_io_apic_that_comes_back_is_programmed_again(host):
    route(host, 17, level=True)
    before = entries(host)
    host.feed(LinkClosed("ioapic", "crashed"))
    host.clear()
    host.feed(LinkOpened("ioapic"))
    assert entries(host) == before


def test_what_the_driver_writes_into_an_entry_is_read_back_with_xens_vector(host):
    write = {"apic_physbase": BASE, "reg": 0x10 + 2 * 19, "value": 0x12345 | 0x8000 & ~0x700}
    assert host.ret(0, "physdev_op.apic_write", **(write | {"value": 0x1A005})) == 0
    value = host.out(0, "physdev_op.apic_read", "value", apic_physbase=BASE, reg=0x10 + 2 * 19)
    assert value & 0xA000 == 0xA000
    assert value & 0xFF != 5
    assert host.ret(0, "physdev_op.apic_write", **(write | {"value": 0x500})) == -Errno.EINVAL
    assert host.ret(0, "physdev_op.apic_write", **(write | {"reg": 0x11, "value": 1})) == 0
    assert host.ret(0, "physdev_op.apic_write", **(write | {"reg": 0x40})) == -Errno.EINVAL


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("map_pirq", {"domid": SELF, "type": 1, "index": 24, "pirq": -1}, -Errno.EINVAL),
        ("map_pirq", {"domid": SELF, "type": 1, "index": -1, "pirq": -1}, -Errno.EINVAL),
        ("map_pirq", {"domid": SELF, "type": 1, "index": 0, "pirq": 0}, -Errno.EPERM),
        ("map_pirq", {"domid": SELF, "type": 0, "index": -1, "pirq": -1}, -Errno.ENODEV),
        ("map_pirq", {"domid": SELF, "type": 1, "index": 5, "pirq": 5}, 0),
        ("map_pirq", {"domid": SELF, "type": 1, "index": 5, "pirq": 6}, -Errno.EEXIST),
        ("map_pirq", {"domid": SELF, "type": 1, "index": 7, "pirq": 416}, -Errno.EINVAL),
        ("unmap_pirq", {"domid": SELF, "pirq": 5}, 0),
        ("unmap_pirq", {"domid": SELF, "pirq": 6}, -Errno.EINVAL),
        ("unmap_pirq", {"domid": 77, "pirq": 5}, -Errno.ESRCH),
        ("setup_gsi", {"gsi": 24, "triggering": 0, "polarity": 0}, -Errno.EINVAL),
        ("pci_device_add", {"seg": 0, "bus": 2, "devfn": 0}, 0),
        ("pci_device_remove", {"seg": 0, "bus": 2, "devfn": 0}, -Errno.ENODEV),
    ],
)
def test_calls_about_interrupts_are_checked(host, name, arguments, expected):
    route(host, 5, level=False)
    assert host.ret(0, f"physdev_op.{name}", **arguments) == expected


@pytest.mark.parametrize(
    "name",
    ["apic_read", "apic_write", "setup_gsi", "alloc_irq_vector", "map_pirq", "unmap_pirq", "pci_device_add"],
)
def test_the_hardware_is_not_for_guests(host, name):
    guest = host.create()
    arguments = {
        "apic_physbase": BASE, "reg": 0, "value": 0, "gsi": 1, "triggering": 0, "polarity": 0, "irq": 1,
        "domid": SELF, "type": 1, "index": 1, "pirq": 1, "bus": 0, "devfn": 0,
    }  # fmt: skip
    assert host.ret(guest, f"physdev_op.{name}", **arguments) == -Errno.EPERM


def test_a_free_pirq_is_given_out_once(host):
    found = [host.out(0, "physdev_op.get_free_pirq", "pirq", type=kind) for kind in (1, 1, 0, 0)]
    assert found == [16, 17, 415, 414]
