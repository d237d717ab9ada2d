"""`domzero top --batch`: text in the columns of `xentop -b`, and the outage behind them.

Rules: counters are totals, as xentop has them; CPU(%) is 0.0 in the first of the iterations, as there.
A column that has no meaning here is n/a.
Source: tools/xentop/xentop.c (names and widths of the columns).
"""

from cluster.running.top.sample import Row, TopSample

COLUMNS = (
    ("NAME", 10),
    ("STATE", 6),
    ("CPU(sec)", 10),
    ("CPU(%)", 6),
    ("MEM(k)", 10),
    ("MEM(%)", 6),
    ("MAXMEM(k)", 10),
    ("MAXMEM(%)", 9),
    ("VCPUS", 5),
    ("NETS", 4),
    ("NETTX(k)", 8),
    ("NETRX(k)", 8),
    ("VBDS", 4),
    ("VBD_OO", 8),
    ("VBD_RD", 8),
    ("VBD_WR", 8),
    ("VBD_RSECT", 10),
    ("VBD_WSECT", 10),
    ("SSID", 4),
    ("OUTAGE(s)", 9),
)


def batch_text(sample: TopSample) -> str:
    """One iteration; with more than one host each is headed by its name."""
    lines = []
    rows = sample.rows()
    for host in sample.seen.machines:
        if len(sample.seen.machines) > 1:
            lines.append(f"{host}:")
        lines.append(" ".join(f"{name:>{width}}" for name, width in COLUMNS))
        lines += [_line(each) for each in rows if each.host == host and each.domid is not None]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    # A guest cannot balloon and has no network here: its most is what it has, and it has no vif.
    memory, disks = f"{row.mem_percent:.1f}", row.disks
    texts = (
        row.name, row.state, f"{row.cpu_s:.0f}", f"{row.cpu_percent:.1f}",
        str(row.mem_kib), memory, str(row.mem_kib), memory, str(row.vcpus),
        "0", "0", "0",
        str(disks.vbds), "n/a", str(disks.reads), str(disks.writes),
        str(disks.read_sectors), str(disks.written_sectors),
        "0", "n/a" if disks.outage_s is None else f"{disks.outage_s:.3f}",
    )  # fmt: skip
    return " ".join(f"{text:>{width}}" for text, (_, width) in zip(texts, COLUMNS, strict=True))
