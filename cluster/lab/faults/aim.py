"""What a kind of fault is done to, in files and by hand, or what of that a campaign hits.

Rules: an aim at the devices of a class is called as the class is.
"""

from enum import Enum

from actors.device_classes import DEVICE_CLASSES


class Aim(Enum):
    """What a kind can be done to; the value says how such a target is written."""

    domain = "HOST/dom0, HOST/GUEST, HOST/DRIVER or HOST/xenstore"
    dom0 = "HOST/dom0"
    spare = "HOST/dom0-spare of a host that has one"
    disk = "HOST/DISK"
    vbd = "HOST/GUEST/VDEV"
    vif = "HOST/GUEST/INTERFACE"
    store = "HOST/xenstored"
    host = "HOST"
    actor = "HOST/DOMAIN, HOST/DISK, HOST/NIC, HOST/hypervisor or HOST/ioapic"
    device = "HOST/DISK or HOST/NIC"
    nic = "HOST/NIC"
    wire = "HOST/NIC:switch or HOST/switch:NIC"
    wired = "HOST of one that has a NIC"
    link = "HOST/FROM:TO"
    driver = "HOST/DRIVER"
    guest = "HOST/GUEST"
    level_disk = "HOST/DISK of a level-triggered line"

    @property
    def device_class(self) -> str:
        """The class of the guests' devices that it is; empty if it is something else."""
        return self.name if self.name in DEVICE_CLASSES else ""
