"""The commands `domzero scenario list` and `domzero scenario run`.

Exit codes: 0 it is as the scenario says, 1 it is not, 2 nobody knows (it was interrupted), 254 usage.
"""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from cluster.lab.config.errors import did_you_mean
from cluster.lab.exit_codes import FAILED, HELD, UNKNOWN
from cluster.lab.terminal.data_console import DataConsole, say, whoever_reads
from cluster.lab.terminal.table import Table, line, text
from cluster.running.run.progress import Progress, ProgressConsole
from cluster.running.run.session import INTERRUPTED, Session, SessionOptions
from cluster.running.run.shown_report import OUT
from cluster.studies.scenarios.claim import Seen
from cluster.studies.scenarios.scenario import Scenario, all_scenarios, known_scenarios


@click.group(short_help="Failures of real hosts, reproduced in seconds.")
def scenario() -> None:
    """Failures that people have reported of real hosts, each to be seen in seconds."""


@scenario.command("list", short_help="The scenarios that there are.")
def scenario_list() -> None:
    """The scenarios that there are: what fails, and who has reported it."""
    table = Table(text("scenario"), text("what fails"), text("reported"))
    for each in all_scenarios():
        table.add(each.name, each.words.title, each.words.url)
    with whoever_reads():
        table.print(DataConsole())


@scenario.command("run", short_help="Reproduce one, or see what helps against it.")
@click.argument("name")
@click.option("--cured", is_flag=True, help="With what helps against it.")
@click.option(
    "--driver",
    type=click.Choice(["live", "simulated"]),
    default="simulated",
    show_default=True,
    help="In virtual time, or with real processes.",
)
@click.option("--trace", is_flag=True, help="Write trace.json for Perfetto.")
@OUT
def scenario_run(name: str, cured: bool, driver: str, trace: bool, out: Path | None) -> int:  # noqa: FBT001 (click passes options so)
    """Run NAME, or a file of your own, and hold what comes of it against what is to be seen.

    Exits with 0 if the failure is reproduced (with --cured: if it is averted) and with 1 if it is not.
    """
    found = Scenario.read(_path(name))
    claims = found.claims(cured=cured)
    cluster = found.case(cured=cured).cluster()
    session = Session(
        cluster, SessionOptions(driver=driver, out=out, trace=trace), Progress(ProgressConsole())
    )
    report = session.run()
    run = report.to_dict()
    seen = [each for claim in claims for each in claim.look(run)]
    holds = all(each.holds for each in seen)
    with whoever_reads():
        _print(DataConsole(), found, seen, cured=cured, holds=holds)
    say(f"run directory: {session.directory}")
    if INTERRUPTED in report.facts.unknown:
        return UNKNOWN
    return HELD if holds else FAILED


def _path(name: str) -> Path:
    """The file of a scenario that has this name, or that is named itself. UsageError."""
    known = known_scenarios()
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix == ".yaml":
        return path
    right = did_you_mean(name, list(known))
    choices = "" if right.startswith("one of") else f" (of {', '.join(known)})"
    raise click.UsageError(f"no scenario {name!r}; {right}{choices}, or a file that ends in .yaml")


def _print(console: Console, scenario: Scenario, seen: Sequence[Seen], *, cured: bool, holds: bool) -> None:
    words = scenario.words
    line(console, f"[bold]{escape(words.title)}[/]")
    line(console, f"{escape(words.report)} {escape(words.url)}")
    if cured:
        line(console, f"What helps: {escape(words.cure.says)}")
        for place, value in words.cure.set.items():
            line(console, escape(f"  {place}: {value}"))
    console.print()
    table = Table(text("in run.json"), text("wanted"), text("seen"), text("holds"))
    for each in seen:
        table.add(each.place, each.wanted, each.seen, "yes" if each.holds else "no")
    table.print(console)
    console.print()
    done = "averted" if cured else "reproduced"
    line(console, f"[bold]{'' if holds else 'not '}{done}[/]")
    if holds and not cured:
        line(console, f"What helps: {escape(words.cure.says)} domzero scenario run {scenario.name} --cured")
