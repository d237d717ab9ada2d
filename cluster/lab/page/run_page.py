"""The page of one run, from its `run.json`, its timeline and what else is known of it.

Rules: says what `run.json` says, in the words of the summary, and draws the timeline if there is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cluster.lab.config.architecture import Architecture
from cluster.lab.config.quantities import duration_text
from cluster.lab.page.page_table import Column, PageTable, time_text
from cluster.lab.page.rendering import rendered
from cluster.lab.page.run_plots import PARTS, run_plots
from cluster.lab.verdict.summary import Document, became, outage_text, survived_text
from cluster.lab.verdict.timeline import FaultSpan, Timeline

WRITES: Final = ("acknowledged", "stable", "lost", "stale", "torn", "misdirected", "unacknowledged")
CHECKS: Final = (Column("check"), Column("verdict", verdict=True), Column("detail", long=True))
FAULTS: Final = (
    *(Column("fault"), Column("target"), Column("detected after", number=True)),
    *(Column("all I/O again after", number=True), Column("remark", long=True)),
)
RECOVERIES: Final = (
    *(Column("fault"), Column("target")),
    *(Column(each.kind, number=True) for each in PARTS),
    Column("in all", number=True),
)
GUESTS: Final = (
    *(Column("guest"), Column("survived"), Column("outage", number=True), Column("p99", number=True)),
    *(Column(each, number=True) for each in ("answered", "errors", "in flight")),
    *(Column(each, number=True) for each in WRITES),
)
HOSTS: Final = (
    *(Column("host"), Column("policies", long=True), Column("started", number=True)),
    *(Column("dom0 started", number=True), Column("driver domains", long=True)),
)
GAPS: Final = (Column("phase"), Column("lasted", number=True), Column("who did not run"))
ABOUT: Final = (Column("what"), Column("was", long=True))


@dataclass(frozen=True, slots=True)
class RunPage:
    """What a page is made of. `about`: what else is known, in rows; `sources`: texts of files, by name."""

    name: str
    run: Document
    timeline: Timeline | None
    about: Sequence[tuple[str, str]] = ()
    sources: Sequence[tuple[str, str]] = field(default=())

    def text(self) -> str:
        """The page."""
        run, timeline = self.run, self.timeline
        return rendered(
            "run.html.jinja",
            name=self.name,
            run=run,
            plots=run_plots(timeline) if timeline is not None else [],
            checks=PageTable("What was checked, and what the configuration predicts", CHECKS, _checks(run)),
            faults=PageTable("What was done, and what has not come", FAULTS, _faults(run)),
            recoveries=PageTable(
                "The parts of each recovery; ? stands for what is not known",
                RECOVERIES,
                [_recovery(each) for each in timeline.faults] if timeline is not None else [],
            ),
            guests=PageTable(
                "What became of the guests, their requests and their writes", GUESTS, _guests(run)
            ),
            hosts=PageTable("The hosts and their policies", HOSTS, _hosts(run)),
            gaps=PageTable("Times in which this machine did not run", GAPS, _gaps(run)),
            about=PageTable("What was run, and by what", ABOUT, self.about),
            sources=self.sources,
        )


def _checks(run: Document) -> list[list[str]]:
    rows = [[each["name"], each["verdict"], each["detail"]] for each in run["checks"]]
    return rows + [["expected", each["verdict"], each["text"]] for each in run["expected"]]


def _faults(run: Document) -> list[list[str]]:
    never = "?" if run["cut_short"] else "never"
    return [
        [f"{each['id']} {each['kind']}", each["target"], *became(each, never), each["never_fired"] or ""]
        for each in run["faults"]
    ]


def _recovery(fault: FaultSpan) -> list[str]:
    ended_ns = fault.recovered_at_ns
    whole_ns = None if ended_ns is None else ended_ns - fault.injected_at_ns
    return [
        f"{fault.id} {fault.kind}",
        fault.target,
        *(time_text(each) for each in (*fault.parts.values(), whole_ns)),
    ]


def _guests(run: Document) -> list[list[str]]:
    return [
        [
            *(each["name"], survived_text(each), outage_text(each, "max"), outage_text(each, "p99")),
            *(_count(each["requests"][key]) for key in ("completed", "errors", "in_flight")),
            *(_count(each["writes"][key]) for key in WRITES),
        ]
        for each in run["guests"]
    ]


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _hosts(run: Document) -> list[list[str]]:
    return [
        [
            each["name"],
            f"{Architecture.of_words(each).policies}, links {each['links']}",
            f"{each['boots']}x",
            f"{each['dom0_boots']}x",
            "; ".join(
                f"{driver['name']} drives {', '.join(driver['disks'])}: started {driver['boots']}x"
                for driver in each["driver_domains"]
            ),
        ]
        for each in run["hosts"]
    ]


def _gaps(run: Document) -> list[list[str]]:
    return [
        [
            each["phase"],
            duration_text(each["lasted_ns"]),
            "the supervisor alone" if each["alone"] else "this machine",
        ]
        for each in run["clock_gaps"]
    ]
