"""What the hypervisor tells about itself: counters since power on, and the state of now.

Source: ours; state letters as in `xl list`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DomainStatistics:
    """One domain: counters of its life, and what it holds. `hypercalls` by name, interrupts by GSI.

    `state`: the letters; `reason`: of its shutdown, -1 without one; `handle`: its UUID in hexadecimal digits.
    """

    domid: int
    incarnation: int
    handle: str
    state: str
    life: str
    reason: int
    pages: int
    vcpus: int
    ports: int
    ports_pending: int
    grants_mapped: int
    grants_in_use: int
    frames: int
    hypercalls: dict[str, int]
    hypercall_exits: int
    hypercalls_refused: int
    events_sent: int
    upcalls: int
    upcalls_taken: int
    interrupts: dict[str, int]
    interrupts_ended: dict[str, int]


@dataclass(frozen=True, slots=True)
class HypervisorStatistics:
    """`hypercalls` by name; `domains` are all there are, dead ones only while frames of theirs linger."""

    hypercalls: dict[str, int]
    events_sent: int
    upcalls: int
    interrupts: int
    spurious_interrupts: int
    interrupts_ended: int
    interrupts_forced: int
    domains: list[DomainStatistics]
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
