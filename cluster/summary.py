"""What a person reads after a run: policies, faults, guests, checks, predictions, the verdict.

Rules: says what the report says, and nothing else; the policy of every host stands at the top, since
a host that restarts a dead dom0 is not what stock Xen is.
"""

from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.injection import Injection
from cluster.quantities import duration_text
from cluster.run_facts import GuestFacts, RunFacts
from cluster.verdict import Check, Expectation, Verdict, overall

GUESTS_SHOWN: Final = 20
_COLOURS: Final = {Verdict.held: "green", Verdict.failed: "bold red", Verdict.unknown: "yellow"}
_POLICIES: Final = {
    "reboot": "a crash of dom0 restarts the host and every guest dies, as on stock Xen",
    "restart": "a new dom0 takes the place of a dead one; stock Xen would restart the host",
    "halt": "a crash of dom0 halts the host",
}


def print_summary(
    console: Console,
    facts: RunFacts,
    guests: list[GuestFacts],
    checks: list[Check],
    expected: list[Expectation],
) -> None:
    """Print the summary of a run."""
    for host in facts.cluster.hosts:
        counted = facts.hosts[host.name]
        policies = f"hwdom {host.hwdom}, xenstore {host.xenstore}, reconnect {host.reconnect}"
        console.print(f"[bold]{escape(host.name)}[/] {policies}: {_POLICIES[host.hwdom]}")
        console.print(f"  started {counted.boots}x, dom0 {counted.dom0_boots}x")
        if counted.halted_because:
            console.print(f"  halted: {escape(counted.halted_because)}")
    if facts.injections:
        console.print(_faults(facts.injections))
    if guests:
        console.print(_guests(guests))
    console.print(_judged(checks, expected))
    verdict = overall(checks, expected)
    seed = f"seed {facts.cluster.seed}, {facts.driver} driver"
    console.print(f"verdict: {_coloured(verdict)} ({seed})")


def _faults(injections: list[Injection]) -> Table:
    table = Table(title="Faults", title_justify="left")
    for column in ("#", "kind", "target"):
        table.add_column(column)
    for column in ("detected after", "all I/O again after"):
        table.add_column(column, justify="right")
    for each in injections[:GUESTS_SHOWN]:
        table.add_row(
            str(each.number),
            escape(each.kind),
            escape(f"{each.host}/{each.target}"),
            _after(each.injected_at_ns, each.detected_at_ns),
            _after(each.injected_at_ns, each.recovered_at_ns),
        )
    if len(injections) > GUESTS_SHOWN:
        table.caption = f"and {len(injections) - GUESTS_SHOWN} more in run.json"
    return table


def _guests(guests: list[GuestFacts]) -> Table:
    table = Table(title="Guests", title_justify="left")
    table.add_column("guest")
    table.add_column("survived")
    for column in (
        "longest outage",
        "p99",
        "answered",
        "writes acknowledged",
        "stable",
        "lost",
        "stale",
        "torn",
    ):
        table.add_column(column, justify="right")
    table.add_column("misdirected", justify="right")
    for each in guests[:GUESTS_SHOWN]:
        ledger = each.ledger
        counts = ("acknowledged", "stable", "lost", "stale", "torn", "misdirected")
        table.add_row(
            escape(each.name),
            _survived(each),
            _outage(each, each.outage_max_ns),
            _outage(each, each.outage_p99_ns),
            f"{each.completed:,}",
            *("?" if ledger is None else f"{getattr(ledger, name):,}" for name in counts),
        )
    if len(guests) > GUESTS_SHOWN:
        table.caption = f"and {len(guests) - GUESTS_SHOWN} more in run.json"
    return table


def _judged(checks: list[Check], expected: list[Expectation]) -> Table:
    table = Table(title="Checks", title_justify="left")
    for column in ("check", "verdict", "detail"):
        table.add_column(column)
    for each in checks:
        table.add_row(escape(each.name), _coloured(each.verdict), escape(each.detail))
    for prediction in expected:
        table.add_row("expected", _coloured(prediction.verdict), escape(prediction.text))
    return table


def _coloured(verdict: Verdict) -> str:
    return f"[{_COLOURS[verdict]}]{verdict.value}[/]"


def _survived(guest: GuestFacts) -> str:
    if guest.survived is None:
        return "?"
    if guest.survived:
        return "yes"
    return f"no, booted {guest.boots}x" if guest.boots > 1 else "no"


def _outage(guest: GuestFacts, duration_ns: int | None) -> str:
    if duration_ns is not None:
        return duration_text(duration_ns)
    return "never came back" if guest.came_back is False else "-"


def _after(start_ns: int, end_ns: int | None) -> str:
    return "never" if end_ns is None else duration_text(end_ns - start_ns)
