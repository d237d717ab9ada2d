"""What a run found out, besides what the ledger will."""

from dataclasses import dataclass, field

from actors.hypervisor.statistics import HypervisorStatistics
from cluster.lab.experiment.host_clock import ClockGap


@dataclass(slots=True)
class Outcome:
    """What the run found out, besides what the ledger will. `leaks`: what was held at its end, by host.

    `phases`: when each phase began, in their order.
    """

    unknown: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    leaks: dict[str, HypervisorStatistics] = field(default_factory=dict)
    clock_gaps: list[ClockGap] = field(default_factory=list)
    phases: dict[str, int] = field(default_factory=dict)
