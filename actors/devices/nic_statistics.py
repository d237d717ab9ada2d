"""What a network controller counts, for metrics and reports."""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.network_controller import DescriptorStatus

RX_DROPS: Final = ("too_short", "too_long", "no_buffer", "link_down", "not_enabled", "not_running")
"""`not_running` is what a fault does that keeps the controller from moving data."""
TX_DROPS: Final = tuple(each.name for each in DescriptorStatus if each)


@dataclass(slots=True)
class NicCounts:
    """What the controller counts as it goes."""

    rx_frames: int = 0
    rx_bytes: int = 0
    tx_frames: int = 0
    tx_bytes: int = 0
    filtered: int = 0
    resets: int = 0
    failures: int = 0
    link_changes: int = 0
    rx_drops: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RX_DROPS, 0))
    tx_drops: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TX_DROPS, 0))


@dataclass(frozen=True, slots=True)
class NicStatistics:
    """Counters since power on; `link_up`, `rx_buffers` and `tx_waiting` are gauges.

    `filtered` frames were for others; drops are by reason, all reasons.
    """

    rx_frames: int
    rx_bytes: int
    tx_frames: int
    tx_bytes: int
    filtered: int
    rx_drops: dict[str, int]
    tx_drops: dict[str, int]
    interrupts: int
    resets: int
    failures: int
    link_changes: int
    link_up: int
    rx_buffers: int
    tx_waiting: int
    interrupts_lost: int
