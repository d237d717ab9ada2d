"""The network controllers of a domain: their drivers, and the bridges that they are uplinks of.

Rules: the domain has one bridge of each name that its controllers name, from when the first of them was
started until its end. What no interrupt has told of is looked for every WATCH_NS.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from actors.drivers.driven_bridge import DrivenBridge
from actors.drivers.interrupt_line import InterruptLine, bind_line
from actors.drivers.nic_driver import WATCH_NS, NicDriver
from actors.drivers.nic_frames import NicFrames
from actors.drivers.uplink import Uplink
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.network.bridge_statistics import BridgeStatistics

BRIDGE: Final = "bridge"
"""The key of a backend in the store, and of a controller in the configuration, that names a bridge."""
DEFAULT_BRIDGE: Final = "xenbr0"
BUFFERS: Final = 255
"""Frames to receive into, and frames to send from, for each queue: what fills its rings."""


def frames_of(queues: int) -> int:
    """How many frames of memory the driver of a controller with so many queues takes."""
    return 1 + queues * (2 + 2 * BUFFERS)


class Nics:
    """Every network controller that a domain drives."""

    def __init__(self, kernel: Kernel, programs_ioapic: bool) -> None:  # noqa: FBT001 (`MakeDriver`'s shape)
        self._kernel = kernel
        self._programs_ioapic = programs_ioapic
        self._uplinks: dict[str, Uplink] = {}
        self._bridges: dict[str, DrivenBridge] = {}

    async def probe(self, line: InterruptLine) -> None:
        """Reset a controller, take its interrupts, join it to its bridge.

        One that does not start now has no carrier, and is tried again by the watch.
        """
        kernel, name = self._kernel, line.name
        driver = self._driver_of(line)
        uplink = Uplink(driver, kernel.memory, line.lines, self._allocate(BUFFERS * line.lines))
        bridge = self._bridge_of(line)
        port = bridge.add_uplink(name, uplink)
        uplink.received = port.send
        uplink.tracepoint = kernel.threads.tracepoint
        uplink.carrier = partial(self._link_changed, bridge, name)
        kernel.on_link(name, driver.receive)
        if not self._uplinks:
            kernel.threads.spawn("nic watch", self._watch())
        self._uplinks[name] = uplink
        ready: Future[None] = Future()

        def started() -> None:
            driver.on_ready = lambda: self._restarted(driver)
            ready.set(None)

        driver.on_ready = started
        driver.listen(promiscuous=True)
        driver.start()  # it needs no interrupt for that
        for queue in range(line.lines):
            interrupt = partial(driver.interrupt, queue)
            await bind_line(kernel, line, interrupt, programs_ioapic=self._programs_ioapic, queue=queue)
        await ready
        if driver.error is not None:
            kernel.log(f"{name}: no network: {driver.error}")
            return
        for queue in range(line.lines):  # an edge before the line was bound is seen by nobody
            driver.interrupt(queue)
        irqs = f"irq {line.gsi}" if line.lines == 1 else f"irqs {line.gsis[0]} to {line.gsis[-1]}"
        kernel.log(f"{name}: {driver.mac.hex(':')}, {irqs} {line.trigger}, uplink of {bridge.name}")

    def bridge(self, name: str) -> DrivenBridge:
        """The bridge that a backend's `bridge` node names; KeyError if there is none."""
        return self._bridges[name]

    @property
    def behind(self) -> dict[str, Callable[[str], object]]:
        """What backends give access to, by the key that names it in the store."""
        return {BRIDGE: self.bridge}

    def lost(self, name: str) -> None:
        """The link to a controller is gone: what it was to send is lost."""
        if name in self._uplinks:
            self._uplinks[name].driver.lost()

    @property
    def in_flight(self) -> int:
        """Frames that the controllers have not sent."""
        return sum(each.driver.in_flight for each in self._uplinks.values())

    def bridges(self) -> dict[str, BridgeStatistics]:
        """What each bridge says of itself."""
        return {name: each.statistics() for name, each in self._bridges.items()}

    def _driver_of(self, line: InterruptLine) -> NicDriver:
        kernel, name = self._kernel, line.name
        frames = self._allocate(1 + 2 * line.lines + BUFFERS * line.lines)
        moderation_us = line.told.get("moderation_us", 0)
        assert isinstance(moderation_us, int), "the configuration has a number"
        return NicDriver(
            name,
            kernel.memory,
            NicFrames.in_a_row(frames, line.lines),
            lambda message: kernel.send(name, message),
            at_turn_end=kernel.at_turn_end,
            level=line.is_level,
            moderation_us=moderation_us,
        )

    def _allocate(self, count: int) -> list[int]:
        pages = self._kernel.pages
        first = pages.allocate_contiguous(count)
        return [pages.mfn(gfn) for gfn in range(first, first + count)]

    def _bridge_of(self, line: InterruptLine) -> DrivenBridge:
        name = str(line.told.get(BRIDGE, DEFAULT_BRIDGE))
        if name not in self._bridges:
            self._bridges[name] = DrivenBridge(name, lambda: self._kernel.threads.now_ns, self._kernel.taps)
        return self._bridges[name]

    def _link_changed(self, bridge: DrivenBridge, name: str, up: bool) -> None:  # noqa: FBT001 (as the driver has it)
        bridge.set_carrier(name, up=up)
        self._kernel.log(f"{name}: link {'up' if up else 'down'}")

    def _restarted(self, driver: NicDriver) -> None:
        self._kernel.log(f"{driver.name}: {driver.error or 'was started again'}")

    async def _watch(self) -> None:
        """What is stuck is started again, whoever has not told of it."""
        while True:
            await self._kernel.threads.sleep(WATCH_NS)
            for each in self._uplinks.values():
                if each.driver.watch():
                    self._kernel.log(f"{each.driver.name}: transmit queue timed out, or it failed: reset")
