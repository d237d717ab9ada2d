"""What a board has beside its IO-APIC: the record of one device, and what is known of each kind.

Rules: a new kind is a machine, a driver for it (`actors/drivers/hardware.py`), its words in the schema, and a
row of `HARDWARE_KINDS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from actors.abi.disk_controller import FIRST_DISK_GSI
from actors.devices.disk import Disk
from actors.devices.disk_statistics import DiskStatistics
from actors.devices.image import OpenImage
from actors.drivers.interrupt_line import InterruptLine
from actors.runtime.distribution import Distribution
from actors.runtime.machine import Machine
from actors.runtime.memory import Memory
from cluster.lab.config.schema import CostsSchema, HostSchema

Argument = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hardware:
    """One device: the program that is its machine, its interrupt line, and the domain that drives it.

    `argument`: what its program is told of it, as far as it does not depend on anything else.
    """

    name: str
    program: str
    gsi: int
    trigger: str
    argument: Argument
    driver: str = "dom0"

    @property
    def line(self) -> InterruptLine:
        """Its interrupt line, as the domain that drives it is told of it."""
        return InterruptLine(self.name, self.gsi, self.trigger)


@dataclass(frozen=True, slots=True)
class HardwareKind:
    """A kind of device.

    `key`: under which a domain is told of those that it drives. `described`: name, trigger and argument of
    each that a host has. `argument`: all that a device is told, from its record, the volumes that lie on it
    and the link of the domain that drives it. `machine`: from that, machine memory and a way to open images.
    `service`: what each of its commands takes in simulated time. `statistics`: what it says of itself.
    """

    key: str
    described: Callable[[HostSchema], Sequence[tuple[str, str, Argument]]]
    argument: Callable[[Hardware, list[Argument], str], Argument]
    machine: Callable[[Argument, Memory, OpenImage], Machine]
    service: Callable[[CostsSchema], dict[str, Distribution]]
    statistics: type[object]


def _disks(host: HostSchema) -> list[tuple[str, str, Argument]]:
    return [
        (
            disk.name,
            disk.trigger,
            {
                "name": disk.name,
                "trigger": disk.trigger,
                "write_cache": disk.write_cache,
                "write_back_ns": disk.write_back,
                "ignores_flush": disk.ignores_flush,
                "read_ns": disk.latency.read,
                "write_ns": disk.latency.write,
                "flush_ns": disk.latency.flush,
            },
        )
        for disk in host.disks
    ]


def _disk_argument(disk: Hardware, volumes: list[Argument], driver: str) -> Argument:
    return {**disk.argument, "volumes": volumes, "driver": driver}


def _disk_service(costs: CostsSchema) -> dict[str, Distribution]:
    return {"read": costs.disk_read, "write": costs.disk_write, "flush": costs.disk_flush}


DISK: Final = "disk"

HARDWARE_KINDS: Final[Mapping[str, HardwareKind]] = {
    DISK: HardwareKind("disks", _disks, _disk_argument, Disk, _disk_service, DiskStatistics),
}
"""By program, in the order in which the devices of a host have their lines."""


def hardware_of(host: HostSchema) -> tuple[Hardware, ...]:
    """The devices that a host is described to have, each on a line of its own."""
    driven = host.driven()
    devices = [
        (program, *device) for program, kind in HARDWARE_KINDS.items() for device in kind.described(host)
    ]
    return tuple(
        Hardware(name, program, FIRST_DISK_GSI + at, trigger, argument, driven.get(name, "dom0"))
        for at, (program, name, trigger, argument) in enumerate(devices)
    )
