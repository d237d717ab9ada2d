"""The screen of `domzero top`: machines, domains and faults, as large as the terminal is.

Rules: it is drawn from one sample and a size; what does not fit is cut off and can be scrolled to.
"""

from collections.abc import Sequence
from typing import cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.top.sample import Row, TopSample, Values

LATE_S = 0.1
FAULT_LINES = 6
HEAD_LINES = 4
FOOT = "q quit   up/down scroll"
_COLUMNS = (
    ("NAME", 0),
    ("STATE", 1),
    ("CPU(sec)", 4),
    ("CPU(%)", 1),
    ("MEM(k)", 3),
    ("MEM(%)", 5),
    ("VCPUS", 6),
    ("NETS", 6),
    ("NETTX/s", 7),
    ("NETRX/s", 7),
    ("VBDS", 5),
    ("VBD_QD", 2),
    ("VBD_RD/s", 1),
    ("VBD_WR/s", 1),
    ("RD(k)/s", 3),
    ("WR(k)/s", 3),
    ("OUTAGE", 0),
    ("LONGEST", 2),
)
"""Columns, and which give way first on a narrow terminal: those with the highest number."""
LEFT = ("NAME", "STATE")


def screen(sample: TopSample, width: int, height: int, first: int) -> RenderableType:
    """Everything, in `height` lines; the table begins with the domain of number `first`."""
    rows = sample.rows()
    machines = [_machine(sample, name) for name in sample.machines]
    faults = _faults(sample)
    room = max(height - HEAD_LINES - len(machines) - len(faults), 1)
    last = min(max(first, 0), max(len(rows) - room, 0))
    table = _table(rows[last : last + room], width, several=len(sample.machines) > 1)
    below = f"   {len(rows)} domains, from {last + 1}" if len(rows) > room else ""
    return Group(_head(sample), *machines, table, *faults, Text(FOOT + below, style="dim", no_wrap=True))


def _head(sample: TopSample) -> Text:
    values = sample.values
    text = f"domzero top: {values['name']}, up {cast('float', values['up_s']):.0f} s, {values['phase']}"
    return Text(text, style="bold", no_wrap=True, overflow="ellipsis")


def _machine(sample: TopSample, name: str) -> Text:
    machine = sample.machines[name]
    domains = [each for each in sample.rows() if each.host == name]
    running = sum(each.domid is not None for each in domains)
    text = (
        f"{name}: power {machine['power']}, {running} domains run, {len(domains) - running} do not; "
        f"Mem: {machine['memory_kib']}k total; started {machine['boots']}x, dom0 {machine['dom0_boots']}x "
        f"(hwdom {machine['hwdom']})"
    )
    return Text(text, no_wrap=True, overflow="ellipsis")


def _table(rows: Sequence[Row], width: int, *, several: bool) -> Table:
    cells = [_cells(row, several=several) for row in rows]
    shown = _fitting(cells, width)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="reverse", expand=True, pad_edge=False)
    for index in shown:
        name = _COLUMNS[index][0]
        table.add_column(name, justify="left" if name in LEFT else "right", no_wrap=True)
    for row, texts in zip(rows, cells, strict=True):
        table.add_row(*(Text(texts[index]) for index in shown), style=_style(row))
    return table


def _fitting(cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns that fit, of those that matter most."""
    widths = [
        max([len(name), *(len(row[index]) for row in cells)]) + 1 for index, (name, _) in enumerate(_COLUMNS)
    ]
    for limit in range(max(rank for _, rank in _COLUMNS), 0, -1):
        shown = [index for index, (_, rank) in enumerate(_COLUMNS) if rank <= limit]
        if sum(widths[index] for index in shown) <= width + 1:
            return shown
    return [index for index, (_, rank) in enumerate(_COLUMNS) if not rank]


def _style(row: Row) -> str:
    if row.domid is None:
        return "dim red"
    return "bold red" if (row.disks.outage_s or 0) > LATE_S else ""


def _cells(row: Row, *, several: bool) -> list[str]:
    name = f"{row.host}/{row.name}" if several else row.name
    domain = [
        f"{row.cpu_s:.1f}", f"{row.cpu_percent:.1f}", str(row.mem_kib), f"{row.mem_percent:.1f}",
        str(row.vcpus), "0", "0", "0",
    ]  # fmt: skip
    if row.domid is None:
        domain = [""] * len(domain)
    vbds = row.disks
    disks = [
        str(vbds.vbds), str(vbds.in_flight), f"{vbds.reads_rate:.0f}", f"{vbds.writes_rate:.0f}",
        f"{vbds.read_bytes_rate / 1024:.0f}", f"{vbds.written_bytes_rate / 1024:.0f}",
    ]  # fmt: skip
    if not vbds.vbds:
        disks = ["0", *[""] * (len(disks) - 1)]
    return [name, row.state, *domain, *disks, _duration(vbds.outage_s), _duration(vbds.longest_s)]


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _faults(sample: TopSample) -> list[Text]:
    if not sample.faults:
        return [Text("no faults", style="dim")]
    return [_fault(each) for each in sample.faults[-FAULT_LINES:]]


def _fault(fault: Values) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    over = fault["recovered_ms"] is not None
    style = "green" if over else "red" if fault["given_up"] else "bold red"
    text.append(f"fault {fault['id']}: {fault['what']}", style=style)
    if fault["external"]:
        text.append(" from outside")
    text.append(f", {cast('float', fault['ago_s']):.0f} s ago")
    for what, key in (("detected", "detected"), (fault["turn"], "turned"), ("recovered", "recovered")):
        after_ms = cast("float | None", fault[f"{key}_ms"])
        if after_ms is not None:
            text.append(f"; {what} after {after_ms:.0f} ms")
    if fault["destroyed"]:
        text.append("; destroyed")
    elif not over and fault["given_up"] and fault["waiting_for"]:
        text.append("; given up")
    elif not over:
        text.append(f"; {fault['waiting_for'] or 'no'} guests wait")
    return text
