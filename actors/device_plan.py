"""A paravirtual device that was planned for a guest, as dom0 is told of it, and as the guest is.

Rules: a frozen record, which crosses as msgpack data or JSON; that is made and read here only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.device_classes import DEVICE_CLASSES
from actors.kernel.device_class import DeviceKeys
from actors.kernel.handover import Device


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """A row of its class. `backend`: the domain that serves it; a guest finds that in the store instead."""

    device_class: str
    row: Mapping[str, object] = field(hash=False)
    backend: int = 0

    @property
    def identity(self) -> tuple[str, int]:
        """What people call it, and its number among those of its class."""
        return DEVICE_CLASSES[self.device_class].identity(self.row)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.identity[0]

    @property
    def number(self) -> int:
        """Its number among those of its class."""
        return self.identity[1]

    def of(self, domid: int) -> Device:
        """Which one it is, as the device of this domain."""
        return self.device_class, domid, self.number

    @property
    def keys(self) -> DeviceKeys:
        """What its class has in the store beside what every device has."""
        return DEVICE_CLASSES[self.device_class].keys(self.row)

    def pack(self) -> dict[str, object]:
        """As it crosses; `backend` is left out if it is dom0."""
        served = {"backend": self.backend} if self.backend else {}
        return {"class": self.device_class, **self.row, **served}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "DevicePlan":
        """What `pack` has made."""
        row = {key: value for key, value in data.items() if key not in {"class", "backend"}}
        return cls(data["class"], row, data.get("backend", 0))
