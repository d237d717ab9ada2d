"""What a driver domain is to do, as its command line has it: JSON, made and read here only."""

import json
from dataclasses import dataclass

from actors.drivers.hardware import Given, devices_in, packed_devices
from actors.policies import Reconnect


@dataclass(frozen=True, slots=True)
class DriverConfiguration:
    """The devices that it drives, and the policies of its host. `watchdog_s`: 0 for none.

    `tells_states`: as dom0's (`HostPlan`).
    """

    name: str
    drives: Given
    reconnect: Reconnect
    watchdog_s: int
    tells_states: bool = False

    def cmd_line(self) -> str:
        """As text."""
        told = {
            "name": self.name,
            **packed_devices(self.drives),
            "reconnect": self.reconnect,
            "watchdog_s": self.watchdog_s,
            "tells_states": self.tells_states,
        }
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def parse(cls, cmd_line: str) -> "DriverConfiguration":
        """What `cmd_line` was made of."""
        told = json.loads(cmd_line)
        policy = Reconnect(told["reconnect"])
        return cls(told["name"], devices_in(told), policy, told["watchdog_s"], told["tells_states"])
