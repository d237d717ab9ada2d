"""The command `domzero report`: a page of a run, for people who were not there.

Exit codes: 0 the page is written, whatever the verdict on it is; 254 there is nothing to make one of, or
something else in its place.
"""

from pathlib import Path

import click

from cluster.lab.terminal.data_console import whoever_reads
from cluster.running.run.kept_page import PAGE, page_of, write_page
from cluster.running.run.kept_values import KeptError


@click.command(short_help="A page of a run, to look at.")
@click.argument("path", metavar="RUNDIR", type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o",
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it; report.html in RUNDIR otherwise.",
)
def report(path: Path, out: Path | None) -> None:
    """Make the page of a finished run again, and print where it is: one file that needs no network.

    `domzero run` has left one in RUNDIR already. Nothing but such a page is overwritten.
    """
    try:
        text = page_of(path)
        target = out or path / PAGE
        write_page(target, text)
    except KeptError as error:
        raise click.UsageError(str(error)) from error
    with whoever_reads():
        click.echo(target)
