"""The fault schedule of a seed: what breaks, where, when; in the form of a configuration file.

Rules: a function of the cluster and the seed. Only faults after which everything can recover are made,
since liveness is required of every trial: whoever is hit comes back by the policy of the file, or the
fault ends. Half of the faults follow closely upon another, since that is where recoveries are hit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from actors.dom0.shutdown_actions import RESTART
from cluster.campaign.case import FaultRow
from cluster.config.resolved import ResolvedCluster, ResolvedHost

FAULTS_MAX: Final = 5
CLOSELY_US: Final = 60_000
SHARE_OF_DURATION: Final = 0.9
SHARE_TRIGGERED: Final = 0.25
LAST_MAX_US: Final = 200_000
HANG_MAX_US: Final = 2_000_000
DARK_MAX_US: Final = 100_000
STATES: Final = ("Initialising", "InitWait", "Initialised", "Connected", "Closing", "Closed")
WEIGHTS: Final = {"crash": 5, "host-power-loss": 2}
"""How much more often than the others a kind comes: those that end lives find most."""
FAULT_STATES: Final = ("injected", "detected", "recovered")

Targets = Callable[[ResolvedHost], list[str]]
Options = Callable[[Random], FaultRow]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A kind of fault: what of a host it can be done to, and what else it needs."""

    kind: str
    targets: Targets
    options: Options = lambda _random: {}


def _dom0(host: ResolvedHost) -> list[str]:
    """dom0, if everybody comes back when it does not."""
    chosen = host.architecture
    returning = chosen.dom0_death_ends_machine or chosen.all_reconnect
    return [f"{host.name}/dom0"] if chosen.dom0_comes_back and returning else []


def _drivers(host: ResolvedHost) -> list[str]:
    """The driver domains that are built again, if those whom they serve come back."""
    hanging = [each for each in host.guests if not each.frontend.reconnects]
    stock = {volume.backend for each in hanging for volume in each.volumes}
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
    return [f"{host.name}/{name}" for name, _, _ in host.interrupts]


def _level_disks(host: ResolvedHost) -> list[str]:
    """Those whose interrupt is seen in the end: an edge that is lost is lost."""
    return [f"{host.name}/{name}" for name, _, trigger in host.interrupts if trigger == "level"]


def _vbds(host: ResolvedHost) -> list[str]:
    return [f"{host.name}/{each.guest}/{each.vdev}" for each in host.volumes]


def _stores(host: ResolvedHost) -> list[str]:
    """xenstored, if whoever loses it reconnects, or nobody does."""
    chosen = host.architecture
    return [f"{host.name}/xenstored"] if chosen.keeps_store or chosen.all_reconnect else []


def _host(host: ResolvedHost) -> list[str]:
    return [host.name]


def _actors(host: ResolvedHost) -> list[str]:
    return [f"{host.name}/hypervisor", f"{host.name}/dom0", *_drivers(host), *_guests(host), *_disks(host)]


def _links(host: ResolvedHost) -> list[str]:
    ends = ["dom0", "ioapic", *host.drivers, *(each.name for each in host.guests)]
    links = [
        f"{host.name}/{one}:{other}"
        for end in ends
        for one, other in (("hypervisor", end), (end, "hypervisor"))
    ]
    for name, _, _ in host.interrupts:
        driver = host.driver_of(name)
        links += [
            f"{host.name}/{name}:ioapic",
            f"{host.name}/{name}:{driver}",
            f"{host.name}/{driver}:{name}",
        ]
    return links


def _lasting(most_us: int) -> Options:
    return lambda random: {"duration": _us(random.randint(1, most_us))}


def _disk_error(random: Random) -> FaultRow:
    return {**_lasting(LAST_MAX_US)(random), "probability": random.choice([0.05, 0.3, 1.0])}


def _slow(random: Random) -> FaultRow:
    return {**_lasting(LAST_MAX_US)(random), "factor": random.choice([2, 5, 20])}


def _delay(random: Random) -> FaultRow:
    delays = {"delay": _us(random.randint(10, 5_000)), "jitter": _us(random.randrange(2_000))}
    return {**_lasting(LAST_MAX_US)(random), **delays}


RECIPES: Final = (
    Recipe("crash", _dom0),
    Recipe("crash", _drivers),
    Recipe("crash", _guests),
    Recipe("hang", _domains, _lasting(HANG_MAX_US)),
    Recipe("hwdom-reboot", _dom0),
    Recipe("toolstack-kill", _dom0, _lasting(LAST_MAX_US)),
    Recipe("xenstored-kill", _stores),
    Recipe("xenstored-live-update", _stores),
    Recipe("host-power-loss", _host, _lasting(DARK_MAX_US)),
    Recipe("disk-error", _disks, _disk_error),
    Recipe("disk-stall", _disks, _lasting(LAST_MAX_US)),
    Recipe("irq-lost", _level_disks, _lasting(LAST_MAX_US)),
    Recipe("irq-storm", _disks, _lasting(LAST_MAX_US // 10)),
    Recipe("link-delay", _links, _delay),
    Recipe("frontend-disconnect", _vbds, _lasting(LAST_MAX_US)),
    Recipe("block-detach", _vbds, _lasting(LAST_MAX_US)),
    Recipe("slow", _actors, _slow),
)


class Generator:
    """Makes schedules for one cluster. `kinds`: only these; all of them if empty."""

    def __init__(self, cluster: ResolvedCluster, kinds: tuple[str, ...] = ()) -> None:
        self._duration_us = max(1, int(cluster.duration_ns * SHARE_OF_DURATION) // 1000)
        self._vbds = [vbd for host in cluster.hosts for vbd in _vbds(host)]
        self._choices: dict[str, list[tuple[Recipe, str]]] = {}
        for recipe in RECIPES:
            found = [(recipe, target) for host in cluster.hosts for target in recipe.targets(host)]
            if found and (not kinds or recipe.kind in kinds):
                self._choices.setdefault(recipe.kind, []).extend(found)

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
        for index in range(random.randint(1, FAULTS_MAX)):
            row = self._row(random)
            if index and random.random() < SHARE_TRIGGERED:
                triggered.append({**row, **self._trigger(random, len(timed))})
                continue
            closely = index > 0 and random.random() < 0.5
            at_us = at_us + random.randrange(CLOSELY_US) if closely else random.randrange(self._duration_us)
            at_us = min(at_us, self._duration_us)
            timed.append((at_us, {**row, "at": _us(at_us)}))
        return [*(row for _, row in sorted(timed, key=lambda each: each[0])), *triggered]

    def _row(self, random: Random) -> FaultRow:
        kinds = self.kinds
        (kind,) = random.choices(kinds, [WEIGHTS.get(each, 1) for each in kinds])
        recipe, target = random.choice(self._choices[kind])
        return {"kind": recipe.kind, "target": target, **recipe.options(random), "optional": True}

    def _trigger(self, random: Random, nr_timed: int) -> FaultRow:
        """When an end of a vbd is in some state, or shortly after something has become of another fault."""
        after = {"after": _us(random.randrange(3_000))}
        if self._vbds and random.random() < 0.7:
            when: FaultRow = {"vbd": random.choice(self._vbds), "state": random.choice(STATES)}
            return {"when": {**when, "end": random.choice(["frontend", "backend"])}, **after}
        return {
            "when": {"fault": random.randint(1, nr_timed), "state": random.choice(FAULT_STATES)},
            **after,
        }


def _us(time_us: int) -> str:
    return f"{time_us}us"


def kinds() -> list[str]:
    """Every kind that a schedule can have."""
    return list(dict.fromkeys(each.kind for each in RECIPES))
