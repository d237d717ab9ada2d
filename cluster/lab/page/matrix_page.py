"""The page of a survival matrix, from its `matrix.json`: what to choose, the cells, and each of them closely.

Rules: says what `matrix.json` says. A cell's colour is that of its word, which is written in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.lab.config.quantities import DURATION_UNITS, duration_text
from cluster.lab.page.page_table import Column, PageTable, time_text
from cluster.lab.page.plot import LEFT, RIGHT, WIDTH, Curve, Plot, Rule, stairs
from cluster.lab.page.rendering import rendered
from cluster.lab.page.scale import Linear, time_unit
from cluster.lab.verdict.summary import Document

NONE: Final = "none"
CHOSEN: Final = 3
"""So many architectures are named against each fault."""
WORDS: Final = (
    ("lives", "no guest died, and all work"),
    ("dies", "every guest died, and is back"),
    ("hangs", "no guest came back until an operator acts"),
    ("mixed", "some of these"),
)
FACTS: Final = (Column("what"), Column("was", long=True))
CHOICE: Final = (
    *(Column("against"), Column("best", long=True), Column("guests die, and come back", long=True)),
    Column("guests hang", long=True),
)
COSTS: Final = (
    *(Column("architecture"), Column("requests/s", number=True), Column("of the plainest", number=True)),
    *(Column("events a request", number=True), Column("memory beside guests", number=True)),
)
LIVE: Final = (
    *(Column("cell"), Column("live"), Column("simulated"), Column("ratio of median outages", number=True)),
    Column("agrees"),
)
Cells = Mapping[tuple[str, str, str], Document]
_HEIGHT, _TOP, _FOOT = 170, 26, 44


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A cell as the heat map has it; `name` is where it is shown closely."""

    name: str
    word: str
    fate: str
    outage: str
    label: str


@dataclass(frozen=True, slots=True)
class Closely:
    """A cell closely."""

    name: str
    title: str
    facts: PageTable
    plots: Sequence[Plot]


def matrix_page(matrix: Document) -> str:
    """The page. `bins` of `matrix` say what `served` of its cells counts."""
    cells = {(each["architecture"], each["fault"], each["frontend"]): each for each in matrix["cells"]}
    matrix = {**matrix, **_run(matrix, cells)}
    names = {key: f"cell-{number}" for number, key in enumerate(cells)}
    maps = [
        (frontend, [
            (architecture, [
                _heat(cells.get(key), names.get(key, ""))
                for fault in matrix["faults"]
                for key in [(architecture, fault, frontend)]
            ])
            for architecture in matrix["architectures"]
        ])
        for frontend in matrix["frontends"]
    ]  # fmt: skip
    verdicts = {each["verdict"] for each in (*matrix["cells"], *matrix["live"])}
    disagree = any(not each["agrees"] for each in matrix["live"])
    verdict = "failed" if "failed" in verdicts or disagree else "unknown" if "unknown" in verdicts else "held"
    return rendered(
        "matrix.html.jinja",
        name=matrix["name"],
        matrix=matrix,
        verdict=verdict,
        words=WORDS,
        maps=maps,
        choices=[
            (frontend, PageTable(f"Against each fault, with the frontend {frontend}", CHOICE, rows))
            for frontend in matrix["frontends"]
            if (rows := [_choice(matrix, cells, fault, frontend) for fault in matrix["faults"]])
        ],
        costs=PageTable("While nothing happens", COSTS, list(_costs(matrix, cells))),
        live=PageTable(
            "Cells that were also run in real processes",
            LIVE,
            [_live(each, cells) for each in matrix["live"]],
        ),
        closely=[_closely(each, names[key], matrix) for key, each in cells.items()],
    )


def _run(matrix: Document, cells: Cells) -> Document:
    """The axes without what was not run at all."""
    axes = ("architectures", "faults", "frontends")
    return {
        axis: [each for each in matrix[axis] if any(key[place] == each for key in cells)]
        for place, axis in enumerate(axes)
    }


def _heat(cell: Document | None, name: str) -> HeatCell | None:
    if cell is None:
        return None
    median = cell["outage_ns"]["p50"]
    word = cell["fate"]
    if word == "mixed":
        word = f"{_percent(cell['survived_share'])} live"
    if cell["stuck"] and not cell["broken"]:
        word += ", stuck"
    label = f"{cell['architecture']}, {cell['fault']}, {cell['frontend']}: {word}"
    if cell["verdict"] != "held":
        word = f"{cell['verdict']}! {word}"
    return HeatCell(name, word, cell["fate"], "" if median is None else duration_text(median), label)


def _choice(matrix: Document, cells: Cells, fault: str, frontend: str) -> list[str]:
    found = [
        cell
        for architecture in matrix["architectures"]
        if (cell := cells.get((architecture, fault, frontend))) is not None
    ]
    if not found:
        return [fault, "not run", "not run", "not run"]
    lives = sorted(
        (each for each in found if each["fate"] == "lives" and not each["stuck"]),
        key=lambda each: each["outage_ns"]["max"] or 0,
    )
    best = [f"{each['architecture']} ({_outage(each)})" for each in lives[:CHOSEN]]
    dies = [each["architecture"] for each in found if each["fate"] == "dies"]
    hangs = [each["architecture"] for each in found if each["broken"] or each["stuck"]]
    return [fault, ", ".join(best) or "no one", ", ".join(dies) or "-", ", ".join(hangs) or "-"]


def _outage(cell: Document) -> str:
    longest = cell["outage_ns"]["max"]
    return "no outage" if longest is None else f"at most {duration_text(longest)}"


def _costs(matrix: Document, cells: Cells) -> Iterator[list[str]]:
    plainest = None
    for architecture in matrix["architectures"]:
        cell = cells.get((architecture, NONE, matrix["frontends"][0]))
        if cell is None or not cell["requests_per_s"]:
            continue
        plainest = plainest or cell["requests_per_s"]
        yield [
            architecture,
            f"{cell['requests_per_s']:,.0f}",
            _percent(cell["requests_per_s"] / plainest),
            f"{cell['events_per_request']:.1f}",
            f"{cell['memory_bytes'] / (1 << 20):.0f} MiB",
        ]


def _live(live: Document, cells: Cells) -> list[str]:
    simulated = cells.get((live["architecture"], live["fault"], live["frontend"]))
    ours = live["outage_ns"]["p50"]
    theirs = simulated["outage_ns"]["p50"] if simulated is not None else None
    return [
        _title(live),
        _told(live),
        "-" if simulated is None else _told(simulated),
        f"{ours / theirs:.1f}" if ours and theirs else "-",
        "yes" if live["agrees"] else "no",
    ]


def _told(cell: Document) -> str:
    median = cell["outage_ns"]["p50"]
    return f"{cell['fate']} {'' if median is None else duration_text(median)}".strip()


def _title(cell: Document) -> str:
    return f"{cell['architecture']}, {cell['fault']}, {cell['frontend']}"


def _closely(cell: Document, name: str, matrix: Document) -> Closely:
    low, high = cell["survived_interval"] or (0, 1)
    outage = cell["outage_ns"]
    rows = [
        ["verdict of the checks", cell["verdict"]],
        ["seeds", f"{cell['trials']:,}"],
        ["guests that survived", f"{cell['survived']:,} of {cell['guests']:,} "
         f"(with 95 % confidence {_percent(low)} to {_percent(high)})"],
        ["guests that never came back", f"{cell['broken']:,}"],
        ["seeds after which nobody could shut the guests down", f"{cell['stuck']:,}"],
        ["outage: median, 99 %, longest", ", ".join(time_text(outage[key]) for key in ("p50", "p99", "max"))],
        *([f"{part} (median)", time_text(value)] for part, value in cell["parts_ns"].items()),
        ["requests that failed", f"{cell['errors']:,}"],
        ["acknowledged writes that were lost", f"{cell['writes_lost']:,}"],
        ["one seed again", cell["replay"]],
    ]  # fmt: skip
    plots = [each for each in (_outages(cell, name), _served(cell, name, matrix)) if each is not None]
    return Closely(name, _title(cell), PageTable("What was seen", FACTS, rows), plots)


def _outages(cell: Document, name: str) -> Plot | None:
    """How many guests were out for at most how long."""
    outages = cell["outages_ns"]
    if not outages:
        return None
    across = Linear.up_to(outages, LEFT, WIDTH - RIGHT)
    up = Linear(0, len(outages), _HEIGHT - _FOOT, _TOP)
    unit = time_unit(across.last)
    places = [across.place(0), *(across.place(each) for each in outages), across.place(across.last)]
    curve = stairs([up.place(each) for each in range(len(outages) + 1)], places)
    text = (
        f"{len(outages)} longest outages of guests, from {time_text(outages[0])} to {time_text(outages[-1])}."
    )
    return Plot(
        name=f"{name}-outages",
        title="Guests whose longest outage was at most so long",
        text=text,
        height=_HEIGHT,
        top=_TOP,
        bottom=_HEIGHT - _FOOT,
        across=across.ticks(8, DURATION_UNITS[unit]),
        across_title=f"longest outage of a guest, {unit}",
        up=up.ticks(4),
        up_title="guests",
        curves=[Curve("curve-0", curve)],
    )


def _served(cell: Document, name: str, matrix: Document) -> Plot | None:
    """Requests answered around the first fault, all seeds together."""
    served, bins = cell["served"], matrix["bins"]
    if not served:
        return None
    ends = [each * bins["length_ns"] - bins["before_ns"] for each in range(len(served) + 1)]
    across = Linear(ends[0], ends[-1], LEFT, WIDTH - RIGHT)
    up = Linear.up_to(served, _HEIGHT - _FOOT, _TOP)
    curve = stairs([up.place(each) for each in served], [across.place(each) for each in ends])
    return Plot(
        name=f"{name}-served",
        title="Requests answered around the first fault",
        text=f"Answers in each {duration_text(bins['length_ns'])}, of all seeds together; "
        f"before the fault {served[0]:,}, at the end {served[-1]:,}, at least {min(served):,}.",
        height=_HEIGHT,
        top=_TOP,
        bottom=_HEIGHT - _FOOT,
        across=across.ticks(8, DURATION_UNITS["ms"]),
        across_title="after the fault, ms",
        up=up.ticks(4),
        up_title="answers",
        rules=[Rule("fault", across.place(0), "fault")],
        curves=[Curve("curve-0", curve)],
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
