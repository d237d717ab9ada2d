"""The classes of devices that a guest can get from its configuration.

Rules: a new class is a row of `actors/device_classes.py`, and a row here, from which the words of the schema
are made.
"""

from collections.abc import Mapping
from typing import Final

from cluster.lab.config.guest_device import DeviceDescription, GuestDeviceKind
from cluster.lab.config.guest_disk import GUEST_DISKS
from cluster.lab.config.guest_network import GUEST_NETWORKS

GUEST_DEVICES: Final[Mapping[str, GuestDeviceKind]] = {
    each.device_class.name: each for each in (GUEST_DISKS, GUEST_NETWORKS)
}
"""By the name of the class."""


def kind_of(device: DeviceDescription) -> GuestDeviceKind:
    """The row of a device's class."""
    return next(each for each in GUEST_DEVICES.values() if isinstance(device, each.description))
