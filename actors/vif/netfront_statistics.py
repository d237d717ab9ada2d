"""What a network frontend tells of itself."""

from dataclasses import dataclass

from actors.kernel.device_statistics import FrontendStatistics


@dataclass(frozen=True, slots=True)
class NetfrontStatistics(FrontendStatistics):
    """Counters since it was made, as of `PacketCounters`, and gauges.

    `in_flight`: slots that its backend has not answered; `waiting`: packets that wait for room in a ring;
    `announcements`: how often a backend has said that it is Connected.
    """

    queues: int
    sent: int
    sent_bytes: int
    received: int
    received_bytes: int
    lost: int
    refused: int
    dropped: int
    malformed: int
    in_flight: int
    waiting: int
    announcements: int
    detached_ns: int
