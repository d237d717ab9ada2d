"""The cluster's switch: it belongs to no host, is there before the first is on, and outlives them all."""

from collections.abc import Callable

from actors.devices.switch_statistics import SwitchStatistics
from actors.runtime.machine import Connect, Effect, Kill, Spawn
from cluster.lab.config.gateway import GATEWAY
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.switch import SWITCH
from cluster.lab.experiment.gateway_board import GatewayBoard
from cluster.lab.experiment.host_board import SUPERVISOR


class SwitchBoard:
    """The switch of a cluster, if a host of it has anything to plug in; `statistics`: what it said last.

    With it comes the `gateway`.
    """

    def __init__(self, cluster: ResolvedCluster, emit: Callable[[Effect], None]) -> None:
        self.is_there = bool(cluster.wired)
        self.runs = False
        self.statistics: SwitchStatistics | None = None
        self._cluster = cluster
        self._emit = emit
        self._ending = False
        self.gateway = GatewayBoard(cluster, emit)

    def power_on(self) -> None:
        """Start it, before anybody is plugged in."""
        if self.is_there:
            self.runs = True
            self._emit(Spawn(SWITCH, SWITCH, self._cluster.switch_argument()))
            self._emit(Connect("", SWITCH, SWITCH, SUPERVISOR))
            self.gateway.power_on()

    def power_off(self) -> None:
        """End it: what is on its way is lost."""
        self._ending = True
        self.gateway.power_off()
        if self.runs:
            self._emit(Kill(SWITCH))

    @property
    def is_off(self) -> bool:
        """Whether neither it nor the gateway runs."""
        return not self.runs and not self.gateway.runs

    def ended(self, address: str, status: int) -> str:
        """It has ended, or the gateway; what is wrong, if nobody wanted that."""
        if address == GATEWAY:
            return self.gateway.ended(status)
        self.runs = False
        return "" if self._ending else f"{SWITCH} ended by itself (status {status})"
