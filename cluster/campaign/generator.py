"""The fault schedule of a seed: what breaks, where, when; in the form of a configuration file.

Rules: a function of the cluster and the seed. Only faults after which everything can recover are made,
since liveness is required of every trial: whoever is hit comes back by the policy of the file, or the
fault ends. Half of the faults follow closely upon another, since that is where recoveries are hit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from cluster.campaign.case import FaultRow
from cluster.config import ResolvedCluster, ResolvedHost

FAULTS_MAX: Final = 5
CLOSELY_US: Final = 60_000
SHARE_OF_DURATION: Final = 0.9

Targets = Callable[[ResolvedHost], list[str]]
Options = Callable[[Random], FaultRow]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A kind of fault: what of a host it can be done to, and what else it needs."""

    kind: str
    targets: Targets
    options: Options = lambda _random: {}


def _dom0(host: ResolvedHost) -> list[str]:
    return [f"{host.name}/dom0"] if host.hwdom != "halt" and _guests_reconnect(host) else []


def _guests(host: ResolvedHost) -> list[str]:
    return [f"{host.name}/{each['name']}" for each in host.guests if each["on_crash"] == "restart"]


def _watched_dom0(host: ResolvedHost) -> list[str]:
    return _dom0(host) if host.watchdog_s else []


def _guests_reconnect(host: ResolvedHost) -> bool:
    return host.hwdom == "reboot" or all(each["frontend"] == "reconnect" for each in host.guests)


RECIPES: Final = (
    Recipe("crash", _dom0),
    Recipe("crash", _guests),
    Recipe("hang", _watched_dom0),
)


class Generator:
    """Makes schedules for one cluster. `kinds`: only these; all of them if empty."""

    def __init__(self, cluster: ResolvedCluster, kinds: tuple[str, ...] = ()) -> None:
        self._duration_us = int(cluster.duration_ns * SHARE_OF_DURATION) // 1000
        self._choices: list[tuple[Recipe, list[str]]] = []
        for recipe in RECIPES:
            targets = [target for host in cluster.hosts for target in recipe.targets(host)]
            if targets and (not kinds or recipe.kind in kinds):
                self._choices.append((recipe, targets))

    @property
    def kinds(self) -> list[str]:
        """What can be made here, each once."""
        return list(dict.fromkeys(recipe.kind for recipe, _ in self._choices))

    def schedule(self, seed: int) -> list[FaultRow]:
        """The faults of a seed, in the order of their times; none if nothing here can break and recover."""
        random = Random(f"{seed}:faults")
        if not self._choices:
            return []
        rows, at_us = [], 0
        for index in range(random.randint(1, FAULTS_MAX)):
            closely = index > 0 and random.random() < 0.5
            at_us = at_us + random.randrange(CLOSELY_US) if closely else random.randrange(self._duration_us)
            rows.append((min(at_us, self._duration_us), self._row(random)))
        return [
            {"kind": row["kind"], "target": row["target"], "at": f"{at}us", **row}
            for at, row in _sorted(rows)
        ]

    def _row(self, random: Random) -> FaultRow:
        recipe, targets = random.choice(self._choices)
        return {"kind": recipe.kind, "target": random.choice(targets), **recipe.options(random)}


def _sorted(rows: list[tuple[int, FaultRow]]) -> list[tuple[int, FaultRow]]:
    return sorted(rows, key=lambda each: each[0])


def kinds() -> list[str]:
    """Every kind that a schedule can have."""
    return list(dict.fromkeys(each.kind for each in RECIPES))
