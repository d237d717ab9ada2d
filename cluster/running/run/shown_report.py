"""A report as the commands show it: the summary or `run.json` on stdout, beside it where the run is kept."""

from pathlib import Path

import click

from cluster.lab.terminal.data_console import DataConsole, say, whoever_reads
from cluster.lab.verdict.report import Report
from cluster.running.run.session import Session

OUT = click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Run directory; must not hold anything."
)
AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print run.json on stdout instead of the summary."
)


def run_and_show(session: Session, *, as_json: bool = False) -> int:
    """Run a session to its end and show what came of it; the exit code."""
    report = session.run()
    show(report, as_json=as_json)
    say(f"run directory: {session.directory}")
    return report.exit_code


def show(report: Report, *, as_json: bool) -> None:
    """Print a report for a person, or for a program."""
    with whoever_reads():
        if as_json:
            click.echo(report.to_json())
        else:
            report.print_summary(DataConsole())
