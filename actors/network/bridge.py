"""A learning bridge: from which port a frame came, to which ports it goes.

Rules: never back to where it came from (no hairpin). What is for one station goes to its port, if that is
known, and to all others if not; so does what is for a group, but what is for the next bridge goes nowhere.
Of several uplinks one is active, the first of them that has a carrier: the others take and give nothing, so
that two of them on one wire make no loop.
Source: IEEE 802.1D 7; Linux net/bridge/br_input.c, br_forward.c; active uplinks: bonding's active-backup.
Left out: spanning trees, VLAN filtering, multicast snooping.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from actors.network.mac_address import is_group, is_link_local, is_station
from actors.network.mac_table import AGEING_NS, LIMIT, MacTable
from actors.network.spoof_protection import Spoof, SpoofProtection

_HEADER_BYTES: Final = 14

SHORT: Final = "too-short"
BAD_SOURCE: Final = "bad-source"
STOLEN: Final = "source-of-another-port"
STANDBY: Final = "standby-uplink"
NO_CARRIER: Final = "no-carrier"
LINK_LOCAL: Final = "link-local"
HAIRPIN: Final = "hairpin"
REASONS: Final = (
    *(SHORT, BAD_SOURCE, STOLEN, STANDBY, NO_CARRIER, LINK_LOCAL, HAIRPIN),
    *(str(each) for each in Spoof),
)
"""Why a frame goes nowhere, all that are counted."""

Refused = Callable[[str, str, bytes], None]
"""Told of each frame that goes nowhere: port, reason, frame."""


@dataclass(slots=True)
class _Port:
    """One port."""

    protection: SpoofProtection | None
    uplink: bool
    carrier: bool
    drops: dict[str, int]


class Bridge:
    """Ports by name. `refused` is told of every frame that a port sent for nothing, and why."""

    def __init__(
        self, *, ageing_ns: int = AGEING_NS, limit: int = LIMIT, refused: Refused | None = None
    ) -> None:
        self._table = MacTable(ageing_ns=ageing_ns, limit=limit)
        self._ports: dict[str, _Port] = {}
        self._open: tuple[str, ...] = ()
        self._refused = refused
        self.flooded = 0

    def add_port(
        self,
        name: str,
        *,
        protection: SpoofProtection | None = None,
        uplink: bool = False,
        carrier: bool = True,
    ) -> None:
        """Join a port; its protected addresses are nowhere else. ValueError if name or address is taken."""
        if name in self._ports:
            raise ValueError(f"port {name} is there already")
        macs = protection.macs if protection is not None else frozenset[bytes]()
        for mac in sorted(macs):
            if not self._table.may_be_behind(mac, name):
                raise ValueError(f"{mac.hex(':')} is of another port")
        for mac in sorted(macs):
            self._table.pin(mac, name)
        self._ports[name] = _Port(protection, uplink, carrier, dict.fromkeys(REASONS, 0))
        self._choose_open()

    def remove_port(self, name: str) -> None:
        """Take a port away, with all that is known of it. KeyError if there is none."""
        del self._ports[name]
        self._table.forget_port(name, pinned=True)
        self._choose_open()

    def set_carrier(self, name: str, *, up: bool) -> None:
        """A port has a carrier, or has lost it and with it what was learnt of it."""
        self._ports[name].carrier = up
        if not up:
            self._table.forget_port(name)
        self._choose_open()

    @property
    def ports(self) -> tuple[str, ...]:
        """The ports that take and give frames now."""
        return self._open

    def forward(self, port: str, frame: bytes, now_ns: int) -> tuple[str, ...]:
        """The ports to which a frame goes that came by `port`. KeyError if there is no such port."""
        reason = self._objection(self._ports[port], port, frame)
        if reason is not None:
            return self._drop(port, reason, frame)
        self._table.learn(frame[6:12], port, now_ns)
        target = frame[:6]
        if is_group(target):
            if is_link_local(target):
                return self._drop(port, LINK_LOCAL, frame)
            return tuple(each for each in self._open if each != port)
        known = self._table.find(target, now_ns)
        if known is None:
            self.flooded += 1
            return tuple(each for each in self._open if each != port)
        if known == port:
            return self._drop(port, HAIRPIN, frame)
        return (known,) if known in self._open else self._drop(port, NO_CARRIER, frame)

    def drops(self, name: str) -> dict[str, int]:
        """Frames that a port sent for nothing, by reason."""
        return dict(self._ports[name].drops)

    def stations(self, now_ns: int) -> dict[bytes, str]:
        """Which station is behind which port."""
        return self._table.rows(now_ns)

    def _objection(self, port: _Port, name: str, frame: bytes) -> str | None:
        if len(frame) < _HEADER_BYTES:
            return SHORT
        if name not in self._open:
            return STANDBY if port.carrier else NO_CARRIER
        source = frame[6:12]
        if not is_station(source):
            return BAD_SOURCE
        if port.protection is not None:
            spoof = port.protection.objection(frame)
            if spoof is not None:
                return spoof
        return None if self._table.may_be_behind(source, name) else STOLEN

    def _drop(self, port: str, reason: str, frame: bytes) -> tuple[str, ...]:
        self._ports[port].drops[reason] += 1
        if self._refused is not None:
            self._refused(port, reason, frame)
        return ()

    def _choose_open(self) -> None:
        """Which ports take part; what was learnt of an uplink that no longer does is forgotten."""
        active = next((name for name, each in self._ports.items() if each.uplink and each.carrier), None)
        before = self._open
        self._open = tuple(
            name for name, each in self._ports.items() if each.carrier and (not each.uplink or name == active)
        )
        for name in before:
            if name not in self._open and name in self._ports:
                self._table.forget_port(name)
