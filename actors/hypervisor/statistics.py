"""What the hypervisor tells about itself: counters since power on, and the state of now.

Source: ours; state letters as in `xl list`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HypervisorStatistics:
    """`hypercalls` by name; `domains` are one record each, dead ones only while frames of theirs linger."""

    hypercalls: dict[str, int]
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
    frames_reserved: int
    foreign_frames: int
    violations: int
    dom0_boots: int
