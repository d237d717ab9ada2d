"""`domzero top --batch`: text in the columns of `xentop -b`, and the outage behind them.

Rules: counters are totals, as xentop has them; CPU(%) is 0.0 in the first of the iterations, as there.
A column that has no meaning here is n/a.
Source: tools/xentop/xentop.c (names and widths of the columns).
"""

from typing import Final

from cluster.running.top.column import Column
from cluster.running.top.device_columns import DEVICE_COLUMNS
from cluster.running.top.sample import Row, TopSample

# A guest cannot balloon here: its most is what it has.
COLUMNS: Final = (
    Column("NAME", 10, lambda row: row.name),
    Column("STATE", 6, lambda row: row.state),
    Column("CPU(sec)", 10, lambda row: f"{row.cpu_s:.0f}"),
    Column("CPU(%)", 6, lambda row: f"{row.cpu_percent:.1f}"),
    Column("MEM(k)", 10, lambda row: str(row.mem_kib)),
    Column("MEM(%)", 6, lambda row: f"{row.mem_percent:.1f}"),
    Column("MAXMEM(k)", 10, lambda row: str(row.mem_kib)),
    Column("MAXMEM(%)", 9, lambda row: f"{row.mem_percent:.1f}"),
    Column("VCPUS", 5, lambda row: str(row.vcpus)),
    *(column for each in DEVICE_COLUMNS for column in each.batch),
    Column("SSID", 4, lambda _: "0"),
    Column("OUTAGE(s)", 9, lambda row: "n/a" if row.outage_s is None else f"{row.outage_s:.3f}"),
)


def batch_text(sample: TopSample) -> str:
    """One iteration; with more than one host each is headed by its name."""
    lines = []
    rows = sample.rows()
    for host in sample.seen.machines:
        if len(sample.seen.machines) > 1:
            lines.append(f"{host}:")
        lines.append(" ".join(f"{each.title:>{each.size}}" for each in COLUMNS))
        lines += [_line(each) for each in rows if each.host == host and each.domid is not None]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    return " ".join(f"{each.text(row):>{each.size}}" for each in COLUMNS)
