"""What a network backend counts, whatever becomes of its connections.

Rules: a packet that goes nowhere is counted under one of `REASONS`, and there are no others.
"""

from dataclasses import dataclass, field
from typing import Final

COPY_FAILED: Final = "copy-failed"
TOO_MANY_SLOTS: Final = "too-many-slots"
BAD_SIZE: Final = "bad-size"
BAD_OFFLOAD: Final = "bad-offload"
NO_CARRIER: Final = "no-carrier"
QUEUE_FULL: Final = "queue-full"
EXPIRED: Final = "expired"
STALLED: Final = "stalled"
TOO_LONG: Final = "too-long"
TAKEN_UP: Final = "taken-up"
REASONS: Final = (
    *(COPY_FAILED, TOO_MANY_SLOTS, BAD_SIZE, BAD_OFFLOAD, NO_CARRIER),
    *(QUEUE_FULL, EXPIRED, STALLED, TOO_LONG, TAKEN_UP),
)
"""Why a packet of a guest, or for it, goes nowhere."""


@dataclass(slots=True)
class NetbackCounters:
    """`sent`: packets of the guest that the bridge was given; `received`: those that the guest was given."""

    sent: int = 0
    sent_bytes: int = 0
    received: int = 0
    received_bytes: int = 0
    stalls: int = 0
    throttled: int = 0
    control_requests: int = 0
    control_refused: int = 0
    drops: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))

    def drop(self, reason: str, count: int = 1) -> None:
        """Packets went nowhere."""
        self.drops[reason] += count
