"""What a board has beside its IO-APIC: the record of one device, and what is known of each kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from actors.devices.image import OpenImage
from actors.drivers.interrupt_line import InterruptLine
from actors.runtime.distribution import Distribution
from actors.runtime.machine import Machine
from actors.runtime.memory import Memory
from cluster.lab.config.guest_device import ResolvedDevice
from cluster.lab.config.strict import Strict
from cluster.lab.config.values import Name

Argument = dict[str, Any]


class HardwareSchema(Strict):
    """The words of every device of a host; a kind has its own beside them."""

    name: Name
    trigger: Literal["edge", "level"] = "level"

    def argument(self) -> Argument:
        """What its program is told of it, as far as it does not depend on anything else."""
        return {"name": self.name, "trigger": self.trigger}

    def mistakes(self) -> Iterator[tuple[str, str, str]]:
        """Rows of key, what is wrong there, and what would be right."""
        return iter(())


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


class Surroundings(Protocol):
    """What the machine of a device finds where it runs."""

    @property
    def memory(self) -> Memory:
        """Machine memory."""
        ...

    @property
    def open_image(self) -> OpenImage:
        """What opens an image file."""
        ...


def carries_nothing(_: Iterable[ResolvedDevice]) -> Argument:
    """What a kind on which no guest's device lies is told of them."""
    return {}


@dataclass(frozen=True, slots=True)
class HardwareKind:
    """A kind of device.

    `key`: under which a host has its devices, each as `schema` has it and at most `most`, and a domain is
    told of those that it drives; `example` is the name of one. `machine`: from what it is told and where it
    runs. `service`: what each of its commands takes in simulated time if the configuration does not say.
    `statistics`: what it says of itself. `carried`: what it is told of those guests' devices that lie on it.
    """

    key: str
    example: str
    schema: type[HardwareSchema]
    machine: Callable[[Argument, Surroundings], Machine]
    service: Mapping[str, Distribution]
    statistics: type[object]
    carried: Callable[[Sequence[ResolvedDevice]], Argument] = carries_nothing
    most: int = 8
