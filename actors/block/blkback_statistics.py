"""What a block backend tells of itself."""

from dataclasses import dataclass

from actors.kernel.device_statistics import BackendStatistics


@dataclass(frozen=True, slots=True)
class BlkbackStatistics(BackendStatistics):
    """Counters and gauges of one backend."""

    requests: int
    reads: int
    writes: int
    flushes: int
    refused: int
    segments: int
    bytes: int
    errors: int
    in_flight: int
    persistent_mappings: int
