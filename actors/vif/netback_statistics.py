"""What a network backend tells of itself."""

from dataclasses import dataclass

from actors.kernel.device_statistics import BackendStatistics


@dataclass(frozen=True, slots=True)
class NetbackStatistics(BackendStatistics):
    """Counters and gauges of one backend; `sent` is what its guest has sent.

    `drops`: by reason (`netback_counters.REASONS`); `throttled`: how often `rate` has held something back.
    `tx_in_flight`, `rx_in_flight`: slots that are taken and not answered; `rx_queued`: packets for the guest
    that wait for its buffers; `carrier`: 1 if it is connected, and no queue of its guest is stalled.
    """

    queues: int
    carrier: int
    sent: int
    sent_bytes: int
    received: int
    received_bytes: int
    drops: dict[str, int]
    stalls: int
    throttled: int
    tx_in_flight: int
    rx_in_flight: int
    rx_queued: int
    control_requests: int
    control_refused: int
