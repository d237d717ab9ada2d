"""With which architecture: what a host's configuration decides about who survives the death of whom.

Rules: a row that has a name is no more than its values, so a host that amounts to a row is called after it,
whatever keys it was written with. Everybody else asks what an architecture means, and compares no words.
Source: each row is a file in `architectures/`, which says where it comes from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter
from ruamel.yaml import YAML

from actors.policies import Frontend, Hwdom, Reconnect, Spare, StorePlace, StoreRestart

CUSTOM: Final = "custom"


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture. `frontends`: all that its guests have, first what they have if they say nothing.

    `spare`: what stands by for dom0. `driver_domains`: whether domains other than dom0 drive disks.
    `drivers_end_machine`: such a domain stands for drivers that are a part of the hypervisor: they fail
    together. `device_models`: each guest's devices are served by a process that is a part of that guest.
    `virtualised_dom0`: dom0 knows of no hypervisor, so an event for it is an interrupt, which costs exits.
    """

    hwdom: Hwdom = Hwdom.restart
    spare: Spare = Spare.none
    store: StorePlace = StorePlace.dom0
    store_restart: StoreRestart = StoreRestart.lose
    reconnect: Reconnect = Reconnect.renegotiate
    frontends: tuple[Frontend, ...] = (Frontend.reconnect,)
    driver_domains: bool = False
    drivers_end_machine: bool = False
    device_models: bool = False
    virtualised_dom0: bool = False

    __pydantic_config__ = ConfigDict(extra="forbid")

    @property
    def name(self) -> str:
        """The row that this is, or `custom`."""
        return next((name for name, row in ARCHITECTURES.items() if row == self), CUSTOM)

    @property
    def frontend(self) -> Frontend:
        """What a guest has that does not say what."""
        return self.frontends[0]

    def with_guests(self, frontends: Iterable[Frontend | None]) -> "Architecture":
        """With the frontends that its guests have, None for one that says nothing."""
        found = dict.fromkeys(each or self.frontend for each in frontends)
        if self.frontend in found:
            found = {self.frontend: None} | found
        return replace(self, frontends=tuple(found) or self.frontends)

    @property
    def all_reconnect(self) -> bool:
        """Whether no guest hangs whose backend has vanished."""
        return all(each.reconnects for each in self.frontends)

    @property
    def dom0_death_ends_machine(self) -> bool:
        """Whether nobody outlives a crash of dom0."""
        return self.hwdom is not Hwdom.restart

    @property
    def dom0_comes_back(self) -> bool:
        """Whether there is a dom0 again after a crash of dom0, be it after a start of the machine."""
        return self.hwdom is not Hwdom.halt

    @property
    def store_has_domain(self) -> bool:
        """Whether xenstored has a domain for itself."""
        return self.store.is_own_domain

    @property
    def store_home(self) -> str:
        """The name of the domain in which xenstored lives."""
        return "xenstore" if self.store_has_domain else "dom0"

    @property
    def first_domid(self) -> int:
        """The number of the first domain that the toolstack makes beside the store's, which comes before."""
        return 2 if self.store_has_domain else 1

    @property
    def keeps_store(self) -> bool:
        """Whether xenstored loses nothing however it ends."""
        return self.store_restart.keeps_after_crash

    @property
    def keeps_updated_store(self) -> bool:
        """Whether xenstored loses nothing when it is started again as planned."""
        return self.store_restart.keeps_when_planned

    @property
    def store_outlives_dom0(self) -> bool:
        """Whether a crash of dom0 costs nothing of what xenstored has."""
        return self.store_has_domain or self.keeps_store

    @property
    def hands_over(self) -> bool:
        """Whether dom0 leaves its next life what it served: of use where rings and nodes stay as they are."""
        return self.spare.is_there and self.reconnect.keeps_rings and self.store_outlives_dom0

    @property
    def dom0_crash(self) -> str:
        """What a crash of dom0 leads to, in words."""
        return _DOM0_SPARED if self.spare.is_there else _DOM0_CRASHES[self.hwdom]

    @property
    def policies(self) -> str:
        """Its name and all that there is to choose; what xenstored keeps only if it keeps anything."""
        kept = f" ({self.store_restart})" if self.keeps_updated_store else ""
        spare = f", spare {self.spare}" if self.spare.is_there else ""
        told = f"hwdom {self.hwdom}{spare}, xenstore {self.store}{kept}, reconnect {self.reconnect}"
        return f"{self.name} ({told}, frontends {' and '.join(self.frontends)})"

    def words(self) -> dict[str, object]:
        """As `run.json` has it, but for the driver domains, which it lists."""
        return {
            "architecture": self.name,
            "hwdom": self.hwdom.value,
            "spare": self.spare.value,
            "xenstore": self.store.value,
            "xenstore_restart": self.store_restart.value,
            "reconnect": self.reconnect.value,
            "frontends": [each.value for each in self.frontends],
            "drivers_end_machine": self.drivers_end_machine,
            "device_models": self.device_models,
            "virtualised_dom0": self.virtualised_dom0,
        }

    @classmethod
    def of_words(cls, words: Mapping[str, Any]) -> "Architecture":
        """What a host of `run.json` was made of."""
        return cls(
            hwdom=Hwdom(words["hwdom"]),
            spare=Spare(words["spare"]),
            store=StorePlace(words["xenstore"]),
            store_restart=StoreRestart(words["xenstore_restart"]),
            reconnect=Reconnect(words["reconnect"]),
            frontends=tuple(Frontend(each) for each in words["frontends"]),
            driver_domains=bool(words["driver_domains"]),
            drivers_end_machine=bool(words["drivers_end_machine"]),
            device_models=bool(words["device_models"]),
            virtualised_dom0=bool(words["virtualised_dom0"]),
        )


_DOM0_CRASHES: Final = {
    Hwdom.reboot: "a crash of dom0 restarts the host and every guest dies, as on stock Xen",
    Hwdom.restart: "a new dom0 takes the place of a dead one; stock Xen would restart the host",
    Hwdom.halt: "a crash of dom0 halts the host",
}

_DOM0_SPARED: Final = "a parked dom0 takes the place of a dead one; stock Xen would restart the host"


@dataclass(frozen=True)
class Profile:
    """A row that has a name, as its file says it: what it is, where it comes from, what it chooses."""

    about: str
    source: str
    policies: Architecture

    __pydantic_config__ = ConfigDict(extra="forbid")


def _profiles() -> dict[str, Profile]:
    adapter, yaml = TypeAdapter(Profile), YAML(typ="safe", pure=True)
    files = sorted((Path(__file__).parent / "architectures").glob("*.yaml"))
    return {each.stem: adapter.validate_python(yaml.load(each)) for each in files}


DEFAULT: Final = "restartable-dom0"
PROFILES: Final = _profiles()
ARCHITECTURES: Final = {name: each.policies for name, each in PROFILES.items()}
"""Every architecture that has a name."""
