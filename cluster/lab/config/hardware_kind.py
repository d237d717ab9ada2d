"""What a board has beside its IO-APIC: the record of one device, and what is known of each kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, Self

from actors.abi.disk_controller import FIRST_DISK_GSI
from actors.devices.image import OpenImage
from actors.drivers.interrupt_line import InterruptLine
from actors.runtime.distribution import Distribution
from actors.runtime.machine import Machine
from actors.runtime.memory import Memory
from cluster.lab.config.guest_device import ResolvedDevice
from cluster.lab.config.strict import Strict
from cluster.lab.config.values import Name

Argument = dict[str, Any]
FIRST_LINE: Final = FIRST_DISK_GSI
LINES: Final = 8
"""Lines of the IO-APIC for devices of a host: all from the first one that no legacy device has."""


class HardwareSchema(Strict):
    """The words of every device of a host; a kind has its own beside them."""

    name: Name
    trigger: Literal["edge", "level"] = "level"

    def placed(self, host: str) -> Self:  # noqa: ARG002 (of those on which it depends)
        """The same with all that follows from the host where it is."""
        return self

    @property
    def lines(self) -> int:
        """How many interrupt lines it has."""
        return 1

    def told(self) -> Argument:
        """What its driver is told of it."""
        return {}

    def argument(self) -> Argument:
        """What its program is told of it, as far as it does not depend on anything else."""
        return {"name": self.name, "trigger": self.trigger}

    def mistakes(self) -> Iterator[tuple[str, str, str]]:
        """Rows of key, what is wrong there, and what would be right."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Hardware:
    """One device: the program that is its machine, its interrupt line, and the domain that drives it.

    `argument`: what its program is told of it, as far as it does not depend on anything else; `told`: what
    its driver is. It has `lines` in a row from `gsi` on.
    """

    name: str
    program: str
    gsi: int
    trigger: str
    argument: Argument
    driver: str = "dom0"
    lines: int = 1
    told: Argument = field(default_factory=dict)

    @property
    def line(self) -> InterruptLine:
        """Its interrupt line, as the domain that drives it is told of it."""
        return InterruptLine(self.name, self.gsi, self.trigger, self.lines, self.told)

    @property
    def pins(self) -> dict[str, tuple[str, int]]:
        """By the name of its link to the IO-APIC, what that is called there, and the pin."""
        return {
            f"ioapic{at or ''}": (f"{self.name}.{at}" if at else self.name, gsi)
            for at, gsi in enumerate(self.line.gsis)
        }


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
    `is_wired`: it has a wire, to the switch of the cluster.
    """

    key: str
    example: str
    schema: type[HardwareSchema]
    machine: Callable[[Argument, Surroundings], Machine]
    service: Mapping[str, Distribution]
    statistics: type[object]
    carried: Callable[[Sequence[ResolvedDevice]], Argument] = carries_nothing
    most: int = LINES
    is_wired: bool = False
