"""The network interfaces of a guest: a class of devices in its configuration.

Rules: an address that nobody has written is given when all that were are known (`network_addresses.py`).
Source: docs/man/xl-network-configuration.5 (what an interface can be told).
"""

from collections import Counter
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from actors.device_plan import DevicePlan
from actors.drivers.nics import DEFAULT_BRIDGE
from actors.inet.address import is_host
from actors.vif.backend_features import QUEUES_MAX
from actors.vif.vif import VIF
from cluster.lab.config.guest_device import (
    DeviceDescription,
    DevicePlace,
    GuestDeviceKind,
    GuestDeviceSchema,
    ResolvedDevice,
)
from cluster.lab.config.values import Mac, Name
from cluster.lab.config.vif_rate import parse_vif_rate

MTU: Final = 1500
MTU_MIN: Final = 68
MTU_MAX: Final = 9000


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """What was written of an interface. Empty: `mac`, `ip` are to be given, `gateway`, `rate`: there is none.

    `ip`: with the length of its prefix, `10.0.0.2/24`. `rate`: as the node of its backend has it.
    `antispoof`: its bridge takes no frames with other addresses from it.
    """

    mac: str = ""
    ip: str = ""
    gateway: str = ""
    bridge: str = DEFAULT_BRIDGE
    rate: str = ""
    mtu: int = MTU
    queues: int = 1
    antispoof: bool = False
    vifname: str = ""
    script: str = ""


@dataclass(frozen=True, slots=True)
class Network(ResolvedDevice):
    """Interface `number` of a guest."""

    number: int
    settings: NetworkSettings

    @property
    def name(self) -> str:
        """What its guest calls it."""
        return f"vif{self.number}"

    @property
    def identity(self) -> tuple[str, int]:
        """Its name and its number."""
        return self.name, self.number

    @property
    def device_class(self) -> str:
        """The name of its class."""
        return VIF.name

    @property
    def device(self) -> DevicePlan:
        """The interface as its guest is told of it."""
        keys = ("mac", "ip", "gateway", "mtu", "queues")
        return DevicePlan(VIF.name, {**self._named(), **{key: getattr(self.settings, key) for key in keys}})

    def plan(self, backend: int) -> DevicePlan:
        """The interface as dom0 is told of it; `backend` is the number of the domain that serves it."""
        keys = NetworkSettings.__dataclass_fields__
        row = {**self._named(), **{key: getattr(self.settings, key) for key in keys}}
        return DevicePlan(VIF.name, row, backend)

    def addressed(self, mac: str, ip: str) -> "Network":
        """The same with these addresses."""
        return replace(self, settings=replace(self.settings, mac=mac, ip=ip))

    def _named(self) -> dict[str, object]:
        return {"number": self.number, "name": self.name}


@dataclass(frozen=True, slots=True)
class NetworkDescription(DeviceDescription):
    """One interface of a guest, the `number`th of it."""

    number: int
    settings: NetworkSettings

    @property
    def identity(self) -> tuple[str, int]:
        """Its name and its number."""
        return f"vif{self.number}", self.number

    def resolved(self, guest: str, folder: Path, taken: Counter[str]) -> Network:
        """That of a guest."""
        del folder, taken
        return Network(guest, self.backend, self.number, self.settings)


def ip_of(text: str) -> str:
    """An address of one interface with its prefix, as `10.0.0.2/24`; ValueError with what would be right."""
    right = "as 10.0.0.2/24"
    if "/" not in text:
        raise ValueError(f"{text!r} does not say how many bits are the network's; {right}")
    try:
        found = IPv4Interface(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IPv4 address; {right}") from None
    network = found.network
    if not 1 <= network.prefixlen <= 30 or not is_host(int(found.ip)):
        raise ValueError(f"{text!r} is no address of an interface; {right}")
    if found.ip in {network.network_address, network.broadcast_address}:
        raise ValueError(f"{text!r} is the address of the network itself, or of all; {right}")
    return str(found)


def gateway_of(text: str) -> str:
    """An address of one station; ValueError with what would be right."""
    try:
        found = IPv4Address(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IPv4 address; as 10.0.0.1") from None
    if not is_host(int(found)):
        raise ValueError(f"{text!r} is the address of no station; as 10.0.0.1")
    return str(found)


def _rate(text: str) -> str:
    return parse_vif_rate(text).node


class GuestNetworkSchema(GuestDeviceSchema):
    """A network interface of a guest; addresses that are left out are given, each once in the cluster."""

    mac: Mac | None = None
    ip: Annotated[str, AfterValidator(ip_of)] | None = None
    gateway: Annotated[str, AfterValidator(gateway_of)] | None = None
    bridge: Name = DEFAULT_BRIDGE
    rate: Annotated[str, AfterValidator(_rate)] | None = None
    mtu: Annotated[int, Field(ge=MTU_MIN, le=MTU_MAX)] = MTU
    queues: Annotated[int, Field(ge=1, le=QUEUES_MAX)] = 1
    antispoof: bool = False

    def describe(self, place: DevicePlace) -> NetworkDescription | None:
        """The interface; its number is its place in the list."""
        number = place.where[-1]
        assert isinstance(number, int), "an interface stands in a list"
        if self.gateway and not self.ip:
            place.refuse("a gateway without an ip", "ip: 10.0.0.2/24 beside it")
        elif self.gateway and self.ip:
            found, gateway = IPv4Interface(self.ip), IPv4Address(self.gateway)
            if gateway not in found.network or gateway == found.ip:
                place.refuse(f"{gateway} is no neighbour of {found}", f"another one in {found.network}")
        settings = NetworkSettings(
            mac=self.mac or "",
            ip=self.ip or "",
            gateway=self.gateway or "",
            bridge=self.bridge,
            rate=self.rate or "",
            mtu=self.mtu,
            queues=self.queues,
            antispoof=self.antispoof,
        )
        line = place.source.line(place.where)
        return NetworkDescription(place.source.path, line, self.backend, number, settings)


GUEST_NETWORKS: Final = GuestDeviceKind(VIF, GuestNetworkSchema, NetworkDescription, Network)
