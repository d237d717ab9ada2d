"""Statistics on their way: the record that a machine declares, as the map that crosses, and back.

Rules: what comes back is the record that was sent. A field that is missing, or of another kind, is an error.
"""

from typing import Any, Final, TypeVar

from pydantic import TypeAdapter

from actors.devices.ioapic import IoApicStatistics
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
    *(each.statistics for each in HARDWARE_KINDS.values()),
    ControlDomainStatistics,
    DriverDomainStatistics,
    StoreStatistics,
    GuestStatistics,
)
"""What the machines of a host declare."""


_ADAPTERS: Final[dict[type, TypeAdapter[Any]]] = {kind: TypeAdapter(kind) for kind in RECORDS}


def map_of(record: object) -> dict[str, object]:
    """A record as a map, the records in it as maps, too."""
    made: dict[str, object] = _ADAPTERS[type(record)].dump_python(record)
    return made


def record_of(kind: type[T], values: dict[str, object]) -> T:
    """The record that the map was made of. ValueError, with what is missing or wrong, if it was another."""
    made: T = _ADAPTERS[kind].validate_python(values)
    return made
