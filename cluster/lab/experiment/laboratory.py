"""What the experimenter has in hand: hosts and guests, the faults, and what is measured with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.breaking.fault_run import FaultRun
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.interrupt_tables import InterruptTables
from cluster.lab.experiment.journal_budget import JournalBudget
from cluster.lab.experiment.outcome import Outcome
from cluster.lab.experiment.readings import Readings


@dataclass(frozen=True, slots=True)
class Laboratory:
    """That of one run. `observe(what, text)` is told what happens."""

    cluster: ResolvedCluster
    boards: Mapping[str, HostBoard]
    guests: Mapping[GuestId, GuestRecord]
    fault_run: FaultRun
    journals: JournalBudget
    readings: Readings
    interrupt_tables: InterruptTables
    outcome: Outcome
    observe: Callable[[str, str], None]
