"""The disks of a domain: their interrupts, their drivers, and the volumes that backends use.

An interrupt is a pirq bound to an event channel, with an EOI when it is level. The hardware domain
brings the line that far itself (`gsi.py`); to a driver domain it was given when that was built.
Source: xen/include/public/physdev.h; Linux drivers/xen/events (xen_bind_pirq_gsi_to_irq).
"""

from collections.abc import Callable

from actors.abi.disk_controller import FIRST_DISK_GSI, Opcode
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.hypercalls import Physdevop
from actors.abi.types import DOMID_SELF
from actors.block.operations import FLUSH, READ, WRITE
from actors.block.vbd import VBD
from actors.drivers.disk_driver import DiskDriver
from actors.drivers.gsi import choose_vector, map_gsi, set_up_gsi, write_entry
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future

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
    """Every disk controller that a domain drives. `hardware`: it programs the IO-APIC itself."""

    def __init__(self, kernel: Kernel, *, hardware: bool) -> None:
        self._kernel = kernel
        self._hardware = hardware
        self._drivers: dict[str, DiskDriver] = {}
        self._ready: dict[str, Future[None]] = {}

    async def probe(self, name: str, gsi: int, trigger: str) -> None:
        """Reset a controller, take its interrupt, learn its volumes. RuntimeError if it does not start."""
        kernel = self._kernel
        first = kernel.pages.allocate_contiguous(QUEUE_FRAMES)
        frames = [kernel.pages.mfn(gfn) for gfn in range(first, first + QUEUE_FRAMES)]
        ready: Future[None] = Future()
        driver = DiskDriver(
            name,
            kernel.memory,
            frames,
            lambda message: kernel.send(name, message),
            at_turn_end=kernel.at_turn_end,
            edge=trigger == "edge",
        )
        driver.on_ready = lambda: ready.set(None)
        driver.tracepoint, driver.number = kernel.threads.tracepoint, gsi - FIRST_DISK_GSI
        kernel.on_link(name, driver.receive)
        self._drivers[name] = driver
        await self._route(name, gsi, trigger, driver.interrupt)
        driver.start()
        await ready
        if driver.error is not None:
            raise RuntimeError(driver.error)
        kernel.log(f"{name}: {len(driver.volumes)} volumes, irq {gsi} {trigger}")

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

    @property
    def in_flight(self) -> int:
        """Commands that the disks have not answered."""
        return sum(driver.in_flight for driver in self._drivers.values())

    async def _route(self, name: str, gsi: int, trigger: str, interrupt: Callable[[], None]) -> None:
        kernel, level = self._kernel, trigger == "level"
        pirq, vector = gsi, 0
        if self._hardware:
            await set_up_gsi(kernel.xen, gsi, kernel.log, level=level)
            pirq = await map_gsi(kernel.xen, DOMID_SELF, gsi)
            vector = await choose_vector(kernel.xen, gsi)

        def handler() -> None:
            interrupt()
            if level:
                kernel.xen.post(Number.physdev_op, Physdevop.eoi, {"irq": pirq})

        kind = "xen-pirq -ioapic-level" if level else "xen-pirq -ioapic-edge"
        await kernel.irq.bind_pirq(pirq, kind, name, handler)
        if self._hardware:
            await write_entry(kernel.xen, gsi, vector, level=level)
