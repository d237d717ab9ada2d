"""The screen of `domzero top`: machines, domains and faults, as large as the terminal is.

Rules: it is drawn from one sample and a size; domains that do not fit can be scrolled to. On a narrow
terminal columns are left out, names shortened and lines folded: a number is never cut.
"""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from actors.address import Address
from cluster.running.control.watched import WatchedFault
from cluster.running.top.column import Column, if_it_runs
from cluster.running.top.device_columns import DEVICE_COLUMNS
from cluster.running.top.sample import Row, TopSample

LATE_S = 0.1
FAULT_LINES = 6
FIXED_LINES = 3
INDENT = 2
FOOT = "q quit   up/down scroll"
LEFT = ("NAME", "STATE")
NAME_LEAST = 12
"""What a long name is shortened to before a column gives way."""


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


COLUMNS: Final = (
    Column("NAME", 0, lambda row: row.name),
    Column("STATE", 1, lambda row: row.state),
    Column("CPU(sec)", 4, if_it_runs(lambda row: f"{row.cpu_s:.1f}")),
    Column("CPU(%)", 1, if_it_runs(lambda row: f"{row.cpu_percent:.1f}")),
    Column("MEM(k)", 3, if_it_runs(lambda row: str(row.mem_kib))),
    Column("MEM(%)", 5, if_it_runs(lambda row: f"{row.mem_percent:.1f}")),
    Column("VCPUS", 6, if_it_runs(lambda row: str(row.vcpus))),
    *(column for each in DEVICE_COLUMNS for column in each.view),
    Column("OUTAGE", 0, lambda row: _duration(row.outage_s)),
    Column("LONGEST", 2, lambda row: _duration(row.longest_s)),
)


def screen(sample: TopSample, width: int, height: int, first: int) -> RenderableType:
    """Everything, in `height` lines; the table begins with the domain of number `first`."""
    rows = sample.rows()
    machines = [line for name in sample.seen.machines for line in _machine(sample, name, width)]
    head, faults = _head(sample, width), _faults(sample, width)
    room = max(height - FIXED_LINES - len(head) - len(machines) - len(faults), 1)
    last = min(max(first, 0), max(len(rows) - room, 0))
    table = _table(rows[last : last + room], width, several=len(sample.seen.machines) > 1)
    below = f"   {len(rows)} domains, from {last + 1}" if len(rows) > room else ""
    return Group(*head, *machines, table, *faults, Text(FOOT + below, style="dim", no_wrap=True))


def _head(sample: TopSample, width: int) -> list[Text]:
    seen = sample.seen
    told = (
        f"domzero top: {seen.name}, ",
        f"up {seen.up_s:.0f} s, {seen.phase}",
    )
    return _folded([Text(each, style="bold") for each in told], width)


def _machine(sample: TopSample, name: str, width: int) -> list[Text]:
    machine = sample.seen.machines[name]
    domains = [each for each in sample.rows() if each.host == name]
    running = sum(each.domid is not None for each in domains)
    told = (
        f"{name}: power {machine.power}, ",
        f"{running} domains run, ",
        f"{len(domains) - running} do not; ",
        f"Mem: {machine.memory_kib}k total; ",
        f"started {machine.boots}x, ",
        f"dom0 {machine.dom0_boots}x ",
        f"({machine.architecture}, hwdom {machine.hwdom}"
        + (")" if machine.spare == "none" else f", spare {machine.spare})"),
    )
    return _folded([Text(each) for each in told], width)


def _folded(parts: Sequence[Text], width: int) -> list[Text]:
    """Parts on as few lines as they fit on, each of them whole; one that fits on none, word by word."""
    lines = [Text(no_wrap=True, overflow="ellipsis")]
    for part in parts:
        fits = len(part.plain.strip()) + INDENT <= width
        for piece in [part] if fits else part.split(" ", include_separator=True):
            if lines[-1].cell_len and lines[-1].cell_len + len(piece.plain.rstrip()) > width:
                lines.append(Text(" " * INDENT, no_wrap=True, overflow="ellipsis"))
            lines[-1].append_text(piece)
    for each in lines:
        each.rstrip()
    return lines


def _table(rows: Sequence[Row], width: int, *, several: bool) -> Table:
    cells = [_cells(row, several=several) for row in rows]
    widths = _widths(cells)
    shown = _fitting(widths, width)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="reverse", expand=True, pad_edge=False)
    for index in shown:
        name = COLUMNS[index].title
        # What the numbers leave is the name's.
        widest = width - sum(widths[each] for each in shown if each) if not index else None
        table.add_column(name, justify="left" if name in LEFT else "right", no_wrap=True, max_width=widest)
    for row, texts in zip(rows, cells, strict=True):
        table.add_row(*(Text(texts[index]) for index in shown), style=_style(row))
    return table


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([len(each.title), *(len(row[index]) for row in cells)]) + 1 for index, each in enumerate(COLUMNS)
    ]


def _fitting(widths: Sequence[int], width: int) -> list[int]:
    """The columns that fit, of those that matter most, if long names are shortened."""
    least = [min(widths[0], NAME_LEAST + 1), *widths[1:]]
    for limit in range(max(each.size for each in COLUMNS), -1, -1):
        shown = [index for index, each in enumerate(COLUMNS) if each.size <= limit]
        if sum(least[index] for index in shown) <= width + 1:
            return shown
    return [0]


def _style(row: Row) -> str:
    if row.domid is None:
        return "dim red"
    return "bold red" if (row.outage_s or 0) > LATE_S else ""


def _cells(row: Row, *, several: bool) -> list[str]:
    name, *others = (each.text(row) for each in COLUMNS)
    return [str(Address(row.host, name)) if several else name, *others]


def _faults(sample: TopSample, width: int) -> list[Text]:
    if not sample.seen.faults:
        return [Text("no faults", style="dim")]
    shown = _fault(sample.seen.faults[-1], width)
    for each in reversed(sample.seen.faults[:-1]):
        before = _fault(each, width)
        if len(before) + len(shown) > FAULT_LINES:
            break
        shown = before + shown
    return shown


def _fault(fault: WatchedFault, width: int) -> list[Text]:
    over = fault.recovered_ms is not None
    style = "green" if over else "red" if fault.given_up else "bold red"
    external = " from outside" if fault.external else ""
    told = [f"{fault.ago_s:.0f} s ago"]
    times = (
        ("detected", fault.detected_ms),
        (fault.turn, fault.turned_ms),
        ("recovered", fault.recovered_ms),
    )
    for what, after_ms in times:
        if after_ms is not None:
            told.append(f"{what} after {after_ms:.0f} ms")
    if fault.destroyed:
        told.append("destroyed")
    elif not over and fault.given_up and fault.waiting_for:
        told.append("given up")
    elif not over:
        told.append(f"{fault.waiting_for or 'no'} guests wait")
    first = Text(f"fault {fault.id}: {fault.what}", style=style).append(f"{external}, ", "default")
    return _folded([first, *(Text(f"{each}; ") for each in told[:-1]), Text(told[-1])], width)
