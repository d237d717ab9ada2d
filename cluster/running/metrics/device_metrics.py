"""The metrics of the devices of a guest, class by class.

Rules: what the ends of a device say of themselves goes to those metrics that read the records of its class;
what stands in no record is in the row of the class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from actors.abi.blkif import BLKIF_RING_ENTRIES
from actors.abi.interface import XenbusState
from actors.block.vbd import VBD
from actors.device_classes import DEVICE_CLASSES
from actors.vif.vif import VIF
from cluster.lab.config.guest_device import ResolvedDevice
from cluster.lab.config.resolved_domains import ResolvedGuest
from cluster.lab.experiment.readings import Readings
from cluster.running.metrics import catalog, network_catalog
from cluster.running.metrics.families import Families
from cluster.running.metrics.family import Family, Number


@dataclass(frozen=True, slots=True)
class DeviceMetrics:
    """Those of a class: who serves a device, the states of its ends, what is always the same (`fixed`)."""

    info: Family
    state: Family
    fixed: tuple[tuple[Family, Number], ...] = ()


DEVICE_METRICS: Final[Mapping[str, DeviceMetrics]] = {
    VBD.name: DeviceMetrics(
        catalog.VBD_INFO, catalog.VBD_XENBUS_STATE, ((catalog.VBD_RING_SLOTS, BLKIF_RING_ENTRIES),)
    ),
    VIF.name: DeviceMetrics(network_catalog.VIF_INFO, network_catalog.VIF_XENBUS_STATE),
}
"""By the name of the class."""


class DeviceSeries:
    """The series of one device of a guest, which is called `label` in them."""

    def __init__(self, guest: ResolvedGuest, device: ResolvedDevice, label: str) -> None:
        name, number = device.identity
        self._class, self._metrics = DEVICE_CLASSES[device.device_class], DEVICE_METRICS[device.device_class]
        self._front = guest.guest_id, device.device_class
        self._back = guest.guest_id, device.device_class, number
        self._name = name
        self._backend = device.backend
        self._labels = label, name

    def write(self, families: Families, readings: Readings) -> None:
        """All of them; what its ends have not said yet is 0."""
        labels = self._labels
        front = readings.frontends.get(self._front, {}).get(self._name)
        back = readings.backends.get(self._back)
        families.add(self._metrics.info, 1, *labels, self._backend)
        for family, value in self._metrics.fixed:
            families.add(family, value, *labels)
        families.add_all(self._class.frontend_statistics, front, *labels)
        families.add_all(self._class.backend_statistics, back, *labels)
        for end, told in (("frontend", front), ("backend", back)):
            state = XenbusState[told.state] if told is not None else XenbusState.Unknown
            families.add(self._metrics.state, int(state), *labels, end)
