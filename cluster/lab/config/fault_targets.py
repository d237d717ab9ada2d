"""What there is on the hosts to do faults to, by what a fault aims at, and what a pattern means.

Rules: the order is that of the configuration, so that a selection from it is the same everywhere.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from cluster.lab.config.errors import did_you_mean
from cluster.lab.config.hardware import DISK, NIC
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.switch import SWITCH
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.faults.target import Target

SHOWN_MAX: Final = 12
SPARE: Final = "dom0-spare"


class Inventory:
    """All hosts of a cluster."""

    def __init__(self, hosts: Sequence[ResolvedHost]) -> None:
        self._hosts = hosts

    def targets(self, aim: Aim) -> list[str]:
        """Every target for a kind that aims so."""
        return [target for host in self._hosts for target in _targets(host, aim)]

    def devices(self, device_class: str) -> list[str]:
        """Every device of this class, as a trigger names it."""
        return [
            str(Target.on(host.name, each.target))
            for host in self._hosts
            for each in host.devices_of(device_class)
        ]

    def match(self, aim: Aim, pattern: str) -> list[str]:
        """The targets that a name, or a pattern with `*` and `?`, stands for."""
        return [each for each in self.targets(aim) if fnmatchcase(each, pattern)]

    def right_target(self, kind: FaultKind, pattern: str) -> str:
        """What to write in place of a target that there is not for this kind."""
        others = [each.name for each in FAULT_KINDS.values() if pattern in self.targets(each.aim)]
        if kind.aim is Aim.domain and not others and f"{pattern}d" in self.targets(Aim.store):
            (kill, *_) = (each.name for each in FAULT_KINDS.values() if each.aim is Aim.store)
            return f"xenstored is in dom0 there; {kill} of {pattern}d, or write xenstore: stubdom"
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


def _targets(host: ResolvedHost, aim: Aim) -> list[str]:
    """Every target of a host for a kind that aims so."""
    if aim is Aim.host or (aim is Aim.wired and host.wired):
        return [host.name]
    architecture, disks = host.architecture, host.hardware_of(DISK)
    guests, devices = [each.name for each in host.guests], [each.name for each in host.hardware]
    domains = ["dom0", *(["xenstore"] if architecture.store_has_domain else []), *host.drivers, *guests]
    names = {
        Aim.domain: domains,
        Aim.dom0: ["dom0"],
        Aim.spare: [SPARE] if architecture.spare.is_there else [],
        Aim.driver: host.drivers,
        Aim.guest: guests,
        Aim.store: ["xenstored"],
        Aim.disk: [each.name for each in disks],
        Aim.level_disk: [each.name for each in disks if each.trigger == "level"],
        Aim.nic: [each.name for each in host.hardware_of(NIC)],
        Aim.device: devices,
        Aim.wire: _wires(host),
        Aim.wired: [],
        Aim.actor: [*domains, *devices, "hypervisor", "ioapic"],
        Aim.link: _links(host, domains),
    }
    found = names[aim] if aim in names else [each.target for each in host.devices_of(aim.device_class)]
    return [str(Target.on(host.name, each)) for each in found]


def _links(host: ResolvedHost, domains: Sequence[str]) -> list[str]:
    pairs = [("hypervisor", each) for each in [*domains, "ioapic"]]
    pairs += [(each.name, other) for each in host.hardware for other in ("ioapic", each.driver)]
    return [f"{one}:{other}" for pair in pairs for one, other in (pair, pair[::-1])] + _wires(host)


def _wires(host: ResolvedHost) -> list[str]:
    return [wire for each in host.wired for wire in (f"{each.name}:{SWITCH}", f"{SWITCH}:{each.name}")]
