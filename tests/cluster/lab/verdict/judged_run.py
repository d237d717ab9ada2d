"""A run of two guests that went well, until a test changes what it is judged by."""

from collections.abc import Callable
from dataclasses import dataclass, field

from actors.hypervisor.statistics import HypervisorStatistics
from actors.notebook.journal import Journal, MemoryJournal
from actors.notebook.journal_header import Word
from actors.notebook.stamp import stamp_block
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.volume import Volume
from cluster.lab.experiment.breaking.fault_run import FaultTarget
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.unfired_fault import UnfiredFault
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_clock import ClockGap
from cluster.lab.experiment.lives import Death
from cluster.lab.verdict.check import Verdict
from cluster.lab.verdict.ledger import ReadSectors
from cluster.lab.verdict.report import Report, report_of
from cluster.lab.verdict.run_facts import HostFacts, RunFacts
from tests.cluster.blank_records import blank

Load = Callable[..., ResolvedCluster]

SECTORS = 2048

CLEAN = blank(HypervisorStatistics)


def die(guest: GuestRecord) -> None:
    guest.lives.die(Death.crash)
    guest.start(guest.domid)


@dataclass
class Run:
    """A run of two guests that went well; a test changes what it wants before it asks for the report."""

    cluster: ResolvedCluster
    hosts: dict[str, HostFacts] = field(default_factory=lambda: {"host0": HostFacts(1, 2, "", CLEAN)})
    guests: list[GuestRecord] = field(default_factory=list)
    images: dict[str, bytearray] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    interrupted: bool = False
    driver: str = "simulated"
    clock_gaps: list[ClockGap] = field(default_factory=list)
    injections: list[Injection] = field(
        default_factory=lambda: [
            Injection(1, "crash", "host0", "dom0", 2000, False, 2500, 3000, 4000, label="1")
        ]
    )

    fault_targets: list[FaultTarget] = field(default_factory=list)
    unfired: list[UnfiredFault] = field(default_factory=list)
    cut_short: str = ""
    phases: dict[str, int] = field(default_factory=lambda: {"boot": 0, "workload": 1000, "done": 9000})

    def __post_init__(self) -> None:
        for guest in self.cluster.hosts[0].guests:
            name, guest_id = guest.name, guest.guest_id
            journal = MemoryJournal(
                guest=f"host0/{name}", guest_id=guest_id, virtual_device=51712, volume_sectors=SECTORS
            )
            self.images[name] = bytearray(SECTORS * 512)
            self.guests.append(GuestRecord.of(guest, [journal], None))
            self.guests[-1].start(guest_id)
            journal.begin_boot()
            for index in range(4):
                self.write(name, index * 8, index * 1000, index * 1000 + 100)

    def journal(self, name: str) -> Journal:
        return next(each.journals[0] for each in self.guests if each.name == name)

    def guest(self, name: str) -> GuestRecord:
        return next(each for each in self.guests if each.name == name)

    def write(self, name: str, sector: int, issued_ns: int, answered_ns: int) -> None:
        journal = self.journal(name)
        nonce = journal.word(Word.GUEST_ID) << 32 | journal.next_sequence
        sequence = journal.record_write(sector, 8, nonce, issued_ns)
        data = stamp_block(journal.word(Word.GUEST_ID), 51712, sector, 8, sequence, nonce)
        self.images[name][sector * 512 : sector * 512 + 4096] = data
        journal.record_ack(sequence, answered_ns)

    def read_volume(self, volume: Volume) -> ReadSectors:
        image = self.images[volume.guest]
        return lambda sector, count: bytes(image[sector * 512 : (sector + count) * 512])

    def facts(self) -> RunFacts:
        return RunFacts(
            cluster=self.cluster,
            driver=self.driver,
            hosts=self.hosts,
            guests=self.guests,
            injections=self.injections,
            unknown=self.unknown,
            failures=self.failures,
            interrupted=self.interrupted,
            fault_targets=self.fault_targets,
            unfired=self.unfired,
            clock_gaps=self.clock_gaps,
            cut_short=self.cut_short,
            phases=self.phases,
        )

    def report(self) -> Report:
        return report_of(self.facts(), self.read_volume)


def predicting(load: Load, expect: str) -> Run:
    return Run(load(("faults:", f"expect: {expect}\nfaults:")))


def verdict_of(report: Report, name: str) -> Verdict:
    return next(each.verdict for each in report.checks if each.name == name)


NEVER = UnfiredFault("2", "crash", "host0/dom0", "when fault 1 is recovered: that was never so")


def gap(phase: str, guests: int = 0, faults: tuple[str, ...] = ()) -> ClockGap:
    return ClockGap(phase, 1000, 10_000_001_000, 0, guests, faults, met_by_others=True)
