"""What a block frontend tells of itself."""

from dataclasses import dataclass

from actors.kernel.device_statistics import FrontendStatistics


@dataclass(frozen=True, slots=True)
class BlkfrontStatistics(FrontendStatistics):
    """Counters and gauges since it was made. `oldest_issue_ns` is None when nothing waits for an answer.

    `detached_ns`: how long it was without a ring after its first one; `unanswered_ns`: how long after each
    ring that followed until the first answer came.
    """

    requests: int
    bytes: int
    errors: int
    in_flight: int
    waiting: int
    replayed: int
    detached_ns: int
    unanswered_ns: int
    oldest_issue_ns: int | None
