"""What a disk counts, for metrics and reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiskStatistics:
    """Counters since power on; `dirty_sectors`, `in_flight` and `queued_completions` are gauges.

    `errors_injected`, `flushes_ignored` and `interrupts_lost` are what faults did.
    """

    reads: int
    writes: int
    flushes: int
    sectors_read: int
    sectors_written: int
    errors: int
    interrupts: int
    resets: int
    write_back_failures: int
    dirty_sectors: int
    in_flight: int
    queued_completions: int
    errors_injected: int
    flushes_ignored: int
    interrupts_lost: int
