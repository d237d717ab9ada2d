"""The devices of a domain: whose a link is, and when which driver starts what."""

import pytest

from actors.drivers.disks import Disks
from actors.drivers.hardware import DRIVERS, DrivenHardware, devices_in
from actors.drivers.interrupt_line import InterruptLine
from actors.kernel.kernel import Kernel
from actors.runtime.machine import LinkClosed, LinkOpened, Log
from actors.runtime.memory import SparseMemory
from actors.start_info import StartInfo, write_start_info

SDA, SDB, TOY = (InterruptLine(name, 16 + at, "level") for at, name in enumerate(("sda", "sdb", "toy0")))


class Driver:
    """Notes what it is told."""

    def __init__(self, kernel: Kernel, programs_ioapic: bool) -> None:
        self.programs_ioapic = programs_ioapic
        self.told: list[str] = []
        self.in_flight = 0
        self.behind = {type(self).__name__: lambda _: self}

    async def probe(self, line: InterruptLine) -> None:
        self.told.append(f"probe {line.name}")
        self.in_flight += 1

    def lost(self, name: str) -> None:
        self.told.append(f"lost {name}")


class Toy(Driver):
    """Another kind."""


@pytest.fixture
def kernel() -> Kernel:
    memory = SparseMemory(64)
    write_start_info(memory, [0], StartInfo(nr_pages=64))
    return Kernel(memory, [[0, 0, 64]])


@pytest.fixture
def hardware(kernel: Kernel) -> DrivenHardware:
    given = {"disks": (SDA, SDB), "toys": (TOY,)}
    found = DrivenHardware(kernel, given, programs_ioapic=True, drivers={"disks": Driver, "toys": Toy})
    kernel.link_owners.append(found)
    return found


def driver(hardware: DrivenHardware, kind: type[Driver]) -> Driver:
    return hardware.behind[kind.__name__]("")


def plug(kernel: Kernel, link: str) -> None:
    kernel.handle(LinkOpened(link), 1)


def test_what_a_domain_is_told_of_is_read_by_kind() -> None:
    rows = [{"name": "sda", "gsi": 16, "trigger": "level"}, {"name": "sdb", "gsi": 17, "trigger": "edge"}]

    assert devices_in({"disks": rows, "name": "storage"}) == {
        "disks": (InterruptLine("sda", 16, "level"), InterruptLine("sdb", 17, "edge")),
        "nics": (),
    }
    assert devices_in({}) == {"disks": (), "nics": ()}
    assert DRIVERS["disks"] is Disks


def test_every_device_is_started_by_the_driver_of_its_kind_once_its_link_is_there(
    kernel: Kernel, hardware: DrivenHardware
) -> None:
    disks, toys = driver(hardware, Driver), driver(hardware, Toy)
    kernel.threads.spawn("probe", hardware.probe())
    plug(kernel, "sdb")
    assert disks.told == [], "the order is that of the list"

    plug(kernel, "sda")
    assert (disks.told, toys.told) == (["probe sda", "probe sdb"], [])
    plug(kernel, "toy0")
    assert toys.told == ["probe toy0"]
    assert hardware.in_flight == 3
    assert str(hardware) == "2 disks, 1 toys"
    assert disks.programs_ioapic


def test_a_device_that_is_lost_is_told_to_its_driver_and_to_the_console(
    kernel: Kernel, hardware: DrivenHardware
) -> None:
    plug(kernel, "toy0")

    assert kernel.handle(LinkClosed("toy0", "it is dead"), 1) == [Log("toy0: lost: it is dead")]
    assert (driver(hardware, Driver).told, driver(hardware, Toy).told) == ([], ["lost toy0"])


@pytest.mark.parametrize("link", ["dom5", "supervisor", "sdc", "xenstore-tool/1"])
def test_a_link_of_somebody_else_is_no_device(kernel: Kernel, hardware: DrivenHardware, link: str) -> None:
    assert not hardware.owns(link)
    assert kernel.handle(LinkOpened(link), 1) == kernel.handle(LinkClosed(link, "over"), 1) == []
    assert driver(hardware, Driver).told == []
