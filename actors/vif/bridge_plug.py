"""How an interface of a guest is plugged into a bridge of the host, and what its hotplug script says of that.

Rules: it is joined once, and stays until it is pulled. With `antispoof` its frames have no other sources than
its MAC address, and the IP addresses that the toolstack has written, if it has.
Source: tools/hotplug/Linux/vif-bridge, vif-common.sh, xen-hotplug-common.sh (success, fatal).
"""

from collections.abc import Callable

from actors.network.host_bridge import BridgePort, HostBridge
from actors.network.mac_address import parse_mac
from actors.network.packet import Packet


class BridgePlug:
    """That of the interface of this `name`. `bridge`: that of its node `bridge`, by name if there is none."""

    def __init__(self, bridge: HostBridge | str, name: str, deliver: Callable[[Packet], None]) -> None:
        self._bridge = bridge
        self._deliver = deliver
        self._port: BridgePort | None = None
        self._problem = ""
        self.name = name

    @property
    def is_in(self) -> bool:
        """Whether it is plugged in."""
        return self._port is not None

    def join(self, mac: str, ip: str, *, antispoof: bool) -> str:
        """Plug it in, unless it is; what has gone wrong, or nothing. `ip`: addresses, with spaces between."""
        if isinstance(self._bridge, str):
            self._problem = f"Could not find bridge device {self._bridge}"
        elif self._port is None:
            self._problem = ""
            try:
                if antispoof:
                    self._port = self._bridge.join(
                        self.name, self._deliver, macs=[parse_mac(mac)], ips=ip.split() or None
                    )
                else:
                    self._port = self._bridge.join(self.name, self._deliver)
            except ValueError as error:
                self._problem = f"{self.name}: {error}"
        return self._problem

    def pull(self) -> None:
        """Pull it out, if it is in."""
        port, self._port = self._port, None
        if port is not None:
            port.leave()

    def send(self, packet: Packet) -> None:
        """The guest has sent a packet."""
        if self._port is not None:
            self._port.send(packet)

    def nodes(self) -> dict[str, str]:
        """What the store is told."""
        if self._port is not None:
            return {"hotplug-status": "connected"}
        return {"hotplug-error": self._problem, "hotplug-status": "error"}
