"""What a switch counts, for metrics and reports."""

from dataclasses import dataclass
from typing import Final

DROPS: Final = (
    *("too_short", "too_long", "bad_source", "link_local", "hairpin"),
    *("queue_full", "link_down", "partitioned", "not_running"),
)
"""Why frames, or copies of them, went nowhere; `not_running` is a stall."""


@dataclass(frozen=True, slots=True)
class SwitchStatistics:
    """Counters since power on; `stations` and `waiting_bytes` are gauges. Dicts are by port, or by reason.

    `flooded` frames were for a station that was not known.
    """

    frames: int
    flooded: int
    drops: dict[str, int]
    port_frames: dict[str, int]
    port_bytes: dict[str, int]
    waiting_bytes: dict[str, int]
    stations: int
    not_learnt: int
