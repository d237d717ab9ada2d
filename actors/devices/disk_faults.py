"""What is broken in a disk, beside what can be in any device.

Source: `docs/faults.md`; the atomicity of a sector at a loss of power is NVM Express's AWUPF.
"""

from enum import StrEnum
from random import Random
from typing import Final

from actors.abi.disk_controller import Opcode
from actors.devices.device_faults import AnyDevice, DeviceFaults
from actors.messages import Fault

NAMES: Final = {int(Opcode.read): "read", int(Opcode.write): "write", int(Opcode.flush): "flush"}


class _Breakage(StrEnum):
    """What can be broken in a disk, by the kind of fault that does it."""

    commands_fail = "disk-error"
    stalled = "disk-stall"
    tearing = "disk-torn-write"
    lying = "disk-lying-flush"


class DiskFaults(DeviceFaults):
    """The faults of one disk."""

    def __init__(self) -> None:
        super().__init__({*_Breakage, *AnyDevice})
        self.stalled = False
        self.lying = False
        self.errors = 0
        self.flushes_ignored = 0

    def take(self, fault: Fault, now_ns: int) -> bool:
        """A fault comes or goes; False if a disk knows no such kind, or its options make no sense."""
        operations = fault.options.get("operations", [])
        if not isinstance(operations, list) or not super().take(fault, now_ns):
            return False
        self.stalled = self.has(_Breakage.stalled)
        self.lying = self.has(_Breakage.lying)
        return True

    def fails(self, opcode: int) -> bool:
        """Whether this command is to fail."""
        name = NAMES.get(opcode)
        for each in self.those(_Breakage.commands_fail):
            operations = each.options.get("operations", list(NAMES.values()))
            if isinstance(operations, list) and name in operations and each.strikes():
                self.errors += 1
                return True
        return False

    def tearing(self) -> Random | None:
        """Where writing stops when the power goes; None if sectors are atomic, as promised."""
        return next((each.random for each in self.those(_Breakage.tearing)), None)
