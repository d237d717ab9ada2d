"""The network controllers of a host: a kind of hardware."""

import hashlib
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from actors.abi.network_controller import MAX_MTU, MAX_QUEUES
from actors.devices.nic import Nic
from actors.devices.nic_settings import DEFAULT_MTU, MIN_MTU
from actors.devices.nic_statistics import NicStatistics
from actors.drivers.nics import BRIDGE, DEFAULT_BRIDGE
from cluster.lab.config.hardware_kind import Argument, HardwareKind, HardwareSchema, Surroundings
from cluster.lab.config.values import BitRate, Duration, Mac, Name

OWN_PREFIX: Final = "02:d0"
"""Locally administered: no vendor's, and not Xen's 00:16:3e, which guests' interfaces have."""
_MODERATION_MAX: Final = 1_000_000_000


class NicSchema(HardwareSchema):
    """A network controller of a host: what is on its wire is the cluster's switch."""

    mac: Mac | None = None
    bridge: Name = DEFAULT_BRIDGE
    queues: Annotated[int, Field(ge=1, le=MAX_QUEUES)] = 1
    rate: BitRate = 0
    mtu: Annotated[int, Field(ge=MIN_MTU, le=MAX_MTU)] = DEFAULT_MTU
    moderation: Duration = 0

    def placed(self, host: str) -> "NicSchema":
        """With an address that follows from its name and its host's, if it has none."""
        return self if self.mac else self.model_copy(update={"mac": own_mac(host, self.name)})

    @property
    def lines(self) -> int:
        """One for each queue."""
        return self.queues

    def told(self) -> Argument:
        """What its driver is told."""
        return {BRIDGE: self.bridge, "moderation_us": self.moderation // 1_000}

    def argument(self) -> Argument:
        """What the controller is told of itself."""
        return {
            "name": self.name,
            "trigger": self.trigger,
            "mac": self.mac,
            "queues": self.queues,
            "mtu": self.mtu,
            "bits_per_second": self.rate,
        }

    def mistakes(self) -> Iterator[tuple[str, str, str]]:
        """Its register counts microseconds, up to a second."""
        if self.moderation % 1_000 or self.moderation > _MODERATION_MAX:
            yield "moderation", "interrupts are moderated in whole microseconds", "0us to 1s"


def own_mac(host: str, name: str) -> str:
    """The address of a controller that was given none: the same wherever this host stands in a file."""
    digest = hashlib.sha256(f"{host}/{name}".encode()).digest()[:4]
    return f"{OWN_PREFIX}:{digest.hex(':')}"


def _machine(argument: Argument, where: Surroundings) -> Nic:
    return Nic(argument, where.memory)


NICS: Final = HardwareKind("nics", "eth0", NicSchema, _machine, {}, NicStatistics, is_wired=True)
