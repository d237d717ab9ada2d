"""What a guest is to do, as its command line has it: JSON, made and read here only."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from actors.block.vbd import VBD
from actors.device_classes import DEVICE_CLASSES
from actors.domu.store_client import StoreSpec
from actors.domu.workload import WorkloadSpec
from actors.policies import Frontend


@dataclass(frozen=True, slots=True)
class GuestDevice:
    """A paravirtual device that it finds: a row of its class. One that names no class is a disk."""

    row: Mapping[str, object]
    device_class: str = VBD.name

    @property
    def identity(self) -> tuple[str, int]:
        """What people call it, and its number among those of its class."""
        return DEVICE_CLASSES[self.device_class].identity(self.row)

    def pack(self) -> dict[str, object]:
        """As the command line has it."""
        told = {} if self.device_class == VBD.name else {"class": self.device_class}
        return {**told, **self.row}

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> "GuestDevice":
        """What `pack` was given."""
        row = {key: value for key, value in told.items() if key != "class"}
        return cls(row, told.get("class", VBD.name))


@dataclass(frozen=True, slots=True)
class GuestConfiguration:
    """Its work on each of its disks and on XenStore, None for none; its writes are stamped with `guest_id`.

    `vitals_ns`: how often it tells its vitals.
    """

    name: str
    guest_id: int
    frontend: Frontend
    vitals_ns: int
    workload: WorkloadSpec | None
    store: StoreSpec | None
    seed: int
    devices: tuple[GuestDevice, ...]

    def cmd_line(self) -> str:
        """As text."""
        told = {**asdict(self), "devices": [each.pack() for each in self.devices]}
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def parse(cls, cmd_line: str) -> "GuestConfiguration":
        """What `cmd_line` was made of."""
        told = json.loads(cmd_line)
        return cls(
            name=told["name"],
            guest_id=told["guest_id"],
            frontend=Frontend(told["frontend"]),
            vitals_ns=told["vitals_ns"],
            workload=WorkloadSpec(**told["workload"]) if told["workload"] is not None else None,
            store=StoreSpec(**told["store"]) if told["store"] is not None else None,
            seed=told["seed"],
            devices=tuple(GuestDevice.parse(each) for each in told["devices"]),
        )
