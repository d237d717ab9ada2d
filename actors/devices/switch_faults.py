"""What is broken in a switch.

Rules: a partition separates the ports that it names from all others, both ways; of several each does.
A port that stalls takes nothing and gives nothing; what is on its way there arrives when that is over.
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
        self.stalled: frozenset[str] = frozenset()

    def take(self, fault: Fault, now_ns: int) -> bool:
        """A fault comes or goes; False if a switch knows no such kind, or its options make no sense."""
        of_ports = fault.active and fault.kind in set(_Breakage)
        if of_ports and self._side(fault.options.get("ports")) is None:
            return False
        if not super().take(fault, now_ns):
            return False
        self.stalled = frozenset().union(*self._sides_of(_Breakage.stalled))
        self._sides = self._sides_of(_Breakage.parted)
        return True

    def separates(self, one: str, other: str) -> bool:
        """Whether nothing gets from one port to the other."""
        return any((one in side) != (other in side) for side in self._sides)

    def _sides_of(self, kind: str) -> list[frozenset[str]]:
        sides = [self._side(each.options.get("ports")) for each in self.those(kind)]
        return [side for side in sides if side is not None]

    def _side(self, ports: object) -> frozenset[str] | None:
        """The ports that a fault names; None unless they are ports of this switch."""
        if not isinstance(ports, list) or not ports:
            return None
        side = frozenset(each for each in ports if isinstance(each, str))
        return side if len(side) == len(ports) and side <= self._ports else None
