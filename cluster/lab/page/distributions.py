"""How recovery times of many runs are spread: a row for each kind of fault, on a logarithmic axis."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

from cluster.lab.config.quantities import duration_text
from cluster.lab.page.page_table import Column, PageTable
from cluster.lab.page.plot import LEFT, RIGHT, WIDTH, Box, Key, Plot, bar
from cluster.lab.page.scale import Decades, Tick

COLUMNS: Final = (
    *(Column("fault"), Column("recoveries", number=True), Column("never", number=True)),
    *(Column(each, number=True) for each in ("least", "median", "p90", "p99", "most")),
)
ROW, TOP, FOOT = 24, 10, 44
NS_PER_MS: Final = 1_000_000


def at_share(ordered: Sequence[int], share: float) -> int:
    """What this share of values, which are in order, do not pass. There is at least one."""
    return ordered[max(0, ceil(len(ordered) * share) - 1)]


def distribution_table(recoveries: Mapping[str, Sequence[int]], never: Mapping[str, int]) -> PageTable:
    """The figures, by kind of fault; `never`: how often nothing recovered."""
    rows = []
    for kind in sorted({*recoveries, *never}):
        found = sorted(recoveries.get(kind, ()))
        figures = (
            [found[0], *(at_share(found, each) for each in (0.5, 0.9, 0.99)), found[-1]] if found else []
        )
        told = [duration_text(each) for each in figures] or ["-"] * 5
        rows.append([kind, f"{len(found):,}", f"{never.get(kind, 0):,}", *told])
    return PageTable("How long it took until all I/O flowed again, by kind of fault", COLUMNS, rows)


def distribution_plot(recoveries: Mapping[str, Sequence[int]]) -> Plot | None:
    """The picture of it; None if nothing took any time."""
    by_kind = {kind: sorted(each for each in found if each > 0) for kind, found in sorted(recoveries.items())}
    by_kind = {kind: found for kind, found in by_kind.items() if found}
    if not by_kind:
        return None
    times_ms = [each / NS_PER_MS for found in by_kind.values() for each in (found[0], found[-1])]
    across = Decades.over(times_ms, LEFT, WIDTH - RIGHT)
    boxes: list[Box] = []
    for row, (kind, found) in enumerate(by_kind.items()):
        y = TOP + ROW * row + 4
        for name, first, last in (("range", 0.0, 1.0), ("middle", 0.1, 0.9), ("median", 0.5, 0.5)):
            ends = at_share(found, first), at_share(found, last)
            told = " to ".join(dict.fromkeys(duration_text(each) for each in ends))
            span = across.place(ends[0] / NS_PER_MS), across.place(ends[1] / NS_PER_MS)
            boxes.append(bar(name, span, y, f"{kind}, {name}: {told}"))
    bottom = TOP + ROW * len(by_kind) + 4
    return Plot(
        name="recoveries",
        title="Recoveries by kind of fault",
        text="How long it took until all I/O flowed again, over all seeds; the axis is logarithmic.",
        height=bottom + FOOT,
        top=TOP,
        bottom=bottom,
        across=across.ticks(),
        across_title="ms since the fault",
        rows=[Tick(TOP + ROW * row + 16, kind) for row, kind in enumerate(by_kind)],
        boxes=boxes,
        keys=(
            Key("range", "from the least to the most"),
            Key("middle", "eight of ten"),
            Key("median", "half took no longer"),
        ),
    )
