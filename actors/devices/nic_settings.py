"""What a network controller is given when it starts.

Rules: the argument comes from a configuration file; ValueError names the key that is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.abi.network_controller import HEADER_BYTES, MAX_MTU, MAX_QUEUES
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
        trigger = _text(argument, "trigger", "edge")
        if trigger not in {"edge", "level"}:
            raise ValueError(f"nic: trigger: {trigger!r} is neither edge nor level")
        mac = parse_mac(_text(argument, "mac"))
        if not is_station(mac):
            raise ValueError(f"nic: mac: {mac.hex(':')} is no address of one station")
        return cls(
            mac=mac,
            queues=_number(argument, "queues", 1, 1, MAX_QUEUES),
            mtu=_number(argument, "mtu", DEFAULT_MTU, MIN_MTU, MAX_MTU),
            bits_per_second=_number(argument, "bits_per_second", 0, 0, 1 << 50),
            level_triggered=trigger == "level",
            driver=_text(argument, "driver", "dom0"),
        )

    @property
    def frame_bytes(self) -> int:
        """The longest frame: one of the MTU, with a VLAN tag."""
        return HEADER_BYTES + VLAN_TAG_BYTES + self.mtu


def _number(source: Mapping[str, object], key: str, default: int, least: int, most: int) -> int:
    value = source.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"nic: {key}: {value!r} is not a number from {least} to {most}")
    return value


def _text(source: Mapping[str, object], key: str, default: str | None = None) -> str:
    value = source.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"nic: {key}: {value!r} is not text")  # noqa: TRY004, a bad file, not a bad call
    return value
