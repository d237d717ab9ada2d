"""What a run left behind, for the report: the supervisor's notes, and the journals with their images.

Rules: everything is read after the run is over. A guest has come back if its workload ended in order:
nothing is wanted any more, nothing is in flight, and the last answer of each disk was no error.
`None` stands for what cannot be known.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from actors.address import Address
from actors.hypervisor.statistics import HypervisorStatistics
from actors.notebook.histogram import percentile_ns
from actors.notebook.journal_header import Word
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.volume import Volume
from cluster.lab.experiment.breaking.fault_target import FaultTarget
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.unfired_fault import UnfiredFault
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_clock import ClockGap
from cluster.lab.verdict.ledger import LedgerResult, ReadSectors
from cluster.lab.verdict.talk_result import GuestTalks, TalkResult

ReadVolume = Callable[[Volume], ReadSectors]


@dataclass(frozen=True, slots=True)
class HostFacts:
    """How often a host, its dom0 and its driver domains started.

    `statistics` are those of its hypervisor after the guests were gone.
    """

    boots: int
    dom0_boots: int
    halted_because: str
    statistics: HypervisorStatistics | None
    not_rebuilt: tuple[str, ...] = ()
    driver_boots: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run. `unknown` and `failures` are the supervisor's; `interrupted`: the power was cut.

    `cut_short`: the phase in which everything ended without a word, the supervisor too; empty if it did not.
    `phases`: when each began, in their order.
    `changed_images`: those of which it is known that they are not any more as the run left them.
    """

    cluster: ResolvedCluster
    driver: str
    hosts: dict[str, HostFacts]
    guests: list[GuestRecord]
    injections: list[Injection]
    unknown: list[str]
    failures: list[str]
    interrupted: bool
    fault_targets: list[FaultTarget] = field(default_factory=list)
    unfired: list[UnfiredFault] = field(default_factory=list)
    clock_gaps: list[ClockGap] = field(default_factory=list)
    phases: dict[str, int] = field(default_factory=dict)
    cut_short: str = ""
    changed_images: frozenset[Path] = frozenset()

    @property
    def power_was_cut(self) -> bool:
        """Whether everything ended at once, so that what a disk had not written back is gone."""
        return self.interrupted or bool(self.cut_short)

    @property
    def missed_faults(self) -> list[str]:
        """The faults that the configuration asked for and did not get, but for `optional` ones, and why."""
        optional = {each.number for each in self.cluster.faults if each.optional}
        missed = [
            f"{each.label} {each.kind} of {each.target} ({each.skipped})"
            for each in self.fault_targets
            if each.was_missed and each.fault not in optional
        ]
        return missed + [f"{each.title} ({each.why})" for each in self.unfired if not each.optional]


@dataclass(frozen=True, slots=True)
class GuestFacts:
    """One guest. `ledger` is None if the check could not be finished."""

    address: str
    name: str
    boots: int
    came_back: bool | None
    survived: bool | None
    outage_max_ns: int | None
    outage_p99_ns: int | None
    outage_p50_ns: int | None
    issued: int
    completed: int
    errors: int
    in_flight: int
    mismatches: int
    ledger: LedgerResult | None
    talks: GuestTalks | None = None

    @property
    def unserved_max_ns(self) -> int:
        """The longest outage of its disks; of a guest without any, the longest silence of its talks."""
        if self.outage_max_ns is not None:
            return self.outage_max_ns
        return self.talks.silence_max_ns if self.talks is not None else 0


def guest_facts(
    guest: GuestRecord, ledger: LedgerResult | None, talks: TalkResult | None, *, interrupted: bool
) -> GuestFacts:
    """What the journals of a guest say. Requests that nobody answered count as in flight."""

    def total(word: Word) -> int:
        return sum(each.word(word) for each in guest.journals)

    is_quiet = not guest.works and not total(Word.IN_FLIGHT)
    ended_well = is_quiet and not guest.ended_in_error and guest.boots > 0
    came_back = None if interrupted else ended_well
    max_ns, p99_ns, p50_ns = _outage(guest) if ended_well else (None, None, None)
    return GuestFacts(
        address=str(Address.domain(guest.host, guest.domid)),
        name=guest.name,
        boots=guest.boots,
        came_back=came_back,
        survived=False if guest.died else came_back,
        outage_max_ns=max_ns,
        outage_p99_ns=p99_ns,
        outage_p50_ns=p50_ns,
        issued=total(Word.ISSUED),
        completed=total(Word.COMPLETED),
        errors=total(Word.ERRORS),
        in_flight=total(Word.IN_FLIGHT) + total(Word.ABANDONED),
        mismatches=total(Word.MISMATCHES),
        ledger=ledger,
        talks=talks.of(guest.address) if talks is not None and guest.talks else None,
    )


def _outage(guest: GuestRecord) -> tuple[int | None, int | None, int | None]:
    if not guest.completed:
        return None, None, None
    longest = guest.longest_outage_ns
    gaps = [sum(counts) for counts in zip(*(each.gaps() for each in guest.journals), strict=True)]
    p99, p50 = percentile_ns(gaps, 99), percentile_ns(gaps, 50)
    return longest, None if p99 is None else min(p99, longest), None if p50 is None else min(p50, longest)
