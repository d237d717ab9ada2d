"""The metrics of one host's networks: stacks of guests, bridges, and the cluster's switch and gateway.

Rules: a port of a bridge is called after its controller, or after the guest's interface behind it. The switch
and the gateway belong to no host: the first one of the cluster tells of them.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from actors.devices.gateway import GatewayStatistics
from actors.devices.switch_statistics import SwitchStatistics
from actors.inet.stack_statistics import StackStatistics
from actors.network.bridge_statistics import BridgeStatistics, PortStatistics, UplinkStatistics
from actors.vif.vif import VIF
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.readings import Readings
from cluster.running.metrics.families import Families

_BACKEND_PORT: Final = re.compile(r"vif(\d+)\.(\d+)")


class NetworkMetrics:
    """Writes the metrics of networks. `label`: how a domain is called; `is_first`: of the cluster's hosts."""

    def __init__(
        self, board: HostBoard, readings: Readings, label: Callable[[str], str], *, is_first: bool
    ) -> None:
        self._board = board
        self._readings = readings
        self._label = label
        self._tells_switch = is_first and readings.switch.is_there
        self._names = {each.guest_id: each.name for each in board.host.guests}
        self._interfaces = [
            (guest, device.identity[0])
            for guest in board.host.guests
            for device in guest.devices
            if device.device_class == VIF.name
        ]

    def write(self, families: Families) -> None:
        """All of them."""
        for guest, vif in self._interfaces:
            stack = self._readings.stacks.get(guest.guest_id, {}).get(vif)
            families.add_all(StackStatistics, stack, self._label(guest.name), vif)
        for domain, bridges in self._bridges().items():
            for name, bridge in bridges.items():
                self._write_bridge(families, domain, name, bridge)
        if self._tells_switch:
            families.add_all(SwitchStatistics, self._readings.switch.statistics)
            families.add_all(GatewayStatistics, self._readings.switch.gateway.statistics)

    def _bridges(self) -> Mapping[str, Mapping[str, BridgeStatistics]]:
        """By domain, as told last, those of dom0 and the driver domains."""
        host = self._board.host.name
        told = {"dom0": self._readings.dom0s.get(host)} | {
            name: self._readings.drivers.get((host, name)) for name in self._board.host.drivers
        }
        return {name: each.bridges for name, each in told.items() if each is not None}

    def _write_bridge(self, families: Families, domain: str, name: str, bridge: BridgeStatistics) -> None:
        families.add_all(BridgeStatistics, bridge, domain, name)
        for port, statistics in bridge.ports.items():
            if label := self._port(port):
                families.add_all(PortStatistics, statistics, domain, name, label)
        for uplink, counted in bridge.uplinks.items():
            families.add_all(UplinkStatistics, counted, domain, name, uplink)

    def _port(self, name: str) -> str:
        """What a port is called; nothing if nobody knows whose it is."""
        backend = _BACKEND_PORT.fullmatch(name)
        if backend is None:
            return name
        guest = self._board.domains.guest_at(int(backend[1]))
        return f"{self._label(self._names[guest])}/vif{backend[2]}" if guest in self._names else ""
