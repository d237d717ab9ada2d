"""The cluster's switch: it belongs to no host, is there before the first is on, and outlives them all."""

from collections.abc import Callable

from actors.devices.switch_statistics import SwitchStatistics
from actors.runtime.machine import Connect, Effect, Kill, Spawn
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.switch import SWITCH
from cluster.lab.experiment.host_board import SUPERVISOR


class SwitchBoard:
    """The switch of a cluster, if a host of it has anything to plug in; `statistics`: what it said last."""

    def __init__(self, cluster: ResolvedCluster, emit: Callable[[Effect], None]) -> None:
        self.is_there = bool(cluster.wired)
        self.runs = False
        self.statistics: SwitchStatistics | None = None
        self._cluster = cluster
        self._emit = emit
        self._ending = False

    def power_on(self) -> None:
        """Start it, before anybody is plugged in."""
        if self.is_there:
            self.runs = True
            self._emit(Spawn(SWITCH, SWITCH, self._cluster.switch_argument()))
            self._emit(Connect("", SWITCH, SWITCH, SUPERVISOR))

    def power_off(self) -> None:
        """End it: what is on its way is lost."""
        self._ending = True
        if self.runs:
            self._emit(Kill(SWITCH))

    def ended(self, status: int) -> str:
        """It has ended; what is wrong, if nobody wanted that."""
        self.runs = False
        return "" if self._ending else f"{SWITCH} ended by itself (status {status})"
