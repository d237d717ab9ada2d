"""The fault schedule of a seed: what breaks, where, when; in the form of a configuration file.

Rules: a function of the cluster and the seed. Only faults after which everything can recover are made,
since liveness is required of every trial: whoever is hit comes back by the policy of the file, or the
fault ends. Half of the faults follow closely upon another, since that is where recoveries are hit.
"""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from actors.dom0.shutdown_actions import RESTART
from cluster.lab.config.fault_targets import SPARE, Inventory
from cluster.lab.config.guest_devices import GUEST_DEVICES
from cluster.lab.config.hardware import DISK, NIC
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.lab.config.switch import SWITCH
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.faults.recipe import Recipe, us
from cluster.lab.faults.target import Target
from cluster.studies.campaign.case import FaultRow

CLOSELY_US: Final = 60_000
SHARE_OF_DURATION: Final = 0.9
SHARE_TRIGGERED: Final = 0.25
STATES: Final = ("Initialising", "InitWait", "Initialised", "Connected", "Closing", "Closed")
FAULT_STATES: Final = ("injected", "detected", "recovered")


def _on(host: ResolvedHost, *names: str) -> list[str]:
    return [str(Target.on(host.name, each)) for each in names]


def _dom0(host: ResolvedHost) -> list[str]:
    """dom0, if everybody comes back when it does not."""
    chosen = host.architecture
    returning = chosen.dom0_death_ends_machine or chosen.all_reconnect
    return _on(host, "dom0") if chosen.dom0_comes_back and returning else []


def _spares(host: ResolvedHost) -> list[str]:
    return _on(host, SPARE) if host.architecture.spare.is_there else []


def _drivers(host: ResolvedHost) -> list[str]:
    """The driver domains that are built again, if those whom they serve come back."""
    hanging = [each for each in host.guests if not each.frontend.reconnects]
    stock = {device.backend for each in hanging for device in each.devices}
    return [
        each.address
        for each in host.driver_domains
        if each.actions.on_crash == each.actions.on_watchdog == RESTART and each.name not in stock
    ]


def _guests(host: ResolvedHost) -> list[str]:
    return [each.address for each in host.guests if each.actions.on_crash == RESTART]


def _domains(host: ResolvedHost) -> list[str]:
    return [*_dom0(host), *_drivers(host), *_guests(host)]


def _disks(host: ResolvedHost) -> list[str]:
    return _on(host, *(each.name for each in host.hardware_of(DISK)))


def _level_disks(host: ResolvedHost) -> list[str]:
    """Those whose interrupt is seen in the end: an edge that is lost is lost."""
    return _on(host, *(each.name for each in host.hardware_of(DISK) if each.trigger == "level"))


def _nics(host: ResolvedHost) -> list[str]:
    return _on(host, *(each.name for each in host.hardware_of(NIC)))


def _wires(host: ResolvedHost) -> list[str]:
    ways = [way for each in host.wired for way in (f"{each.name}:{SWITCH}", f"{SWITCH}:{each.name}")]
    return _on(host, *ways)


def _wired(host: ResolvedHost) -> list[str]:
    return [host.name] if host.wired else []


def _devices(device_class: str, host: ResolvedHost) -> list[str]:
    """Those whose guests let go of them, and use them again."""
    guests = [each for each in host.guests if each.frontend.lets_go]
    devices = [device for each in guests for device in each.devices if device.device_class == device_class]
    return _on(host, *(each.target for each in devices))


def _stores(host: ResolvedHost) -> list[str]:
    """xenstored, if whoever loses it reconnects, or nobody does."""
    chosen = host.architecture
    return _on(host, "xenstored") if chosen.keeps_store or chosen.all_reconnect else []


def _host(host: ResolvedHost) -> list[str]:
    return [host.name]


def _actors(host: ResolvedHost) -> list[str]:
    devices = _on(host, *(each.name for each in host.hardware))
    return [*_on(host, "hypervisor", "dom0"), *_drivers(host), *_guests(host), *devices]


def _links(host: ResolvedHost) -> list[str]:
    ends = ["dom0", "ioapic", *host.drivers, *(each.name for each in host.guests)]
    links = [link for end in ends for link in (f"hypervisor:{end}", f"{end}:hypervisor")]
    for each in host.hardware:
        links += [f"{each.name}:ioapic", f"{each.name}:{each.driver}", f"{each.driver}:{each.name}"]
    return [*_on(host, *links), *_wires(host)]


HIT: Final[dict[Aim, Callable[[ResolvedHost], list[str]]]] = {
    Aim.dom0: _dom0,
    Aim.spare: _spares,
    Aim.driver: _drivers,
    Aim.guest: _guests,
    Aim.domain: _domains,
    Aim.disk: _disks,
    Aim.level_disk: _level_disks,
    Aim.nic: _nics,
    Aim.wire: _wires,
    Aim.wired: _wired,
    Aim.store: _stores,
    Aim.host: _host,
    Aim.actor: _actors,
    Aim.link: _links,
    **{each: partial(_devices, each.device_class) for each in Aim if each.device_class},
}


class Generator:
    """Makes schedules for one cluster. `kinds`: only these; all of them if empty."""

    def __init__(self, cluster: ResolvedCluster, kinds: tuple[str, ...] = ()) -> None:
        self._duration_us = max(1, int(cluster.duration_ns * SHARE_OF_DURATION) // 1000)
        self._most = cluster.generated_faults_max
        inventory = Inventory(cluster.hosts)
        self._devices = [(each, subject) for each in GUEST_DEVICES for subject in inventory.devices(each)]
        self._choices: dict[str, list[tuple[Recipe, str]]] = {}
        for kind in FAULT_KINDS.values():
            if kinds and kind.name not in kinds:
                continue
            for recipe in kind.recipes:
                found = [(recipe, target) for host in cluster.hosts for target in HIT[recipe.hits](host)]
                if found:
                    self._choices.setdefault(kind.name, []).extend(found)

    @property
    def kinds(self) -> list[str]:
        """What can be made here, each once."""
        return list(self._choices)

    def schedule(self, seed: int) -> list[FaultRow]:
        """The faults of a seed, in the order of their times; none if nothing here can break and recover."""
        random = Random(f"{seed}:faults")
        if not self._choices:
            return []
        timed: list[tuple[int, FaultRow]] = []
        triggered: list[FaultRow] = []
        at_us = 0
        for index in range(random.randint(1, self._most)):
            row = self._row(random)
            if index and random.random() < SHARE_TRIGGERED:
                triggered.append({**row, **self._trigger(random, len(timed))})
                continue
            closely = index > 0 and random.random() < 0.5
            at_us = at_us + random.randrange(CLOSELY_US) if closely else random.randrange(self._duration_us)
            at_us = min(at_us, self._duration_us)
            timed.append((at_us, {**row, "at": us(at_us)}))
        return [*(row for _, row in sorted(timed, key=lambda each: each[0])), *triggered]

    def _row(self, random: Random) -> FaultRow:
        kinds = self.kinds
        (kind,) = random.choices(kinds, [FAULT_KINDS[each].weight for each in kinds])
        recipe, target = random.choice(self._choices[kind])
        return {"kind": kind, "target": target, **recipe.options(random), "optional": True}

    def _trigger(self, random: Random, nr_timed: int) -> FaultRow:
        """When an end of a device is in some state, or shortly after something became of another fault."""
        after = {"after": us(random.randrange(3_000))}
        if self._devices and random.random() < 0.7:
            device_class, subject = random.choice(self._devices)
            when: FaultRow = {device_class: subject, "state": random.choice(STATES)}
            return {"when": {**when, "end": random.choice(["frontend", "backend"])}, **after}
        return {
            "when": {"fault": random.randint(1, nr_timed), "state": random.choice(FAULT_STATES)},
            **after,
        }


def kinds() -> list[str]:
    """Every kind that a schedule can have."""
    return [each.name for each in FAULT_KINDS.values() if each.recipes]
