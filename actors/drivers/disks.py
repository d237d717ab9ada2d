"""The disks of a domain: their drivers, and the volumes that backends use."""

from collections.abc import Callable

from actors.abi.disk_controller import FIRST_DISK_GSI, Opcode
from actors.block.operations import FLUSH, READ, WRITE
from actors.block.vbd import VBD
from actors.drivers.disk_driver import DiskDriver
from actors.drivers.interrupt_line import InterruptLine, bind_line
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.network.bridge_statistics import BridgeStatistics

QUEUE_FRAMES = 10
OPCODES = {READ: int(Opcode.read), WRITE: int(Opcode.write), FLUSH: int(Opcode.flush)}


class DrivenVolume:
    """One volume of a disk, as a block backend uses it (`block.backing`)."""

    def __init__(self, driver: DiskDriver, index: int, sectors: int, *, read_only: bool) -> None:
        self._driver = driver
        self._index = index
        self.sectors = sectors
        self.read_only = read_only

    def submit(
        self,
        operation: int,
        sector: int,
        segments: list[tuple[int, int, int]],
        done: Callable[[int], None],
    ) -> None:
        """Hand one command to the disk; `done(status)` when the disk has answered."""
        self._driver.submit(OPCODES[operation], self._index, sector, segments, done)


class Disks:
    """Every disk controller that a domain drives."""

    def __init__(self, kernel: Kernel, programs_ioapic: bool) -> None:  # noqa: FBT001 (`MakeDriver`'s shape)
        self._kernel = kernel
        self._programs_ioapic = programs_ioapic
        self._drivers: dict[str, DiskDriver] = {}

    async def probe(self, line: InterruptLine) -> None:
        """Reset a controller, take its interrupt, learn its volumes. RuntimeError if it does not start."""
        kernel, name = self._kernel, line.name
        first = kernel.pages.allocate_contiguous(QUEUE_FRAMES)
        frames = [kernel.pages.mfn(gfn) for gfn in range(first, first + QUEUE_FRAMES)]
        ready: Future[None] = Future()
        driver = DiskDriver(
            name,
            kernel.memory,
            frames,
            lambda message: kernel.send(name, message),
            at_turn_end=kernel.at_turn_end,
            edge=not line.is_level,
            at_once=kernel.start_info.box_frames > 0,
        )
        driver.on_ready = lambda: ready.set(None)
        driver.tracepoint, driver.number = kernel.threads.tracepoint, line.gsi - FIRST_DISK_GSI
        kernel.on_link(name, driver.receive)
        self._drivers[name] = driver
        hurried = kernel.start_info.box_frames > 0
        if hurried:  # it needs no interrupt for that
            driver.start()
        await bind_line(kernel, line, driver.interrupt, programs_ioapic=self._programs_ioapic)
        if not hurried:
            driver.start()
        await ready
        if driver.error is not None:
            raise RuntimeError(driver.error)
        kernel.log(f"{name}: {len(driver.volumes)} volumes, irq {line.gsi} {line.trigger}")

    def volume(self, params: str) -> DrivenVolume:
        """The volume that a backend's `params` node names (`sda:3`); KeyError if there is none."""
        name, _, index = params.partition(":")
        driver = self._drivers[name]
        if not index.isdecimal() or int(index) >= len(driver.volumes):
            raise KeyError(params)
        sectors, read_only = driver.volumes[int(index)]
        return DrivenVolume(driver, int(index), sectors, read_only=read_only)

    @property
    def behind(self) -> dict[str, Callable[[str], object]]:
        """What backends give access to, by the key that names it in the store."""
        return {VBD.backing: self.volume}

    def lost(self, name: str) -> None:
        """The link to a disk is gone: its commands end with an error."""
        if name in self._drivers:
            self._drivers[name].disk_lost()

    def bridges(self) -> dict[str, BridgeStatistics]:
        """None: nothing is bridged to a disk."""
        return {}

    @property
    def in_flight(self) -> int:
        """Commands that the disks have not answered."""
        return sum(driver.in_flight for driver in self._drivers.values())
