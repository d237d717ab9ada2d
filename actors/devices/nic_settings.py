"""What a network controller is given when it starts.

Rules: the argument comes from a configuration file; ValueError names the key that is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.abi.network_controller import HEADER_BYTES, MAX_MTU, MAX_QUEUES
from actors.devices.argument import Argument
from actors.network.mac_address import is_station, parse_mac

DEFAULT_MTU = 1500
MIN_MTU = 68
VLAN_TAG_BYTES = 4


@dataclass(frozen=True, slots=True)
class NicSettings:
    """A network controller's argument, checked.

    `bits_per_second`: how fast it sends, 0: at once. `driver`: the link of the domain that drives it.
    """

    mac: bytes
    queues: int
    mtu: int
    bits_per_second: int
    level_triggered: bool
    driver: str

    @classmethod
    def from_argument(cls, argument: Mapping[str, object]) -> "NicSettings":
        """Check an argument; ValueError if it makes no sense."""
        given = Argument("nic", argument)
        level_triggered = given.level_triggered()
        mac = parse_mac(given.text("mac"))
        if not is_station(mac):
            raise ValueError(f"nic: mac: {mac.hex(':')} is no address of one station")
        return cls(
            mac=mac,
            queues=given.number("queues", 1, least=1, most=MAX_QUEUES),
            mtu=given.number("mtu", DEFAULT_MTU, least=MIN_MTU, most=MAX_MTU),
            bits_per_second=given.number("bits_per_second", 0, most=1 << 50),
            level_triggered=level_triggered,
            driver=given.text("driver", "dom0"),
        )

    @property
    def frame_bytes(self) -> int:
        """The longest frame: one of the MTU, with a VLAN tag."""
        return HEADER_BYTES + VLAN_TAG_BYTES + self.mtu
