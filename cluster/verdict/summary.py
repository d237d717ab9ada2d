"""What a person reads after a run: policies, faults, guests, checks, predictions, the verdict.

Rules: says what `run.json` says, and nothing else; the policy of every host stands at the top, since
a host that restarts a dead dom0 is not what stock Xen is. Nothing is cut off at 80 columns.
"""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cluster.config.fault_kinds import FAULT_KINDS, Aim
from cluster.config.quantities import duration_text
from cluster.config.resolved import Data

ROWS_SHOWN: Final = 20
WIDE: Final = 100
Document = Mapping[str, Any]  # run.json: its shape is its schema, not a type of ours
_COLOURS: Final = {"held": "green", "failed": "bold red", "unknown": "yellow"}
_WRITES: Final = ("stable", "lost", "stale", "torn", "misdirected")
_POLICIES: Final = {
    "reboot": "a crash of dom0 restarts the host and every guest dies, as on stock Xen",
    "restart": "a new dom0 takes the place of a dead one; stock Xen would restart the host",
    "halt": "a crash of dom0 halts the host",
}


def print_summary(console: Console, run: Document, halted: Mapping[str, str] | None = None) -> None:
    """Print the summary of a run from its `run.json`; `halted` says why a host is, if one is."""
    for host in run["hosts"]:
        policies = f"hwdom {host['hwdom']}, xenstore {_store(host)}, reconnect {host['reconnect']}"
        console.print(f"[bold]{escape(host['name'])}[/] {policies}: {_POLICIES[host['hwdom']]}")
        console.print(f"  host started {host['boots']}x, dom0 {host['dom0_boots']}x")
        for each in host["driver_domains"]:
            served = escape(", ".join(each["disks"]))
            console.print(f"  driver domain {escape(each['name'])} drives {served}: started {each['boots']}x")
        if halted and halted.get(host["name"]):
            console.print(f"  halted: {escape(halted[host['name']])}")
    for gap in run["clock_gaps"]:
        lasted = f"{duration_text(gap['lasted_ns'])} ({gap['phase']})"
        who = "the supervisor alone" if gap["alone"] else "this machine"
        console.print(f"[yellow]clock gap[/] {lasted}: {who} did not run")
    if run["faults"]:
        never = "?" if run["cut_short"] else "never"
        _print(console, _faults(run["faults"], never), len(run["faults"]))
        for each in [each for each in run["faults"] if each["never_fired"]][:ROWS_SHOWN]:
            console.print(f"{each['id']} never fired: {escape(each['never_fired'])}")
    if run["guests"]:
        _print(console, _guests(run["guests"], wide=console.width >= WIDE), len(run["guests"]))
        if any(_outage(each, "max") == "never" for each in run["guests"]):
            console.print("[dim]never: the guest never came back[/]")
    _print(console, _judged(run))
    seed = f"seed {run['seed']}, {run['driver']} driver{', cut short' if run['cut_short'] else ''}"
    console.print(f"\nverdict: {_coloured(run['verdict'])} ({seed})")


def _print(console: Console, table: Table, count: int = 0) -> None:
    console.print()
    console.print(table)
    if count > ROWS_SHOWN:
        console.print(f"[dim]and {count - ROWS_SHOWN} more in run.json[/]")


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _faults(faults: list[Document], never: str) -> Table:
    table = _table("fault", "target", right=("detected after", "all I/O again after"))
    width = max(len(str(each["id"])) for each in faults[:ROWS_SHOWN])
    for each in faults[:ROWS_SHOWN]:
        table.add_row(
            f"{each['id']:>{width}} {escape(each['kind'])}",
            escape(each["target"]),
            *_became(each, never),
        )
    return table


def _became(fault: Document, never: str) -> tuple[str, str]:
    """When a fault was detected, and when all I/O flowed again."""
    if fault["never_fired"]:
        return "never fired", "-"
    at_ns = fault["injected_at_ns"]
    return (
        _after(at_ns, fault["detected_at_ns"], never if _is_deadly(fault) else "-"),
        _after(at_ns, fault["recovered_at_ns"], _unrecovered(fault, never)),
    )


def _guests(guests: list[Document], *, wide: bool) -> Table:
    more = ("p99", "answered") if wide else ()
    table = _table("guest", "survived", right=("outage", *more, "errors", "writes", *_WRITES))
    for each in guests[:ROWS_SHOWN]:
        extra = (_outage(each, "p99"), f"{each['requests']['completed']:,}") if wide else ()
        writes = each["writes"]
        table.add_row(
            escape(each["name"]),
            _survived(each),
            _outage(each, "max"),
            *extra,
            f"{each['requests']['errors']:,}",
            *(_count(writes[key]) for key in ("acknowledged", *_WRITES)),
        )
    return table


def _judged(run: Document) -> Table:
    table = _table("check", "verdict")
    table.add_column("detail", overflow="fold")
    for each in run["checks"]:
        table.add_row(escape(each["name"]), _coloured(each["verdict"]), escape(each["detail"]))
    for each in run["expected"]:
        table.add_row("expected", _coloured(each["verdict"]), escape(each["text"]))
    return table


def _coloured(verdict: str) -> str:
    return f"[{_COLOURS[verdict]}]{verdict}[/]"


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _survived(guest: Document) -> str:
    if guest["survived"] is None:
        return "?"
    survived = "yes" if guest["survived"] else "no"
    return f"{survived}, {guest['boots']} boots" if guest["boots"] > 1 else survived


def _outage(guest: Document, key: str) -> str:
    duration_ns = guest["outage_ns"][key]
    if duration_ns is not None:
        return duration_text(duration_ns)
    return "never" if guest["came_back"] is False else "-"


def _after(start_ns: int, end_ns: int | None, otherwise: str) -> str:
    return otherwise if end_ns is None else duration_text(end_ns - start_ns)


def _unrecovered(fault: Document, never: str) -> str:
    """What stands for the recovery of a fault that has none."""
    if fault["destroyed"]:
        return "destroyed"
    return never if _is_noticed(fault) else "-"


def _is_deadly(fault: Document) -> bool:
    """Whether the hypervisor must notice that a domain is gone; without power it notices nothing."""
    kind = FAULT_KINDS.get(fault["kind"])
    return kind is None or (kind.deadly and kind.aim is not Aim.host)


def _is_noticed(fault: Document) -> bool:
    """Whether guests wait because of it."""
    kind = FAULT_KINDS.get(fault["kind"])
    return kind is None or not kind.silent


def _store(host: Data) -> str:
    """Where xenstored lives, and what it keeps unless that is nothing."""
    kept = f" ({host['xenstore_restart']})" if host["xenstore_restart"] != "lose" else ""
    return f"{host['xenstore']}{kept}"
