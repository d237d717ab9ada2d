"""The checks of a run: what must hold whatever its author expects.

Rules: a check that lacks something it needs is unknown, and says what it lacked. That guests come back
is a check only where the author does not predict the number of survivors.
"""

from typing import Final

from actors.hypervisor.statistics import HypervisorStatistics
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.experiment.host_clock import ClockGap
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.verdict.check import Check, Verdict
from cluster.lab.verdict.ledger import COUNTS, LedgerResult
from cluster.lab.verdict.run_facts import GuestFacts, RunFacts
from cluster.lab.verdict.store_ledger import store_writes
from cluster.lab.verdict.talk_checks import talk_checks
from cluster.lab.verdict.talk_result import TalkResult

NAMED_MAX: Final = 5
STORE_DOMAIN_PORTS: Final = 3


def all_checks(
    facts: RunFacts, guests: list[GuestFacts], digests: list[Check], talks: TalkResult | None
) -> list[Check]:
    """Every check, in the order in which they are shown."""
    return [
        _course(facts),
        *_faults(facts),
        *_host_clock(facts),
        _ledger(facts, guests),
        _read_back(guests),
        _conservation(facts, guests),
        _leaks(facts),
        _processes(facts),
        _liveness(facts, guests),
        *store_writes(facts),
        *talk_checks(facts, talks),
        *_xenstore(facts),
        *digests,
    ]


def named(names: list[str], separator: str = ", ") -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return separator.join(names[:NAMED_MAX]) + more


def _course(facts: RunFacts) -> Check:
    if facts.cut_short:
        told = f"the run was cut short: everything ended in its phase {facts.cut_short!r}"
        return Check("course", Verdict.unknown, "; ".join([told, *facts.unknown]))
    if facts.unknown:
        return Check("course", Verdict.unknown, "; ".join(facts.unknown))
    if facts.failures:
        return Check("course", Verdict.failed, "the run was ended early: a process failed")
    return Check("course", Verdict.held, "the run went through all its phases")


def _faults(facts: RunFacts) -> list[Check]:
    """Whether the run was the experiment that its author wrote."""
    if not facts.cluster.faults:
        return []
    if facts.missed_faults:
        return [Check("faults", Verdict.unknown, f"never fired: {named(facts.missed_faults, '; ')}")]
    return [Check("faults", Verdict.held, "every fault that may not be left out came")]


def _host_clock(facts: RunFacts) -> list[Check]:
    """Whether the machine under us ran while something was measured; in virtual time it always does."""
    if facts.driver != "live":
        return []
    if not facts.clock_gaps:
        return [Check("host clock", Verdict.held, "this machine ran all the time")]
    gaps = f"a gap of {named([_gap(each) for each in facts.clock_gaps])}"
    measured = [each for each in facts.clock_gaps if each.is_measured]
    if not measured:
        return [Check("host clock", Verdict.held, f"{gaps}, when nothing was measured")]
    figures = [f"outages of {most} guests"] if (most := max(each.stopped_guests for each in measured)) else []
    faults = dict.fromkeys(label for each in measured for label in each.faults)
    figures += [f"times of fault {label}" for label in faults]
    return [Check("host clock", Verdict.unknown, f"{gaps}: nothing is known of {named(figures)}")]


def _gap(gap: ClockGap) -> str:
    return f"{gap}, of the supervisor alone" if gap.alone else str(gap)


def _ledger(facts: RunFacts, guests: list[GuestFacts]) -> Check:
    total = LedgerResult()
    for each in guests:
        if each.ledger is not None:
            total.add(each.ledger)
    unread = [each.name for each in guests if each.ledger is None]
    counts = ", ".join(f"{getattr(total, name)} {name}" for name in COUNTS if getattr(total, name))
    detail = counts or "nothing was written"
    if total.offenders:
        detail += f"; {total.offenders[0]}"
    if not total.holds:
        return Check("ledger", Verdict.failed, detail + _broken_promises(facts))
    if unread:
        return Check("ledger", Verdict.unknown, f"{detail}; could not be read: {named(unread)}")
    return Check("ledger", Verdict.held, detail)


def _broken_promises(facts: RunFacts) -> str:
    """The disks that were made to break what a disk promises: whose fault it is."""
    promises = {each.name: each.breaks_promise for each in FAULT_KINDS.values() if each.breaks_promise}
    told = dict.fromkeys(
        (each.address, promises[each.kind]) for each in facts.injections if each.kind in promises
    )
    return "".join(f"; {address} {broken}, as it was told to" for address, broken in told)


def _read_back(guests: list[GuestFacts]) -> Check:
    wrong = [f"{each.name} ({each.mismatches})" for each in guests if each.mismatches]
    if wrong:
        return Check("read back", Verdict.failed, f"reads that gave something else: {named(wrong)}")
    return Check("read back", Verdict.held, "every read gave what had been acknowledged")


def _conservation(facts: RunFacts, guests: list[GuestFacts]) -> Check:
    wrong = [
        f"{each.name}: {each.issued} issued, {each.completed} answered, {each.in_flight} not"
        for each in guests
        if each.issued != each.completed + each.in_flight
    ]
    if wrong and facts.cut_short:  # a guest that is killed while it counts has counted by half
        return Check("conservation", Verdict.unknown, f"{named(wrong)}; all ended while they counted")
    if wrong:
        return Check("conservation", Verdict.failed, named(wrong))
    total, open_ = sum(each.issued for each in guests), sum(each.in_flight for each in guests)
    return Check("conservation", Verdict.held, f"{total} requests issued, {open_} of them never answered")


def _leaks(facts: RunFacts) -> Check:
    found, missing = [], []
    for name, host in facts.hosts.items():
        if host.halted_because:
            continue
        if host.statistics is None:
            missing.append(name)
            continue
        found += [f"{name}: {each}" for each in _left_over(host.statistics, facts.cluster.host(name))]
    if found:
        return Check("leaks", Verdict.failed, f"left after all guests were gone: {named(found)}")
    if missing:
        return Check("leaks", Verdict.unknown, f"not counted on {named(missing)}")
    return Check(
        "leaks", Verdict.held, "no port, grant, mapping or frame was left after the guests were gone"
    )


def _left_over(statistics: HypervisorStatistics, host: ResolvedHost) -> list[str]:
    """What is more than dom0 alone needs: with a store domain its ring is mapped, and it has three ports."""
    stub = host.architecture.store_has_domain
    lines = sum(each.lines for each in host.hardware if each.driver == "dom0")
    ports = 1 + lines + (STORE_DOMAIN_PORTS if stub else 0)
    rows = (
        ("grants_mapped", statistics.grants_mapped, int(stub)),
        ("frames_lingering", statistics.frames_lingering, 0),
        ("foreign_frames", statistics.foreign_frames, 0),
        ("ports", statistics.ports, ports),
    )
    return [
        f"{name} {count} ({most} are dom0's)" if most else f"{name} {count}"
        for name, count, most in rows
        if count > most
    ]


def _xenstore(facts: RunFacts) -> list[Check]:
    """What a store that was lost could not get back: a fact of the architecture, no failure."""
    checks = []
    for name, host in facts.hosts.items():
        if host.not_rebuilt:
            detail = f"{name}: lost and rebuilt, but for: {'; '.join(host.not_rebuilt)}"
            checks.append(Check("xenstore", Verdict.held, detail))
    return checks


def _processes(facts: RunFacts) -> Check:
    if facts.failures:
        return Check("processes", Verdict.failed, named(facts.failures))
    if facts.cut_short:
        return Check("processes", Verdict.unknown, "not seen to the end")
    return Check("processes", Verdict.held, "nothing ended that was not told to or killed by a fault")


def _liveness(facts: RunFacts, guests: list[GuestFacts]) -> Check:
    gone = [each.name for each in guests if each.came_back is False]
    unknown = [each.name for each in guests if each.came_back is None]
    if facts.cluster.expect.survivors is not None:
        detail = f"{len(guests) - len(gone)} of {len(guests)} guests ended in order; survivors are predicted"
        return Check("liveness", Verdict.unknown if unknown else Verdict.held, detail)
    if gone:
        return Check("liveness", Verdict.failed, f"never did I/O again: {named(gone)}")
    if unknown:
        return Check("liveness", Verdict.unknown, f"not seen to the end: {named(unknown)}")
    return Check("liveness", Verdict.held, f"all {len(guests)} guests did I/O to the end")
