"""What the hypervisor tells about itself: counters since power on, and the state of now.

Source: ours; state letters as in `xl list`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HypervisorStatistics:
    """`hypercalls` by name, `domain_hypercalls` by domain id; `domains` are one record each."""

    hypercalls: dict[str, int]
    domain_hypercalls: dict[str, int]
    refused: int
    events_sent: int
    upcalls: int
    interrupts: int
    spurious_interrupts: int
    interrupts_ended: int
    interrupts_forced: int
    domains: list[dict[str, object]]
    ports: int
    grants_mapped: int
    pirqs_bound: int
    frames_free: int
    frames_used: int
    frames_lingering: int
    foreign_frames: int
    violations: int
    dom0_boots: int
