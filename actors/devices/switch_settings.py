"""What a switch is given when it starts: its ports, how fast each is, and how long it remembers.

Rules: the argument comes from a configuration file; ValueError names the key that is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.devices.argument import Argument
from actors.network.mac_table import AGEING_NS, LIMIT

DEFAULT_QUEUE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class PortSettings:
    """One port; `name` is that of its link.

    `bits_per_second` (0: no limit) is how fast frames leave by it, `latency_ns` how long they travel then,
    with up to `jitter_ns` more, `queue_bytes` how much may wait for it. `seed`: of what is drawn.
    """

    name: str
    bits_per_second: int
    latency_ns: int
    queue_bytes: int
    jitter_ns: int = 0
    seed: str = ""


@dataclass(frozen=True, slots=True)
class SwitchSettings:
    """A switch's argument, checked. Stations are forgotten after `ageing_ns`; so many are known at most."""

    ports: tuple[PortSettings, ...]
    ageing_ns: int
    stations: int

    @classmethod
    def from_argument(cls, argument: Mapping[str, object]) -> "SwitchSettings":
        """Check an argument; ValueError if it makes no sense."""
        given = Argument("switch", argument)
        seed = given.text("seed", "")
        ports = tuple(_port(row, seed) for row in given.rows("ports"))
        names = [port.name for port in ports]
        if len(set(names)) < len(names):
            raise ValueError(f"switch: ports: a name is there twice in {', '.join(names)}")
        return cls(ports, given.number("ageing_ns", AGEING_NS), given.number("stations", LIMIT))


def _port(row: Argument, seed: str) -> PortSettings:
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(f"switch: name: {name!r} is no name of a port")
    return PortSettings(
        name=name,
        bits_per_second=row.number("bits_per_second", 0),
        latency_ns=row.number("latency_ns", 0),
        queue_bytes=row.number("queue_bytes", DEFAULT_QUEUE_BYTES),
        jitter_ns=row.number("jitter_ns", 0),
        seed=f"{seed}:{name}",
    )
