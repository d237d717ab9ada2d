"""The devices that a domain drives: it waits for each, and has the driver of its kind start it.

Rules: a device is who its link says; a link is a device's if the domain was told of one of that name. A new
kind of device is a driver in a file of its own and a row of `DRIVERS`.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from actors.drivers.disks import Disks
from actors.drivers.interrupt_line import InterruptLine, lines_of, packed_line
from actors.drivers.nics import Nics
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Signal
from actors.network.bridge_statistics import BridgeStatistics

Behind = Mapping[str, Callable[[str], object]]
"""What finds that to which a backend gives access, by the key that names it; KeyError if there is none."""


class DeviceDriver(Protocol):
    """What drives all devices of one kind in a domain."""

    async def probe(self, line: InterruptLine) -> None:
        """Start a device whose link is there. RuntimeError if it does not start."""
        ...

    def lost(self, name: str) -> None:
        """The link to a device is gone, whether it was started or not: what was asked of it fails."""
        ...

    @property
    def behind(self) -> Behind:
        """What backends give access to of the devices."""
        ...

    @property
    def in_flight(self) -> int:
        """What the devices have not answered."""
        ...

    def bridges(self) -> Mapping[str, BridgeStatistics]:
        """What the bridges that the devices are uplinks of say of themselves, by name."""
        ...


MakeDriver = Callable[[Kernel, bool], DeviceDriver]
"""Makes a driver for a kernel; the flag says whether it programs the IO-APIC itself."""

Given = Mapping[str, tuple[InterruptLine, ...]]
"""The devices that a domain is told of, by kind."""

DRIVERS: Final[Mapping[str, MakeDriver]] = {"disks": Disks, "nics": Nics}
"""The kinds, by the key under which a domain is told of its devices, in the order in which they start."""


def devices_in(data: Mapping[str, object]) -> Given:
    """The devices that a domain is told of: a list of lines for each kind."""
    return {kind: lines_of(data.get(kind, [])) for kind in DRIVERS}


def packed_devices(given: Given) -> dict[str, list[dict[str, object]]]:
    """What `devices_in` is to find, as it crosses."""
    return {kind: list(map(packed_line, lines)) for kind, lines in given.items() if lines}


class DrivenHardware:
    """The devices of one domain, and their drivers."""

    def __init__(
        self,
        kernel: Kernel,
        given: Given,
        *,
        programs_ioapic: bool,
        drivers: Mapping[str, MakeDriver] = DRIVERS,
    ) -> None:
        self._kernel = kernel
        self._given = given
        self._drivers = {kind: make(kernel, programs_ioapic) for kind, make in drivers.items()}
        self._kinds = {line.name: kind for kind, lines in given.items() for line in lines}
        self._links: set[str] = set()
        self._link_came = Signal()

    def __str__(self) -> str:
        return ", ".join(f"{len(lines)} {kind}" for kind, lines in self._given.items() if lines)

    async def probe(self) -> None:
        """Start every device as soon as its link is there, in their order."""
        for kind, lines in self._given.items():
            for line in lines:
                while line.name not in self._links:
                    await self._link_came.wait()
                await self._drivers[kind].probe(line)

    @property
    def behind(self) -> Behind:
        """What backends give access to."""
        return {key: find for each in self._drivers.values() for key, find in each.behind.items()}

    def owns(self, link: str) -> bool:
        """Whether it is a device's."""
        return link in self._kinds

    def opened(self, link: str) -> None:
        """A device is there."""
        self._links.add(link)
        self._link_came.set()

    def closed(self, link: str, reason: str) -> None:
        """A device is gone: what was asked of it fails."""
        self._links.discard(link)
        self._drivers[self._kinds[link]].lost(link)
        self._kernel.log(f"{link}: lost: {reason}")

    @property
    def in_flight(self) -> int:
        """What the devices have not answered."""
        return sum(each.in_flight for each in self._drivers.values())

    def bridges(self) -> dict[str, BridgeStatistics]:
        """What its bridges say of themselves."""
        return {name: said for each in self._drivers.values() for name, said in each.bridges().items()}
