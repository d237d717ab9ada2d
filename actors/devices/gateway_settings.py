"""What a gateway is given when it starts: the guests that it leads to, and its own place in their networks.

Rules: the argument comes from a configuration file; ValueError names the key that is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.devices.argument import Argument
from actors.inet.address import ipv4
from actors.inet.interface import Interface
from actors.network.mac_address import parse_mac


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """`guests`: the address of each interface of a guest, by its name, as `host0/web-0/vif0`."""

    seed: str
    interfaces: tuple[Interface, ...]
    guests: dict[str, int]

    @classmethod
    def from_argument(cls, argument: Mapping[str, object]) -> "GatewaySettings":
        """Check an argument; ValueError if it makes no sense."""
        given = Argument("gateway", argument)
        interfaces = tuple(
            Interface(
                parse_mac(row.text("mac")),
                ipv4(row.text("address")),
                row.number("prefix", 24, least=1, most=30),
                mtu=row.number("mtu", 1500, least=68, most=65_535),
            )
            for row in given.rows("networks")
        )
        guests = {row.text("name"): ipv4(row.text("address")) for row in given.rows("guests")}
        return cls(given.text("seed", ""), interfaces, guests)
