"""What is broken in a switch.

Rules: a partition separates the ports that it names from all others, both ways; of several each does.
A switch that stalls takes nothing and gives nothing; what is on its way arrives when that is over.
"""

from collections.abc import Collection
from enum import StrEnum

from actors.devices.device_faults import AnyDevice, DeviceFaults
from actors.messages import Fault


class _Breakage(StrEnum):
    """What can be broken in a switch, by the kind of fault that does it."""

    stalled = "switch-stall"
    parted = "switch-partition"


class SwitchFaults(DeviceFaults):
    """The faults of a switch with these ports."""

    def __init__(self, ports: Collection[str]) -> None:
        super().__init__({*_Breakage, AnyDevice.slow})
        self._ports = frozenset(ports)
        self._sides: list[frozenset[str]] = []
        self.stalled = False

    def take(self, fault: Fault, now_ns: int) -> bool:
        """A fault comes or goes; False if a switch knows no such kind, or its options make no sense."""
        partition = fault.active and fault.kind == _Breakage.parted
        if partition and self._side(fault.options.get("ports")) is None:
            return False
        if not super().take(fault, now_ns):
            return False
        self.stalled = self.has(_Breakage.stalled)
        sides = [self._side(each.options.get("ports")) for each in self.those(_Breakage.parted)]
        self._sides = [side for side in sides if side is not None]
        return True

    def separates(self, one: str, other: str) -> bool:
        """Whether nothing gets from one port to the other."""
        return any((one in side) != (other in side) for side in self._sides)

    def _side(self, ports: object) -> frozenset[str] | None:
        """The ports of one side of a partition; None unless they are ports of this switch."""
        if not isinstance(ports, list) or not ports:
            return None
        side = frozenset(each for each in ports if isinstance(each, str))
        return side if len(side) == len(ports) and side <= self._ports else None
