"""The report of a run: `run.json`, the verdict and its exit code, and what a person reads.

Rules: the keys of `run.json` are a contract; null stands for what is not known or never happened, such
as the outage of a guest that never came back. `completed` counts answers, `errors` those that were bad,
`in_flight` what was never answered: issued = completed + in_flight.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from actors.address import Address
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.lab.experiment.breaking.fault_target import FaultTarget
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.host_clock import ClockGap
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.verdict.check import Check, Expectation, Verdict, overall
from cluster.lab.verdict.expectations import judge
from cluster.lab.verdict.report_checks import all_checks
from cluster.lab.verdict.run_facts import GuestFacts, HostFacts, ReadVolume, RunFacts, guest_facts
from cluster.lab.verdict.summary import print_summary
from cluster.lab.verdict.talk_checks import talk_result
from cluster.lab.verdict.talk_expectations import judge_talks
from cluster.lab.verdict.talk_result import TalkResult, guest_words, talks_words
from cluster.lab.verdict.verification import Verification

SCHEMA: Final = 1
_WRITES: Final = ("acknowledged", "stable", "lost", "stale", "torn", "misdirected", "unacknowledged")
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run."""

    facts: RunFacts
    guests: list[GuestFacts]
    checks: list[Check]
    expected: list[Expectation]
    talks: TalkResult | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict on everything."""
        return overall(self.checks, self.expected)

    @property
    def exit_code(self) -> int:
        """0 all held, 1 something failed, 2 something is unknown."""
        return self.verdict.exit_code

    def to_dict(self) -> Json:
        """`run.json` as data."""
        cluster = self.facts.cluster
        return {
            "schema": SCHEMA,
            "verdict": self.verdict.value,
            "driver": self.facts.driver,
            "seed": cluster.seed,
            "cut_short": self.facts.cut_short or None,
            "config": {"path": str(cluster.path), "sha256": cluster.sha256},
            "hosts": [
                {
                    "name": host.name,
                    **host.architecture.words(),
                    "links": host.links.value,
                    "boots": self.facts.hosts[host.name].boots,
                    "dom0_boots": self.facts.hosts[host.name].dom0_boots,
                    "driver_domains": _driver_domains(host, self.facts.hosts[host.name]),
                }
                for host in cluster.hosts
            ],
            "clock_gaps": [_clock_gap(each) for each in self.facts.clock_gaps],
            "faults": _faults(self.facts),
            "fault_targets": [_fault_target(each) for each in self.facts.fault_targets],
            "guests": [_guest(each) for each in self.guests],
            "talks": talks_words(self.talks),
            "checks": [
                {"name": each.name, "verdict": each.verdict.value, "detail": each.detail}
                for each in self.checks
            ],
            "expected": [{"text": each.text, "verdict": each.verdict.value} for each in self.expected],
        }

    def to_json(self) -> str:
        """`run.json` as text."""
        return json.dumps(self.to_dict(), indent=2)

    def print_summary(self, console: Console) -> None:
        """What a person wants to know, as tables."""
        halted = {name: host.halted_because for name, host in self.facts.hosts.items()}
        print_summary(console, self.to_dict(), halted)


def build_report(
    cluster: ResolvedCluster,
    driver: str,
    supervisor: Supervisor,
    directory: Path,
    read_volume: ReadVolume | None = None,
) -> Report:
    """The report of a run that is over, with its images in `directory` unless `read_volume` gives them."""
    return report_of(facts_of(cluster.placed(directory / "images"), driver, supervisor), read_volume)


def report_of(facts: RunFacts, read_volume: ReadVolume | None = None) -> Report:
    """Verify and judge what a run left behind."""
    verification = Verification(facts, read_volume)
    ledgers = [verification.ledger(each) for each in facts.guests]
    facts.unknown.extend(verification.troubles)
    talks = talk_result(facts)
    guests = [
        guest_facts(each, ledger, talks, interrupted=facts.power_was_cut)
        for each, ledger in zip(facts.guests, ledgers, strict=True)
    ]
    checks = all_checks(facts, guests, verification.digests(), talks)
    kinds = [*(each.kind for each in facts.cluster.faults), *(each.kind for each in facts.injections)]
    promised = any(each in FAULT_KINDS and FAULT_KINDS[each].errors for each in kinds)
    expected = judge(
        facts.cluster.expect,
        guests,
        errors_promised=promised,
        missed_faults=facts.missed_faults,
        stood_still=any(each.stopped_guests for each in facts.clock_gaps),
    )
    expected += judge_talks(facts.cluster.expect, talks, missed_faults=facts.missed_faults)
    return Report(facts, guests, checks, expected, talks)


def facts_of(cluster: ResolvedCluster, driver: str, supervisor: Supervisor) -> RunFacts:
    """What the supervisor knows when everything is off."""
    outcome, dom0s = supervisor.lab.outcome, supervisor.lab.readings.dom0s
    hosts = {
        name: HostFacts(
            boots=board.state.boots,
            dom0_boots=board.domains.boots["dom0"],
            halted_because=board.state.halted_because,
            statistics=outcome.leaks.get(name),
            driver_boots=_driver_boots(board),
            not_rebuilt=tuple(dom0s[name].not_rebuilt) if name in dom0s else (),
        )
        for name, board in supervisor.lab.boards.items()
    }
    return RunFacts(
        cluster=cluster,
        driver=driver,
        hosts=hosts,
        guests=list(supervisor.lab.guests.values()),
        injections=supervisor.injections,
        unknown=list(outcome.unknown),
        failures=list(outcome.failures),
        interrupted="interrupted" in outcome.unknown,
        fault_targets=supervisor.lab.fault_run.targets,
        unfired=supervisor.lab.fault_run.unfired,
        clock_gaps=list(outcome.clock_gaps),
        phases=dict(outcome.phases),
    )


def _driver_boots(board: HostBoard) -> dict[str, int]:
    boots = board.domains.boots
    return {name: boots[name] for name in board.host.drivers if name in boots}


def _driver_domains(host: ResolvedHost, facts: HostFacts) -> list[Json]:
    return [
        {
            "address": str(Address.domain(host.name, host.domid_of(name))),
            "name": name,
            "disks": host.driven_by(name),
            "boots": facts.driver_boots.get(name, 0),
        }
        for name in host.drivers
    ]


def _clock_gap(gap: ClockGap) -> Json:
    return {
        "phase": gap.phase,
        "began_at_ns": gap.began_ns,
        "ended_at_ns": gap.ended_ns,
        "suspended_ns": gap.suspended_ns,
        "lasted_ns": gap.lasted_ns,
        "guests": gap.guests,
        "faults": list(gap.faults),
        "alone": gap.alone,
    }


def _faults(facts: RunFacts) -> list[Json]:
    """What was done, in the order of time, and then what the configuration has besides."""
    never = [
        (each.label, each.kind, each.target, each.skipped) for each in facts.fault_targets if each.skipped
    ]
    never += [(each.label, each.kind, each.target, each.why) for each in facts.unfired]
    return [_injection(each) for each in facts.injections] + [_never_fired(*each) for each in never]


def _injection(injection: Injection) -> Json:
    return {
        "id": injection.label,
        "kind": injection.kind,
        "target": injection.address,
        "injected_at_ns": injection.injected_at_ns,
        "detected_at_ns": injection.detected_at_ns,
        "recovered_at_ns": injection.recovered_at_ns,
        "destroyed": injection.destroyed,
        "never_fired": None,
    }


def _never_fired(label: str, kind: str, target: str, why: str) -> Json:
    times = dict.fromkeys(("injected_at_ns", "detected_at_ns", "recovered_at_ns"))
    return {"id": label, "kind": kind, "target": target, **times, "destroyed": False, "never_fired": why}


def _fault_target(chosen: FaultTarget) -> Json:
    done = chosen.injection
    return {
        "fault": chosen.fault or None,
        "occurrence": chosen.occurrence,
        "kind": chosen.kind,
        "target": chosen.target,
        "cause": chosen.cause,
        "selected_at_ns": chosen.selected_at_ns,
        "injected_at_ns": done.injected_at_ns if done is not None else None,
        "ended_at_ns": done.ended_at_ns if done is not None else None,
        "recovered_at_ns": done.recovered_at_ns if done is not None else None,
        "injection": done.label if done is not None else None,
        "skipped": chosen.skipped,
    }


def _guest(guest: GuestFacts) -> Json:
    ledger = guest.ledger
    return {
        "address": guest.address,
        "name": guest.name,
        "survived": guest.survived,
        "came_back": guest.came_back,
        "boots": guest.boots,
        "outage_ns": {"max": guest.outage_max_ns, "p99": guest.outage_p99_ns, "p50": guest.outage_p50_ns},
        "requests": {
            "issued": guest.issued,
            "completed": guest.completed,
            "errors": guest.errors,
            "in_flight": guest.in_flight,
        },
        **guest_words(guest.talks),
        "writes": {name: None if ledger is None else getattr(ledger, name) for name in _WRITES},
    }
