"""An experiment whose processes are played by the test."""

from actors.messages import (
    StartDomain,
)
from actors.notebook.journal import MemoryJournal
from actors.notebook.journal_header import GuestState
from actors.runtime.machine import (
    DeadlinePassed,
    Effect,
    Received,
)
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.host_clock import HostClock
from cluster.lab.experiment.supervisor import Supervisor

HYPERVISOR = "host0/hypervisor"

S = 1_000_000_000


class Experiment:
    """A supervisor, and a host that does what the test says."""

    def __init__(self, cluster: ResolvedCluster, host_clock: HostClock | None = None) -> None:
        self.cluster = cluster
        self.journals = {
            each.guest_id: [
                MemoryJournal(
                    guest=f"host0/{each.name}", guest_id=index, virtual_device=51712, volume_sectors=2048
                )
            ]
            for index, each in enumerate(cluster.hosts[0].guests, 1)
        }
        self.seen: list[tuple[str, str]] = []
        self.kept: list[list[tuple[str, str]]] = []
        self.supervisor = Supervisor(
            cluster,
            self.journals,
            lambda what, text: self.seen.append((what, text)),
            keep=lambda: self.kept.append(self.faults),
            host_clock=host_clock,
        )
        self.now_ns = 0
        self.tick()

    def give(self, event: object) -> list[Effect]:
        return self.supervisor.handle(event, self.now_ns)

    def say(self, message: object) -> list[Effect]:
        return self.give(Received(HYPERVISOR, message))

    def tick(self, later_ns: int = 0) -> list[Effect]:
        self.now_ns += later_ns
        return self.give(DeadlinePassed())

    def start(self, domid: int, incarnation: int = 1) -> None:
        guests = self.cluster.hosts[0].guests
        handle = bytes(16) if domid == 0 else guests[domid - 1].handle
        self.say(StartDomain(domid, incarnation, handle, []))

    def boot(self) -> "Experiment":
        for domid in range(3):
            self.start(domid)
        for (journal,) in self.journals.values():
            journal.begin_boot()
            journal.set_state(GuestState.running)
            journal.set_wanted(wanted=True)
        self.tick(S)
        assert self.supervisor.phase == "workload"
        return self

    def answer(self) -> None:
        for (journal,) in self.journals.values():
            journal.record_read_done(journal.record_read(self.now_ns), 8, self.now_ns)

    @property
    def faults(self) -> list[tuple[str, str]]:
        return [(each.kind, each.target) for each in self.supervisor.injections]
