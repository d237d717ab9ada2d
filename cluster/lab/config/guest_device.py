"""A paravirtual device of a guest on its way from the file to both of its ends, whatever its class.

Rules: as the file has it (`GuestDeviceSchema`), as it was understood (`DeviceDescription`), and with
everything decided (`ResolvedDevice`), one for each guest of a count. Frozen, all three.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actors.device_plan import DevicePlan
from actors.kernel.device_class import DeviceClass
from cluster.lab.config.errors import Finding
from cluster.lab.config.strict import Strict
from cluster.lab.config.yaml_source import Where, YamlSource


@dataclass(frozen=True, slots=True)
class ResolvedDevice(ABC):
    """A device of `guest`, which the domain `backend` serves; both are names."""

    guest: str
    backend: str

    @property
    @abstractmethod
    def device(self) -> DevicePlan:
        """The device as its guest is told of it."""

    @abstractmethod
    def plan(self, backend: int) -> DevicePlan:
        """The device as dom0 is told of it; `backend` is the number of the domain that serves it."""

    @property
    def lies_on(self) -> str:
        """The device of the host that it is a part of, by name; empty for none."""
        return ""

    @property
    def identity(self) -> tuple[str, int]:
        """What people call it, and its number among those of its class."""
        return self.device.identity

    @property
    def device_class(self) -> str:
        """The name of its class."""
        return self.device.device_class

    @property
    def target(self) -> str:
        """What it is called on its host."""
        return f"{self.guest}/{self.identity[0]}"

    def placed(self, images: Path, host: str) -> "ResolvedDevice":  # noqa: ARG002 (of those that have files)
        """The same with the files that the run makes for this host in a folder."""
        return self


@dataclass(frozen=True, slots=True)
class DeviceDescription(ABC):
    """A device as it stands in a file, at `line` of `path`; `backend`: the domain that is to serve it."""

    path: Path
    line: int
    backend: str

    @property
    @abstractmethod
    def identity(self) -> tuple[str, int]:
        """What people call it, and its number among those of its class."""

    @abstractmethod
    def resolved(self, guest: str, folder: Path, taken: Counter[str]) -> ResolvedDevice:
        """That of a guest. `taken`: how many lie on each device of the host; it is counted in."""

    @property
    def lies_on(self) -> str:
        """The device of the host that it is to be a part of, by name; empty for none."""
        return ""

    def finding(self, wrong: str, right: str) -> Finding:
        """A finding at this device."""
        return Finding(self.path, self.line, wrong, right)


@dataclass(frozen=True, slots=True)
class DevicePlace:
    """Where in a file a device stands. `on`: what it lies on if it does not say so, by its backend."""

    source: YamlSource
    where: Where
    findings: list[Finding]
    on: Callable[[str], str]

    def refuse(self, wrong: str, right: str) -> None:
        """Something is wrong with the whole of it."""
        self.findings.append(self.source.finding(self.where, wrong, right))


class GuestDeviceSchema(Strict):
    """The words of every device of a guest; a class has its own beside them."""

    backend: str = "dom0"

    def describe(self, place: DevicePlace) -> DeviceDescription | None:
        """What stands there; None, with a finding, if it cannot be understood."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class GuestDeviceKind:
    """A class as a guest's configuration has it: under the class's `plural`, each as `schema` says.

    `resolved`: what is made of each. `hardware`: the program of what they lie on, whose name is the key by
    which a guest says so for all of its own; empty if they lie on nothing. `apart`: what keeps two apart.
    """

    device_class: DeviceClass
    schema: type[GuestDeviceSchema]
    description: type[DeviceDescription]
    resolved: type[ResolvedDevice]
    hardware: str = ""
    apart: str = "give each a name of its own"
