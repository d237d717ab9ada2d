"""What the bridge of a host counts, for metrics and reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PortStatistics:
    """Counters of one port since it was plugged in. `in` is what came by it, `out` what left.

    `in_drops`: what came for nothing, by reason, all reasons (`actors.network.bridge.REASONS`). `out_drops`:
    what was to leave and could not; a port that is no uplink counts that where its interface is.
    """

    in_frames: int
    in_bytes: int
    out_frames: int
    out_bytes: int
    in_drops: dict[str, int]
    out_drops: dict[str, int]


@dataclass(frozen=True, slots=True)
class UplinkStatistics:
    """The network controller behind an uplink. `link_up` and the two that wait for room are gauges.

    `restarts`: how often its driver found it stuck, or it failed, and it was started again.
    """

    link_up: int
    waiting_frames: int
    waiting_bytes: int
    restarts: int
    sent_frames: int
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class BridgeStatistics:
    """One bridge: its ports by name, those of them that are uplinks, and how many stations it knows.

    `flooded` frames were for a station that was not known.
    """

    ports: dict[str, PortStatistics]
    uplinks: dict[str, UplinkStatistics]
    flooded: int
    stations: int
