"""Frames that guests were shown and that were for others: no more than bridges and the switch have flooded.

Rules: what is for a station that nobody knows yet goes to all, so a flooded frame is seen once by each guest,
and twice if a fault doubles it. Of frames whose addresses a fault has damaged a few may go anywhere. What
else comes to a guest has to be for it, or for all.
"""

from collections.abc import Mapping
from typing import Final

from actors.devices.switch import Switch
from actors.dom0.control_domain import ControlDomain
from actors.domu.network_interface import NetworkInterface
from actors.drivers.driver_domain import DriverDomain
from actors.inet.drops import Drop

DOUBLED: Final = 2
DAMAGED_MAX: Final = 50


class FrameRecord:
    """What was seen by every life of every guest, and flooded by every life of those that forward frames."""

    def __init__(self) -> None:
        self._guests: list[tuple[str, Mapping[str, NetworkInterface]]] = []
        self._forwarders: list[ControlDomain | DriverDomain | Switch] = []

    def guest(self, address: str, interfaces: Mapping[str, NetworkInterface]) -> None:
        """A guest has begun a life with these interfaces, as far as there are any later on."""
        self._guests.append((address, interfaces))

    def forwarder(self, machine: ControlDomain | DriverDomain | Switch) -> None:
        """Somebody who forwards frames has begun a life."""
        self._forwarders.append(machine)

    def violations(self) -> list[str]:
        """Who was shown more than that."""
        limit = DAMAGED_MAX + DOUBLED * sum(_flooded(each) for each in self._forwarders)
        return [
            f"{address} was shown {seen} frames for others by {name}, and {limit} at most went to all"
            for address, interfaces in self._guests
            for name, each in interfaces.items()
            if (seen := each.stack.network.drops[Drop.FRAME_NOT_OURS]) > limit
        ]


def _flooded(machine: ControlDomain | DriverDomain | Switch) -> int:
    if isinstance(machine, Switch):
        return machine.statistics().flooded
    return sum(each.flooded for each in machine.statistics().bridges.values())
