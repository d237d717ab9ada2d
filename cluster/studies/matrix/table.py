"""What a person reads after a matrix: for each frontend a table, a row for each architecture."""

from collections.abc import Mapping

from rich.console import Console

from actors.abi.types import PAGE_SIZE
from cluster.lab.config.quantities import duration_text
from cluster.lab.terminal.table import Table, line, text
from cluster.studies.matrix.schema import NONE, AxesSchema
from cluster.studies.matrix.tally import Tally, percentile

Names = tuple[str, str, str]


def print_matrix(console: Console, axes: AxesSchema, cells: Mapping[Names, Tally]) -> None:
    """Print all cells that there are, and what the words in them mean."""
    shown = {names[2] for names in cells if names[1] != NONE}
    for frontend in (each for each in axes.frontends if each in shown):
        line(console, f"[bold]frontend {frontend}[/]")
        _print_fates(console, axes, frontend, cells)
        console.print()
    _print_costs(console, axes, cells)
    line(
        console,
        "lives: no guest died, all work (median and longest outage); dies: every guest died and is back; "
        "hangs: none came back by itself; else the share that lives; stuck: nobody can shut them down",
    )


def _print_fates(console: Console, axes: AxesSchema, frontend: str, cells: Mapping[Names, Tally]) -> None:
    columns = [each for each in axes.faults if any((a, each, frontend) in cells for a in axes.architectures)]
    table = Table(text("architecture"), *(text(each) for each in columns))
    for architecture in axes.architectures:
        row = [cells.get((architecture, each, frontend)) for each in columns]
        if any(row):
            table.add(architecture, *("-" if each is None else fate_text(each) for each in row))
    table.print(console)


def fate_text(tally: Tally) -> str:
    """`lives 13 ms, 21 ms`; a check that failed comes first."""
    warning = "" if tally.verdict == "held" else f"{tally.verdict}! "
    outages = [percentile(tally.times.outages, each) for each in (50, 100)]
    times = (
        f" {', '.join(known)}"
        if (known := [duration_text(each) for each in outages if each is not None])
        else ""
    )
    word = tally.fates.word
    if word == "mixed":
        word = f"{100 * (tally.fates.share or 0):.0f} %"
        word += f", {100 * tally.fates.broken / tally.fates.guests:.0f} % hang" if tally.fates.broken else ""
    stuck = ", stuck" if tally.fates.stuck and not tally.fates.broken else ""
    return f"{warning}{word}{times}{stuck}"


def _print_costs(console: Console, axes: AxesSchema, cells: Mapping[Names, Tally]) -> None:
    """What each architecture costs while nothing happens, beside the plainest one."""
    table = Table(
        text("without a fault"), text("requests/s"), text("events a request"), text("memory beside guests")
    )
    for architecture in axes.architectures:
        found = cells.get((architecture, NONE, axes.frontends[0].value))
        if found is not None and found.work.requests:
            work = found.work
            table.add(
                architecture,
                f"{work.requests_per_s or 0:,.0f}",
                f"{work.events / work.requests:.1f}",
                f"{work.memory_pages * PAGE_SIZE / (1 << 20):.0f} MiB",
            )
    table.print(console)
    if not table.is_empty:
        console.print()
