"""What a person reads after a run: policies, faults, guests, checks, predictions, the verdict.

Rules: says what `run.json` says, and nothing else; the policy of every host stands at the top, since
a host that restarts a dead dom0 is not what stock Xen is. Docs: every column is in command-line.md.
"""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from actors.policies import Links
from cluster.lab.config.architecture import Architecture
from cluster.lab.config.quantities import duration_text
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.terminal.table import Table, line, number, text

ROWS_SHOWN: Final = 20
Document = Mapping[str, Any]  # run.json: its shape is its schema, not a type of ours
_COLOURS: Final = {"held": "green", "failed": "bold red", "unknown": "yellow"}
_WRITES: Final = ("stable", "lost", "stale", "torn", "misdirected")
_IN_REPORT: Final = "in run.json"
FAULTS: Final = (text("fault"), text("target"), number("detected after"), number("all I/O again after"))
GUESTS: Final = (
    *(text("guest"), text("survived"), number("outage"), number("p99", spare=True)),
    *(number("answered", spare=True), number("errors"), number("writes")),
    *(number(each) for each in _WRITES),
)
TALKS: Final = (number("connections"), number("lived"), number("reset"), number("silence"))
"""More of the guests, if one of them talks."""
CHECKS: Final = (text("check"), text("verdict"), text("detail"))


def print_summary(console: Console, run: Document, halted: Mapping[str, str] | None = None) -> None:
    """Print the summary of a run from its `run.json`; `halted` says why a host is, if one is."""
    for host in run["hosts"]:
        chosen = Architecture.of_words(host)
        line(console, f"[bold]{escape(host['name'])}[/] {chosen.policies}: {chosen.dom0_crash}")
        if Links(host["links"]).are_direct:
            line(console, "  events go directly from domain to domain where nothing has to be seen of them")
        line(console, f"  host started {host['boots']}x, dom0 {host['dom0_boots']}x")
        for each in host["driver_domains"]:
            served = escape(", ".join(each["disks"]))
            line(console, f"  driver domain {escape(each['name'])} drives {served}: started {each['boots']}x")
        if halted and halted.get(host["name"]):
            line(console, f"  halted: {escape(halted[host['name']])}")
    for gap in run["clock_gaps"]:
        lasted = f"{duration_text(gap['lasted_ns'])} ({gap['phase']})"
        who = "the supervisor alone" if gap["alone"] else "this machine"
        line(console, f"[yellow]clock gap[/] {lasted}: {who} did not run")
    if run["faults"]:
        console.print()
        _faults(run["faults"], "?" if run["cut_short"] else "never").print(console)
        unfired = [each for each in run["faults"] if each["never_fired"]]
        for each in unfired[:ROWS_SHOWN] if console.is_terminal else unfired:
            line(console, f"{each['id']} never fired: {escape(each['never_fired'])}")
    if run["guests"]:
        console.print()
        _guests(run["guests"]).print(console)
        if any(outage_text(each, "max") == "never" for each in run["guests"]):
            line(console, "[dim]never: the guest never came back[/]")
    console.print()
    _judged(run).print(console)
    seed = f"seed {run['seed']}, {run['driver']} driver{', cut short' if run['cut_short'] else ''}"
    line(console, f"\nverdict: [{_COLOURS[run['verdict']]}]{run['verdict']}[/] ({seed})")


def _faults(faults: list[Document], never: str) -> Table:
    table = Table(*FAULTS, shown=ROWS_SHOWN, more=_IN_REPORT)
    width = max(len(str(each["id"])) for each in faults)
    for each in faults:
        table.add(f"{each['id']:>{width}} {each['kind']}", each["target"], *became(each, never))
    return table


def became(fault: Document, never: str) -> tuple[str, str]:
    """When a fault was detected, and when all I/O flowed again."""
    if fault["never_fired"]:
        return "never fired", "-"
    at_ns = fault["injected_at_ns"]
    return (
        _after(at_ns, fault["detected_at_ns"], never if _is_deadly(fault) else "-"),
        _after(at_ns, fault["recovered_at_ns"], _unrecovered(fault, never)),
    )


def _guests(guests: list[Document]) -> Table:
    talk = any(each["silence_max_ns"] is not None for each in guests)
    table = Table(*GUESTS, *(TALKS if talk else ()), shown=ROWS_SHOWN, more=_IN_REPORT)
    for each in guests:
        writes = each["writes"]
        table.add(
            each["name"],
            survived_text(each),
            outage_text(each, "max"),
            outage_text(each, "p99"),
            f"{each['requests']['completed']:,}",
            f"{each['requests']['errors']:,}",
            *(_count(writes[key]) for key in ("acknowledged", *_WRITES)),
            *(_talks(each) if talk else ()),
        )
    return table


def _talks(guest: Document) -> tuple[str, ...]:
    counts, silence_ns = guest["connections"], guest["silence_max_ns"]
    if silence_ns is None:
        return ("-",) * len(TALKS)
    reset = counts["reset"] + counts["timed_out"]
    connections = (f"{each:,}" for each in (counts["opened"], counts["lived"], reset))
    return (*connections, duration_text(silence_ns) if silence_ns else "-")


def _judged(run: Document) -> Table:
    table = Table(*CHECKS)
    for each in run["checks"]:
        table.add(each["name"], _coloured(each["verdict"]), each["detail"])
    for each in run["expected"]:
        table.add("expected", _coloured(each["verdict"]), each["text"])
    return table


def _coloured(verdict: str) -> Text:
    return Text(verdict, style=_COLOURS[verdict])


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def survived_text(guest: Document) -> str:
    """Whether a guest survived, and how often it was started if that was more than once."""
    if guest["survived"] is None:
        return "?"
    survived = "yes" if guest["survived"] else "no"
    return f"{survived}, {guest['boots']} boots" if guest["boots"] > 1 else survived


def outage_text(guest: Document, key: str) -> str:
    """One of the outages of a guest."""
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
