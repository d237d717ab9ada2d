"""Statistics on their way: the record that a machine declares, as the map that crosses, and back.

Rules: what comes back is the record that was sent. A field that is missing, or of another kind, is an error.
What ends of devices say (`devices`) comes back as the record that their class declares for that end.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter

from actors.device_classes import DEVICE_CLASSES
from actors.devices.gateway import GatewayStatistics
from actors.devices.ioapic import IoApicStatistics
from actors.devices.switch_statistics import SwitchStatistics
from actors.dom0.control_domain import ControlDomainStatistics
from actors.domu.guest import GuestStatistics
from actors.drivers.driver_domain import DriverDomainStatistics
from actors.hypervisor.statistics import HypervisorStatistics
from actors.xenstore.store import StoreStatistics
from cluster.lab.config.hardware import HARDWARE_KINDS

T = TypeVar("T")

RECORDS: Final[tuple[type, ...]] = (
    HypervisorStatistics,
    IoApicStatistics,
    SwitchStatistics,
    GatewayStatistics,
    *(each.statistics for each in HARDWARE_KINDS.values()),
    ControlDomainStatistics,
    DriverDomainStatistics,
    StoreStatistics,
    GuestStatistics,
)
"""What the machines of a host declare."""

Adapters = Mapping[str, TypeAdapter[Any]]

_ADAPTERS: Final[Mapping[type, TypeAdapter[Any]]] = {kind: TypeAdapter(kind) for kind in RECORDS}
_FRONTENDS: Final[Adapters] = {
    each.name: TypeAdapter(each.frontend_statistics) for each in DEVICE_CLASSES.values()
}
_BACKENDS: Final[Adapters] = {
    each.name: TypeAdapter(each.backend_statistics) for each in DEVICE_CLASSES.values()
}
_DEVICES: Final[Mapping[type, Adapters]] = {
    GuestStatistics: _FRONTENDS,
    ControlDomainStatistics: _BACKENDS,
    DriverDomainStatistics: _BACKENDS,
}
"""The ends that `devices` of a record are, by class."""


def map_of(record: object) -> dict[str, object]:
    """A record as a map, the records in it as maps, too."""
    kind = type(record)
    made: dict[str, object] = _ADAPTERS[kind].dump_python(record, serialize_as_any=kind in _DEVICES)
    return made


def record_of(kind: type[T], values: dict[str, object]) -> T:
    """The record that the map was made of. ValueError, with what is missing or wrong, if it was another."""
    if (adapters := _DEVICES.get(kind)) is not None:
        values = {**values, "devices": _devices_of(adapters, values.get("devices"))}
    made: T = _ADAPTERS[kind].validate_python(values)
    return made


def _devices_of(adapters: Adapters, values: object) -> object:
    if not isinstance(values, Mapping):
        return values
    if unknown := values.keys() - adapters.keys():
        raise ValueError(f"no class of devices: {', '.join(map(str, unknown))}")
    return {name: _records_of(adapters[name], each) for name, each in values.items()}


def _records_of(adapter: TypeAdapter[Any], values: object) -> object:
    """Those of one class, by name or in a list."""
    match values:
        case Mapping():
            return {name: adapter.validate_python(each) for name, each in values.items()}
        case list():
            return [adapter.validate_python(each) for each in values]
    return values
