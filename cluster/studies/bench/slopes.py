"""How boot, memory, recovery and scrape grow with the number of guests.

Guests are processes of their own, or packed, many to a process; `records` is a page of metrics that was made
of records alone, with no guest behind it. Each count is measured in two runs of its own: one in which hardly
anything is done, and one in which dom0 crashes.
Rules: what could not be measured is said, with the reason, and nothing is put in its place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import linear_regression, median
from threading import Thread, Timer
from typing import Final

from rich.console import Console

from cluster.lab.config.resolved import Data
from cluster.lab.terminal.table import Table, line, number, text
from cluster.running.run.session import Session
from cluster.studies.bench.chart import Line, Panel, svg
from cluster.studies.bench.computer import Computer
from cluster.studies.bench.costs.scrape import fetched, page
from cluster.studies.bench.host import Experiment, Recovery, boot_ms, recovery_ms
from cluster.studies.bench.results import shown

COLUMNS: Final = (
    *(text("measure"), text("guests are"), text("guests")),
    *(number("fewest"), number("most"), number("a guest"), text("unit")),
)
UNITS: Final = {"boot": "ms", "memory": "MB", "recovery": "ms", "scrape": "ms"}
TITLES: Final = {
    "boot": "boot: power-on until all work",
    "memory": "memory of all guests",
    "recovery": "recovery: crash of dom0 until all are served",
    "scrape": "scrape: one page of metrics",
}
PACK: Final = 50
MOST_IN_PROCESSES: Final = 200
MB_EACH: Final = 12
"""What a guest's process may take of the memory that is free, rather too much."""
FIRST_STATISTICS_S: Final = 1.2
SCRAPES: Final = 3
SMALL: Final[Data] = {"memory": "4MiB", "disks": [{"vdev": "xvda", "size": "1MiB"}]}
IDLE: Final[Data] = {"kind": "random", "rate": "1/s"}
RECOVERY: Final = Recovery({"reconnect": "renegotiate"}, rate=1)
"""With one request a second even a thousand guests are a light load."""


class NotMeasured(Exception):  # noqa: N818 (it names what happened)
    """Why not."""


@dataclass(frozen=True, slots=True)
class Form:
    """What guests are: the numbers of them that are measured, and how one number is, once."""

    name: str
    label: str
    counts: Sequence[int]
    measure: Callable[[int], Iterator[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Point:
    """One measure with so many guests, over the repeats."""

    measure: str
    form: str
    guests: int
    median: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Gap:
    """What was not measured."""

    form: str
    guests: int
    reason: str


@dataclass(slots=True)
class Slopes:
    """All that was measured, and what was not."""

    machine: Computer
    repeats: int
    points: list[Point] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """As it is kept."""
        return asdict(self)

    def lines(self) -> Iterator[tuple[str, Form, list[Point]]]:
        """The points of each measure and form, by guests."""
        for measure in UNITS:
            for form in FORMS:
                of_both = [each for each in self.points if (each.measure, each.form) == (measure, form.name)]
                if of_both:
                    yield measure, form, sorted(of_both, key=lambda each: each.guests)

    def picture(self) -> str:
        """As SVG: a panel for each measure."""
        drawn: dict[str, list[Line]] = {measure: [] for measure in UNITS}
        for measure, form, points in self.lines():
            slope = slope_of(points)
            said = "" if slope is None else f": {shown(slope)} {UNITS[measure]} a guest"
            rows = [(each.guests, each.median, each.min, each.max) for each in points]
            drawn[measure].append(Line(form.label + said, rows))
        return svg([Panel(f"{TITLES[each]}, {UNITS[each]}", lines) for each, lines in drawn.items() if lines])

    def print_table(self, console: Console) -> None:
        """As people read it: a line for each line of the picture."""
        table = Table(*COLUMNS)
        for measure, form, points in self.lines():
            slope = slope_of(points)
            table.add(
                *(measure, form.label, f"{points[0].guests:,} to {points[-1].guests:,}"),
                *(shown(points[0].median), shown(points[-1].median)),
                *("" if slope is None else shown(slope), UNITS[measure]),
            )
        table.print(console)
        for gap in self.gaps:
            line(console, f"not measured: {gap.guests:,} guests, {gap.form}: {gap.reason}")


def slope_of(points: Sequence[Point]) -> float | None:
    """What a further guest adds, by a straight line through all of them; None for a single point."""
    if len(points) < 2:
        return None
    return linear_regression([each.guests for each in points], [each.median for each in points]).slope


def measure_slopes(most: int, slopes: Slopes, progress: Callable[[str, int, int], None]) -> None:
    """Add to `slopes` all counts up to `most`; `progress(what, done, total)` is told before each run."""
    repeats = slopes.repeats
    jobs = [(form, count) for form in FORMS for count in form.counts if count <= most]
    for place, (form, count) in enumerate(jobs):
        found: dict[str, list[float]] = {}
        try:
            for repeat in range(repeats):
                what = f"{count:,} guests, {form.label}, repeat {repeat + 1} of {repeats}"
                progress(what, place * repeats + repeat, len(jobs) * repeats)
                for measure, value in form.measure(count):
                    found.setdefault(measure, []).append(value)
        except NotMeasured as reason:
            slopes.gaps.append(Gap(form.name, count, str(reason)))
        slopes.points.extend(
            Point(measure, form.name, count, median(values), min(values), max(values))
            for measure, values in found.items()
        )


def _in_processes(count: int) -> Iterator[tuple[str, float]]:
    free_mb = _free_mb()
    if free_mb < count * MB_EACH:
        raise NotMeasured(f"they need {count * MB_EACH:,} MB, and {free_mb:,} are free")
    yield from _host(count, {}, count)


def _packed(count: int) -> Iterator[tuple[str, float]]:
    guests = [f"guest-{each}" for each in range(count)]
    packs = [guests[at : at + PACK] for at in range(0, count, PACK)]
    yield from _host(count, {"pack": [["hypervisor", "ioapic"], *packs]}, len(packs))


def _host(count: int, keys: Data, processes: int) -> Iterator[tuple[str, float]]:
    """Two live runs of a host; its guests run in so many processes."""
    host: Data = {"memory": "16GiB", **keys}
    took_ms: list[float] = []
    scrapes: list[Thread] = []

    def scrape(session: Session) -> None:
        scrapes.append(Timer(FIRST_STATISTICS_S, _scrape, (session.metrics.urls, took_ms)))
        scrapes[0].start()

    idle = Experiment(count, IDLE, 3000 + 5 * count, host=host, guest=SMALL)
    session = _ran(idle.run(weigh=True, when_up=scrape))
    yield "boot", boot_ms(session)
    if len(session.guest_memory) < processes:
        raise NotMeasured(f"only {len(session.guest_memory):,} of their processes still ran")
    yield "memory", sum(each["Pss"] for each in session.guest_memory) / 1e6
    for each in scrapes:
        each.join()
    if not took_ms:
        raise NotMeasured("no page of metrics came")
    yield "scrape", median(took_ms)
    crashed = _ran(RECOVERY.experiment(count, host=host, guest=SMALL).run())
    try:
        yield "recovery", recovery_ms(crashed)
    except RuntimeError as error:
        raise NotMeasured(str(error)) from error


def _ran(session: Session) -> Session:
    if session.trouble:
        raise NotMeasured(session.trouble)
    if not session.supervisor.phases.workload_began_ns:
        raise NotMeasured("they did not boot in time")
    return session


def _scrape(urls: Mapping[str, str], took_ms: list[float]) -> None:
    """Each page several times, while the run goes on."""
    with suppress(OSError):
        for url in urls.values():
            took_ms.extend(fetched(url, SCRAPES).took_ms)


def _records(count: int) -> Iterator[tuple[str, float]]:
    yield "scrape", median(page(count, "each", SCRAPES).took_ms)


def _free_mb() -> int:
    rows = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    (row,) = [each for each in rows if each.startswith("MemAvailable:")]
    return int(row.split()[1]) // 1000


FORMS: Final = (
    Form("own", "each a process", (1, 8, 32, 100, MOST_IN_PROCESSES), _in_processes),
    Form("packed", f"{PACK} to a process", (PACK, 100, 200, 500, 1000), _packed),
    Form("records", "records alone", (1, 8, 32, 100, 200, 500, 1000), _records),
)
