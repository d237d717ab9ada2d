"""What a block backend tells of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlkbackStatistics:
    """Counters and gauges of one backend: of `device`, of domain `domid`."""

    domid: int
    device: int
    state: str
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
    resumes: int
    renegotiations: int
    resumes_refused: int
