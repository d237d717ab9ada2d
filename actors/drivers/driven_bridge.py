"""The bridge of a domain that drives its uplinks: what interfaces of guests plug into.

Rules: which port a frame is for says `actors/network/bridge.py`; here it is handed over, and counted. Nothing
is changed in a packet: an uplink finishes what it sends itself.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from actors.network.bridge import Bridge
from actors.network.bridge_statistics import BridgeStatistics, PortStatistics, UplinkStatistics
from actors.network.packet import Packet
from actors.network.spoof_protection import SpoofProtection
from actors.network.tap import Direction, Tap, Taps

DEFAULT_MTU: Final = 1500


class BridgeUplink(Protocol):
    """What leads from a bridge to a wire."""

    @property
    def mtu(self) -> int:
        """In bytes of IP packet; 0 while that is not known."""
        ...

    def send(self, packet: Packet) -> None:
        """Let a packet go to the wire, or drop and count it."""
        ...

    @property
    def out_drops(self) -> dict[str, int]:
        """What could not be sent, by reason."""
        ...

    def statistics(self) -> UplinkStatistics:
        """Counters and gauges."""
        ...


class DrivenBridge:
    """One bridge, a `HostBridge`; `now_ns` is asked for the time, and `taps` show what its ports do."""

    def __init__(self, name: str, now_ns: Callable[[], int], taps: Taps | None = None) -> None:
        self.name = name
        self._now_ns = now_ns
        self._bridge = Bridge(refused=self._refused)
        self._refusal = ""
        self._taps = taps or Taps()
        self._ports: dict[str, Port] = {}
        self._uplinks: dict[str, BridgeUplink] = {}

    @property
    def mtu(self) -> int:
        """The least of its uplinks, in bytes of IP packet."""
        known = [each.mtu for each in self._uplinks.values() if each.mtu]
        return min(known, default=DEFAULT_MTU)

    def join(
        self,
        name: str,
        deliver: Callable[[Packet], None],
        *,
        macs: Sequence[bytes] = (),
        ips: Sequence[str] | None = None,
    ) -> "Port":
        """Plug in an interface, as `HostBridge` says. ValueError: a name, or an address, that is taken."""
        if ips is not None and not macs:
            raise ValueError(f"{name}: IP addresses without a MAC address")
        protection = SpoofProtection(macs, ips) if macs else None
        self._bridge.add_port(name, protection=protection)
        port = self._ports[name] = Port(self, name, deliver)
        return port

    def add_uplink(self, name: str, uplink: BridgeUplink) -> "Port":
        """Plug in a way to a wire, which has no carrier yet. ValueError if the name is taken."""
        self._bridge.add_port(name, uplink=True, carrier=False)
        self._uplinks[name] = uplink
        port = self._ports[name] = Port(self, name, uplink.send)
        return port

    def set_carrier(self, name: str, *, up: bool) -> None:
        """The wire of an uplink is there, or not."""
        self._bridge.set_carrier(name, up=up)

    def take(self, port: str, packet: Packet) -> None:
        """A packet has come by a port: hand it to those that it is for."""
        ports, now_ns = self._ports, self._now_ns()
        self._refusal = ""
        targets = self._bridge.forward(port, packet.frame, now_ns)
        tap = ports[port].tap
        if tap.on:
            tap.saw(Direction.inbound, packet, now_ns, self._refusal)
        for each in targets:
            target = ports[each]
            if target.tap.on:
                target.tap.saw(Direction.outbound, packet, now_ns)
            target.out_frames += 1
            target.out_bytes += len(packet.frame)
            target.deliver(packet)

    def _refused(self, _port: str, reason: str, _frame: bytes) -> None:
        self._refusal = reason

    def tap(self, port: str) -> Tap:
        """What shows what goes in and out by a port."""
        return self._taps.tap(f"{self.name}/{port}")

    def remove(self, name: str) -> None:
        """Pull an interface out."""
        self._bridge.remove_port(name)
        del self._ports[name]

    def statistics(self) -> BridgeStatistics:
        """Counters and gauges."""
        return BridgeStatistics(
            ports={name: self._port_statistics(name) for name in self._ports},
            uplinks={name: each.statistics() for name, each in self._uplinks.items()},
            flooded=self._bridge.flooded,
            stations=len(self._bridge.stations(self._now_ns())),
        )

    def _port_statistics(self, name: str) -> PortStatistics:
        port, uplink = self._ports[name], self._uplinks.get(name)
        return PortStatistics(
            in_frames=port.in_frames,
            in_bytes=port.in_bytes,
            out_frames=port.out_frames,
            out_bytes=port.out_bytes,
            in_drops=self._bridge.drops(name),
            out_drops=uplink.out_drops if uplink is not None else {},
        )


class Port:
    """One port, a `BridgePort`; one that has left sends into the void."""

    __slots__ = (
        *("_bridge", "_there", "deliver", "name", "tap"),
        *("in_bytes", "in_frames", "out_bytes", "out_frames"),
    )

    def __init__(self, bridge: DrivenBridge, name: str, deliver: Callable[[Packet], None]) -> None:
        self.name = name
        self.deliver = deliver
        self.in_frames = self.in_bytes = self.out_frames = self.out_bytes = 0
        self._bridge = bridge
        self._there = True
        self.tap = bridge.tap(name)

    def send(self, packet: Packet) -> None:
        """It has sent a frame; what is refused is counted by the bridge."""
        if self._there:
            self.in_frames += 1
            self.in_bytes += len(packet.frame)
            self._bridge.take(self.name, packet)

    def leave(self) -> None:
        """It is pulled out: nothing is delivered any more."""
        if self._there:
            self._there = False
            self._bridge.remove(self.name)
