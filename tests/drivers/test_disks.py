"""The disks of a domain, on a hypervisor and a real controller: what they hold, and what is lost."""

import pytest

from actors.abi.disk_controller import CommandStatus
from actors.block.operations import FLUSH, READ, WRITE
from actors.devices.disk import Disk
from actors.devices.image import MemoryImage
from actors.drivers.disk_driver import DISK_LOST
from actors.drivers.disks import Disks
from actors.drivers.interrupt_line import InterruptLine
from actors.kernel.kernel import Kernel
from actors.messages import InterruptVector, Line, MmioRead, MmioReadReply, Pulse
from actors.runtime.machine import Log, Received
from tests.xen.simulated_xen import SimulatedXen, link_of

GSI = 16
VECTOR = 0x30
ARGUMENT = {
    "volumes": [
        {"name": "web0", "path": "img", "sectors": 64},
        {"name": "golden", "path": "img", "sectors": 8, "offset_sector": 64, "read_only": True},
    ]
}


class Machine:
    """A dom0 with one disk. `works`: whether its controller answers what it should."""

    def __init__(self, trigger: str = "level", *, works: bool = True) -> None:
        self.xen = SimulatedXen({0: Kernel}, ioapic=True).boot()
        self.kernel = self.xen.kernels[0]
        self.image = MemoryImage(72 * 512)
        self.disk = Disk(ARGUMENT, self.xen.memory, lambda _path, _read_only: self.image)
        self.works = works
        self.disks = Disks(self.kernel, True)
        self.line = InterruptLine("sda", GSI, trigger)
        self.asserted = self.edge = False

    def probe(self) -> list[object]:
        results = self.xen.start(0, self.disks.probe(self.line))
        self.settle()
        return results

    def settle(self) -> None:
        """Carry messages, until the disk is served."""
        self.xen.run()
        while self.xen.told or self.asserted or self.edge:
            told, self.xen.told = self.xen.told, []
            for _, link, message in told:
                assert link == "sda"
                self._to_disk(message)
            if self.asserted or self.edge:
                self.edge = False
                self.xen.message("ioapic", InterruptVector(VECTOR))
            self.xen.run()

    def _to_disk(self, message: object) -> None:
        if isinstance(message, MmioRead) and not self.works:
            self._to_kernel(MmioReadReply(message.sequence, 0))
            return
        for effect in self.disk.handle(Received("dom0", message), self.xen.now_ns):
            if isinstance(effect, Log):
                continue
            if isinstance(effect.message, Line):
                self.asserted = effect.message.asserted
                self.edge |= effect.message.asserted
            elif isinstance(effect.message, Pulse):
                self.edge = True
            else:
                self._to_kernel(effect.message)

    def _to_kernel(self, message: object) -> None:
        self.xen._inboxes[link_of(0)].append(Received("sda", message))

    def submit(self, params: str, operation: int, sector: int, data: bytes = b"") -> tuple[list[int], int]:
        """The statuses so far, and the frame of the data."""
        statuses: list[int] = []
        gfn = self.kernel.pages.allocate()
        self.kernel.pages.frame(gfn)[: len(data)] = data
        segments = [(self.kernel.pages.mfn(gfn), 0, 512)] if operation != FLUSH else []
        self.disks.volume(params).submit(operation, sector, segments, statuses.append)
        return statuses, gfn


@pytest.mark.parametrize("trigger", ["level", "edge"])
def test_a_disk_is_ready_when_it_was_probed_and_that_is_said(trigger: str) -> None:
    machine = Machine(trigger)

    assert machine.probe() == [None]
    assert f"sda: 2 volumes, irq {GSI} {trigger}" in machine.xen.consoles[0]
    assert machine.disks.in_flight == 0


def test_a_disk_that_does_not_start_is_refused() -> None:
    machine = Machine(works=False)
    with pytest.raises(RuntimeError, match="did not start"):
        machine.probe()


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.probe()
    return machine


@pytest.mark.parametrize(("params", "sectors", "read_only"), [("sda:0", 64, False), ("sda:1", 8, True)])
def test_a_volume_is_found_by_its_disk_and_number(
    machine: Machine, params: str, sectors: int, read_only: bool
) -> None:
    volume = machine.disks.behind["params"](params)
    assert (volume.sectors, volume.read_only) == (sectors, read_only)


@pytest.mark.parametrize("params", ["sda:2", "sda:", "sda", "sda:x", "sda:-1", "sda:0:0", "sdb:0", ""])
def test_what_names_no_volume_is_refused(machine: Machine, params: str) -> None:
    with pytest.raises(KeyError):
        machine.disks.volume(params)


def test_what_is_written_to_a_volume_is_read_from_it(machine: Machine) -> None:
    written, _ = machine.submit("sda:0", WRITE, 3, b"w" * 512)
    flushed, _ = machine.submit("sda:0", FLUSH, 0)
    assert machine.disks.in_flight == 2
    machine.settle()
    read, gfn = machine.submit("sda:0", READ, 3)
    machine.settle()

    assert written == flushed == read == [CommandStatus.okay]
    assert bytes(machine.kernel.pages.frame(gfn)[:512]) == b"w" * 512
    assert machine.disks.in_flight == 0


def test_what_a_lost_disk_was_asked_ends_with_an_error(machine: Machine) -> None:
    statuses, _ = machine.submit("sda:0", READ, 0)
    machine.disks.lost("sdb")
    assert statuses == []

    machine.disks.lost("sda")
    assert (statuses, machine.disks.in_flight) == ([DISK_LOST], 0)
