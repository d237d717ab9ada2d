"""One seed from configuration to verdict: what a sweep does thousands of times, and a replay once.

First the faults, while the guests work; then they are over, and within `run: settle` every guest must be
served again. What is left is judged as any run is, and beyond that what the witness saw.
Rules: an assertion that fails is a finding, not an accident; so is a machine that breaks. A trial is a
function of its case: nothing of this process is in its record but the time that it took.
"""

import time
import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from actors.domu.workload import WorkloadSpec
from actors.policies import Links
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.verdict.check import Check, Verdict
from cluster.lab.verdict.report import Report, facts_of, report_of
from cluster.lab.verdict.report_checks import named
from cluster.lab.verdict.run_facts import ReadVolume
from cluster.running.drivers.simulated import IMAGES, run_simulated
from cluster.studies.campaign.case import Case
from cluster.studies.campaign.service_record import contradiction
from cluster.studies.campaign.witness import RunWitness

DETAIL_MAX: Final = 400
Record = dict[str, Any]


@dataclass(slots=True)
class Trial:
    """What came of one seed. `failed` and `unknown`: the checks, and what they saw; `links`: of its hosts.

    `recoveries_ns`: for each of `faults` how long it took until all I/O flowed again; None if it never did.
    """

    seed: int
    verdict: str = "held"
    links: str = Links.hypervisor.value
    failed: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    faults: list[list[str]] = field(default_factory=list)
    recoveries_ns: list[int | None] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    requests: int = 0
    events: int = 0
    virtual_ns: int = 0
    wall_s: float = 0.0

    def to_record(self) -> Record:
        """The trial as plain data."""
        return asdict(self)

    def take(self, check: Check) -> None:
        """Count the verdict of a check in."""
        sort_in(check, self.failed, self.unknown)


@dataclass(frozen=True, slots=True)
class Finished:
    """A trial with all that it left behind; there is no report if a machine broke."""

    trial: Trial
    witness: RunWitness
    report: Report | None


def run_trial(
    case: Case,
    *,
    invariants: bool = True,
    directory: Path | None = None,
    witness: RunWitness | None = None,
    observe: Callable[[str, str], None] = lambda _what, _text: None,
) -> Finished:
    """Run a case; with a directory its logs and its trace are written there. ConfigError.

    `witness`: a fresh one that sees more than others do.
    """
    began_s = time.perf_counter()
    cluster = case.cluster().placed(IMAGES)  # or guests of one name on two hosts had one image
    witness = witness or RunWitness()
    trial = Trial(case.seed, links=", ".join(sorted({each.links for each in cluster.hosts})))
    report = None

    def seen(what: str, text: str) -> None:
        witness.observe(what, text)
        observe(what, text)

    try:
        supervisor, read_volume = run_simulated(
            cluster,
            seen,
            directory,
            trace=directory is not None,
            invariants=invariants,
            observer=witness,
        )
        witness.close()
        report = _judge(trial, cluster, supervisor, read_volume, witness)
    except Exception as error:  # noqa: BLE001 (a machine that breaks is what is looked for)
        trial.failed |= finding_of(error)
    trial.verdict = verdict_of(trial.failed, trial.unknown)
    trial.states = sorted(witness.states)
    trial.events, trial.virtual_ns = witness.nr_events, witness.now_ns
    trial.wall_s = round(time.perf_counter() - began_s, 4)
    return Finished(trial, witness, report)


def _judge(
    trial: Trial,
    cluster: ResolvedCluster,
    supervisor: Supervisor,
    read_volume: ReadVolume,
    witness: RunWitness,
) -> Report:
    report = report_of(facts_of(cluster, "simulated", supervisor), read_volume)
    witnessed = (*_witnessed(witness), _service(witness, report))
    for check in (*report.checks, *witnessed, _recovery(supervisor, cluster.settle_ns)):
        trial.take(check)
    for expectation in report.expected:
        trial.take(Check(f"expected {expectation.text}", expectation.verdict, expectation.text))
    trial.faults = [[each.kind, each.address] for each in supervisor.injections]
    trial.recoveries_ns = [
        each.recovered_at_ns - each.injected_at_ns if each.recovered_at_ns is not None else None
        for each in supervisor.injections
    ]
    trial.requests = sum(each.issued for each in report.guests)
    return report


def _witnessed(witness: RunWitness) -> Iterator[Check]:
    yield _check(
        "linearizability", witness.sector_violations(), "the sectors' reads and writes have an order"
    )
    wrong, unknown = [], []
    for store in witness.stores.values():
        more_wrong, more_unknown = store.violations()
        wrong += more_wrong
        unknown += more_unknown
    if unknown and not wrong:
        yield Check("xenstore linearizability", Verdict.unknown, f"not found out: {named(unknown)}")
    else:
        yield _check("xenstore linearizability", wrong, "the nodes' reads and writes have an order")
    yield _check("answers", witness.history.problems, "every answer had its request, and came once")
    yield _check(
        "rings",
        witness.rings.violations(),
        "every request of a network was answered once, or is accounted for",
    )
    yield _check(
        "isolation", [*witness.foreign_bytes, *witness.frames.violations()], "no guest saw what another wrote"
    )


def _service(witness: RunWitness, report: Report) -> Check:
    """Whether the guests were out for as long as the report says, and had as many errors."""
    wrong = []
    works = {each.guest_id: each.workload for each in report.facts.cluster.guests}
    for record, guest in zip(report.facts.guests, report.guests, strict=True):
        seen = [each for each in witness.services if each.guest == record.address]
        if guest.outage_max_ns is not None:
            idle_ns = _idle_ns(works[record.guest_id])
            why = contradiction(seen, guest.outage_max_ns, idle_ns)
            wrong += [f"{record.address} {why}"] if why else []
        errors = sum(each.errors for each in seen)
        if errors != guest.errors:
            wrong.append(f"{record.address} is said to have {guest.errors} errors, and was told {errors}")
    return _check("service", wrong, "the guests were out for as long as they are said to have been")


def _idle_ns(work: WorkloadSpec | None) -> int:
    """How long a guest that paces itself may have nothing to ask for."""
    return int(1e9 / work.rate) + 1 if work is not None and work.rate else 0


def _names(supervisor: Supervisor, injection: Injection) -> str:
    return ", ".join(supervisor.lab.guests[each].name for each in injection.waiting_guests)


def _recovery(supervisor: Supervisor, settle_ns: int) -> Check:
    late = [
        f"{each.kind} of {each.address}: {_names(supervisor, each)}"
        for each in supervisor.injections
        if each.recovered_at_ns is None and each.waiting_for
    ]
    return _check("recovery", late, f"whoever a fault touched was served again within {settle_ns / 1e9:g} s")


def _check(name: str, wrong: list[str], held: str) -> Check:
    return Check(name, Verdict.failed, named(wrong)) if wrong else Check(name, Verdict.held, held)


def sort_in(check: Check, failed: dict[str, str], unknown: dict[str, str]) -> None:
    """Put what a check saw to what failed or is unknown, by its name; nothing if it held."""
    if check.verdict is Verdict.failed:
        failed[check.name] = check.detail[:DETAIL_MAX]
    elif check.verdict is Verdict.unknown:
        unknown[check.name] = check.detail[:DETAIL_MAX]


def verdict_of(failed: Collection[str], unknown: Collection[str]) -> str:
    """That on a trial of which so much did not hold."""
    return "failed" if failed else "unknown" if unknown else "held"


def finding_of(error: Exception) -> dict[str, str]:
    """What is found if a machine breaks: the name of a check, and what broke."""
    return {"invariants" if isinstance(error, AssertionError) else "machines": _story(error)}


def _story(error: Exception) -> str:
    """What broke and where, shortly: the last lines of the traceback say more than the first."""
    notes = "; ".join(getattr(error, "__notes__", []))
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.name}"
    return f"{type(error).__name__}: {error} in {where}; {notes}"[:DETAIL_MAX]
