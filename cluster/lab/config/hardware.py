"""The kinds of devices that a board can have.

Rules: a new kind is a machine, a driver for it (a row in `actors/drivers/hardware.py`), and a row here, from
which the words of the schema are made.
"""

from collections.abc import Mapping
from typing import Final

from cluster.lab.config.disk_hardware import DISKS
from cluster.lab.config.hardware_kind import HardwareKind
from cluster.lab.config.nic_hardware import NICS

DISK: Final = "disk"
NIC: Final = "nic"

HARDWARE_KINDS: Final[Mapping[str, HardwareKind]] = {DISK: DISKS, NIC: NICS}
"""By program, in the order in which the devices of a host have their lines."""
