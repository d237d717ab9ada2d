"""The cluster's gateway: it belongs to no host, and is plugged into the switch as long as that runs."""

from collections.abc import Callable

from actors.devices.gateway import GatewayStatistics
from actors.runtime.machine import Connect, Effect, Kill, Spawn
from cluster.lab.config.gateway import GATEWAY, gateway_argument
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.switch import SWITCH, WIRE
from cluster.lab.experiment.host_board import SUPERVISOR


class GatewayBoard:
    """The gateway of a cluster, if guests have addresses and a way to the switch; `statistics`: its last."""

    def __init__(self, cluster: ResolvedCluster, emit: Callable[[Effect], None]) -> None:
        self.interfaces = cluster.guest_interfaces
        self.is_there = cluster.has_gateway
        self.runs = False
        self.statistics: GatewayStatistics | None = None
        self._cluster = cluster
        self._emit = emit
        self._ending = False

    def power_on(self) -> None:
        """Start it and plug it in; the switch runs."""
        if self.is_there:
            self.runs = True
            self._emit(Spawn(GATEWAY, GATEWAY, gateway_argument(self.interfaces, self._cluster.seed)))
            self._emit(Connect("", GATEWAY, GATEWAY, SUPERVISOR))
            self._emit(Connect(GATEWAY, WIRE, SWITCH, GATEWAY))

    def power_off(self) -> None:
        """End it, and with it what it carries."""
        self._ending = True
        if self.runs:
            self._emit(Kill(GATEWAY))

    def ended(self, status: int) -> str:
        """It has ended; what is wrong, if nobody wanted that."""
        self.runs = False
        return "" if self._ending else f"{GATEWAY} ended by itself (status {status})"
