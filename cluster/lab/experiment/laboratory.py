"""What the experimenter has in hand: hosts and guests, the faults, and what is measured with."""

from collections.abc import Callable

from actors.runtime.machine import Effect
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.fault_run import FaultRun
from cluster.lab.experiment.captures import Captures
from cluster.lab.experiment.domain_processes import DomainChange
from cluster.lab.experiment.guest_notebooks import GuestNotebooks
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.interrupt_tables import InterruptTables
from cluster.lab.experiment.journal_budget import JournalBudget
from cluster.lab.experiment.outcome import Outcome
from cluster.lab.experiment.readings import Readings
from cluster.lab.experiment.switch_board import SwitchBoard


class Laboratory:
    """That of one run. `observe(what, text)` is told what happens, `changed` what becomes of domains."""

    def __init__(  # noqa: PLR0917 (what a laboratory is made of)
        self,
        cluster: ResolvedCluster,
        notebooks: GuestNotebooks,
        observe: Callable[[str, str], None],
        emit: Callable[[Effect], None],
        changed: Callable[[DomainChange], None],
        keep: Callable[[], None],
        journal_budget: int | None,
    ) -> None:
        self.cluster = cluster
        self.observe = observe
        self.switch = SwitchBoard(cluster, emit)
        self.boards = {host.name: HostBoard(host, emit, changed) for host in cluster.hosts}
        self.guests = {each.guest_id: notebooks.record(each) for each in cluster.guests}
        self.fault_run = FaultRun(cluster, self.boards, self.guests, emit, observe, keep=keep)
        self.journals = JournalBudget(journal_budget, self.boards, self.guests, observe)
        self.outcome = Outcome()
        self.captures = Captures(self.boards, emit)
        self.interrupt_tables = InterruptTables(emit)
        self.readings = Readings(self.boards, self.switch, emit)
