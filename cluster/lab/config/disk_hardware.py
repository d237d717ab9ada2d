"""The physical disks of a host: a kind of hardware."""

from collections.abc import Iterator, Sequence
from typing import Final

from actors.devices.disk import Disk
from actors.devices.disk_statistics import DiskStatistics
from actors.runtime.distribution import Distribution
from cluster.lab.config.guest_device import ResolvedDevice
from cluster.lab.config.hardware_kind import Argument, HardwareKind, HardwareSchema, Surroundings
from cluster.lab.config.strict import Strict
from cluster.lab.config.values import Duration, WriteBack
from cluster.lab.config.volume import Volume


class LatencySchema(Strict):
    """How long a disk takes for a command, beyond what the machine needs anyway."""

    read: Duration = 0
    write: Duration = 0
    flush: Duration = 0


class DiskSchema(HardwareSchema):
    """A physical disk of a host."""

    write_cache: bool = True
    write_back: WriteBack = 200_000_000
    ignores_flush: bool = False
    latency: LatencySchema = LatencySchema()

    def argument(self) -> Argument:
        """What the disk is told of itself."""
        return {
            "name": self.name,
            "trigger": self.trigger,
            "write_cache": self.write_cache,
            "write_back_ns": self.write_back,
            "ignores_flush": self.ignores_flush,
            "read_ns": self.latency.read,
            "write_ns": self.latency.write,
            "flush_ns": self.latency.flush,
        }

    def mistakes(self) -> Iterator[tuple[str, str, str]]:
        """Only what is cached is written back."""
        if not self.write_cache and "write_back" in self.model_fields_set:
            yield "write_back", f"{self.name} has no cache to write back", "leave it out"


def _machine(argument: Argument, where: Surroundings) -> Disk:
    return Disk(argument, where.memory, where.open_image)


def _volumes(devices: Sequence[ResolvedDevice]) -> Argument:
    return {"volumes": [each.argument() for each in devices if isinstance(each, Volume)]}


DISKS: Final = HardwareKind(
    "disks",
    "sda",
    DiskSchema,
    _machine,
    {
        "read": Distribution("lognormal", (80_000, 250_000)),
        "write": Distribution("lognormal", (20_000, 100_000)),
        "flush": Distribution("lognormal", (500_000, 5_000_000)),
    },
    DiskStatistics,
    _volumes,
)
