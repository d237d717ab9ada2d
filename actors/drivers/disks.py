"""The disks of the host: their interrupts, their drivers, and the volumes that backends use.

An interrupt takes the way of the thread's patches: GSI set up and mapped to a pirq, the redirection
entry written through PHYSDEVOP_apic_write, the pirq bound to an event channel, EOI when it is level.
Source: xen/include/public/physdev.h; patches 5 to 9 of the 2009 series.
"""

from collections.abc import Callable

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.hypercalls import Physdevop
from actors.abi.types import DOMID_SELF
from actors.drivers.disk_driver import DiskDriver
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future

IO_APIC_BASE = 0xFEC00000
MAP_PIRQ_TYPE_GSI = 1
RTE_LEVEL = 1 << 15
RTE_ACTIVE_LOW = 1 << 13
QUEUE_FRAMES = 10


class Volume:
    """One volume of a disk, as a block backend uses it."""

    def __init__(self, driver: DiskDriver, index: int, sectors: int, *, read_only: bool) -> None:
        self._driver = driver
        self._index = index
        self.sectors = sectors
        self.read_only = read_only

    def submit(
        self,
        opcode: int,
        sector: int,
        segments: list[tuple[int, int, int]],
        done: Callable[[int], None],
        fua: bool = False,  # noqa: FBT001, FBT002 (positional, as blkback calls it)
    ) -> None:
        """Hand one command to the disk; `done(status)` when the disk has answered."""
        self._driver.submit(opcode, self._index, sector, segments, done, fua)


class Disks:
    """Every disk controller of the host, from dom0's side."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._drivers: dict[str, DiskDriver] = {}
        self._ready: dict[str, Future[None]] = {}

    async def probe(self, name: str, gsi: int, trigger: str) -> None:
        """Reset a controller, route its interrupt, learn its volumes."""
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
        driver.tracepoint, driver.number = kernel.threads.tracepoint, len(self._drivers)
        kernel.on_link(name, driver.receive)
        self._drivers[name] = driver
        await self._route(name, gsi, trigger, driver.interrupt)
        driver.start()
        await ready
        if driver.error is not None:
            raise RuntimeError(driver.error)
        kernel.log(f"{name}: {len(driver.volumes)} volumes, irq {gsi} {trigger}")

    def volume(self, params: str) -> Volume:
        """The volume that a backend's `params` node names (`sda:3`); KeyError if there is none."""
        name, _, index = params.partition(":")
        driver = self._drivers[name]
        if not index.isdecimal() or int(index) >= len(driver.volumes):
            raise KeyError(params)
        sectors, read_only = driver.volumes[int(index)]
        return Volume(driver, int(index), sectors, read_only=read_only)

    def lost(self, name: str) -> None:
        """The link to a disk is gone: its commands end with an error."""
        if name in self._drivers:
            self._drivers[name].disk_lost()

    @property
    def in_flight(self) -> int:
        """Commands that the disks have not answered."""
        return sum(driver.in_flight for driver in self._drivers.values())

    async def _set_up(self, gsi: int, *, level: bool) -> None:
        try:
            await self._kernel.xen.physdev_op(
                Physdevop.setup_gsi, gsi=gsi, triggering=int(level), polarity=int(level)
            )
        except XenError as error:
            if error.errno != Errno.ENOSYS:
                raise
            self._kernel.log(f"GSI {gsi}: this Xen has no PHYSDEVOP_setup_gsi; the IO-APIC entry will do")

    async def _route(self, name: str, gsi: int, trigger: str, interrupt: Callable[[], None]) -> None:
        kernel, level = self._kernel, trigger == "level"
        await self._set_up(gsi, level=level)
        out = await kernel.xen.physdev_op(
            Physdevop.map_pirq, domid=DOMID_SELF, type=MAP_PIRQ_TYPE_GSI, index=gsi, pirq=gsi
        )
        pirq = out["pirq"]
        assert isinstance(pirq, int), "map_pirq fills in a pirq"
        vector = (await kernel.xen.physdev_op(Physdevop.alloc_irq_vector, irq=gsi))["vector"]
        assert isinstance(vector, int), "alloc_irq_vector fills in a vector"

        def handler() -> None:
            interrupt()
            if level:
                kernel.xen.post(Number.physdev_op, Physdevop.eoi, {"irq": pirq})

        kind = "xen-pirq -ioapic-level" if level else "xen-pirq -ioapic-edge"
        await kernel.irq.bind_pirq(pirq, kind, name, handler)
        entry = vector | (RTE_LEVEL | RTE_ACTIVE_LOW if level else 0)
        for reg, value in ((0x11 + 2 * gsi, 0), (0x10 + 2 * gsi, entry)):
            await kernel.xen.physdev_op(
                Physdevop.apic_write, apic_physbase=IO_APIC_BASE, reg=reg, value=value
            )
