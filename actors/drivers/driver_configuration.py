"""What a driver domain is to do, as its command line has it: JSON, made and read here only."""

import json
from dataclasses import asdict, dataclass

from actors.drivers.disk_line import DiskLine
from actors.policies import Reconnect


@dataclass(frozen=True, slots=True)
class DriverConfiguration:
    """Its disks, and the policies of its host. `watchdog_s`: 0 for none."""

    name: str
    disks: tuple[DiskLine, ...]
    reconnect: Reconnect
    watchdog_s: int

    def cmd_line(self) -> str:
        """As text."""
        told = {**asdict(self), "disks": [each._asdict() for each in self.disks]}
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def parse(cls, cmd_line: str) -> "DriverConfiguration":
        """What `cmd_line` was made of."""
        told = json.loads(cmd_line)
        disks = tuple(DiskLine(**each) for each in told["disks"])
        return cls(told["name"], disks, Reconnect(told["reconnect"]), told["watchdog_s"])
