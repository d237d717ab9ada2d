"""What there is on the hosts to do faults to, by what a fault aims at, and what a pattern means.

Rules: the order is that of the configuration, so that a selection from it is the same everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from cluster.config.errors import did_you_mean
from cluster.config.fault_kinds import FAULT_KINDS, Aim, FaultKind
from cluster.config.resolved import ResolvedCluster

SHOWN_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class HostInventory:
    """One host: its disks, and its guests with the vdevs of each; `stub`: xenstored has its own domain.

    `drivers`: the driver domains, with the disks that each drives.
    """

    name: str
    disks: Sequence[str]
    guests: Mapping[str, Sequence[str]]
    stub: bool
    drivers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def targets(self, aim: Aim) -> list[str]:
        """Every target of this host for a kind that aims so."""
        domains = ["dom0", *(["xenstore"] if self.stub else []), *self.drivers, *self.guests]
        match aim:
            case Aim.host:
                return [self.name]
            case Aim.domain:
                names = domains
            case Aim.dom0:
                names = ["dom0"]
            case Aim.store:
                names = ["xenstored"]
            case Aim.disk:
                names = list(self.disks)
            case Aim.vbd:
                names = [f"{guest}/{vdev}" for guest, vdevs in self.guests.items() for vdev in vdevs]
            case Aim.actor:
                names = [*domains, *self.disks, "hypervisor", "ioapic"]
            case Aim.link:
                pairs = [("hypervisor", each) for each in [*domains, "ioapic"]]
                pairs += [(disk, each) for disk in self.disks for each in ("ioapic", self._driver_of(disk))]
                names = [f"{one}:{other}" for pair in pairs for one, other in (pair, pair[::-1])]
        return [f"{self.name}/{each}" for each in names]

    def _driver_of(self, disk: str) -> str:
        return next((name for name, disks in self.drivers.items() if disk in disks), "dom0")


class Inventory:
    """All hosts of a cluster."""

    def __init__(self, hosts: Iterable[HostInventory]) -> None:
        self._hosts = list(hosts)

    @classmethod
    def of(cls, cluster: ResolvedCluster) -> "Inventory":
        """The inventory of a resolved configuration."""
        return cls(
            HostInventory(
                host.name,
                [name for name, _, _ in host.interrupts],
                {each.name: [volume.vdev for volume in each.volumes] for each in host.guests},
                host.architecture.store_has_domain,
                {name: host.driven_by(name) for name in host.drivers},
            )
            for host in cluster.hosts
        )

    def targets(self, aim: Aim) -> list[str]:
        """Every target for a kind that aims so."""
        return [target for host in self._hosts for target in host.targets(aim)]

    def match(self, aim: Aim, pattern: str) -> list[str]:
        """The targets that a name, or a pattern with `*` and `?`, stands for."""
        return [each for each in self.targets(aim) if fnmatchcase(each, pattern)]

    def right_target(self, kind: FaultKind, pattern: str) -> str:
        """What to write in place of a target that there is not for this kind."""
        others = [each.name for each in FAULT_KINDS.values() if pattern in self.targets(each.aim)]
        if kind.aim is Aim.domain and not others and f"{pattern}d" in self.targets(Aim.store):
            return f"xenstored is in dom0 there; xenstored-kill of {pattern}d, or write xenstore: stubdom"
        if others:
            return f"it is done to {kind.aim.value}; {pattern} is for {', '.join(others)}"
        known = self.targets(kind.aim)
        if not known:
            return f"a {kind.name} is done to {kind.aim.value}"
        right = did_you_mean(pattern, known)
        more = len(known) - SHOWN_MAX
        if right.startswith("one of") and more > 0:
            return f"{did_you_mean(pattern, known[:SHOWN_MAX])} and {more} more"
        return right
