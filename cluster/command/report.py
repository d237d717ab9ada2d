"""The command `domzero report`: a page of a run, a sweep or a matrix, for people who were not there.

Exit codes: 0 the page is written, whatever the verdict on it is; 254 there is nothing to make one of, or
something else in its place.
"""

from pathlib import Path

import click

from cluster.lab.terminal.data_console import whoever_reads
from cluster.running.run.kept_page import PAGE, page_of, write_page
from cluster.running.run.kept_values import KeptError
from cluster.studies.campaign.results_page import results_page
from cluster.studies.matrix.outcome import MATRIX, page_of_matrix


@click.command(short_help="A page of a run, a sweep or a matrix, to look at.")
@click.argument("path", metavar="RUNDIR|SWEEP|MATRIX", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it; report.html in RUNDIR or MATRIX, or beside SWEEP, otherwise.",
)
def report(path: Path, out: Path | None) -> None:
    """Make the page of a finished run, a sweep or a matrix: one file that needs no network.

    `domzero run` has left one in RUNDIR already, and `domzero matrix` one in MATRIX, which is its folder of
    results. SWEEP is the file of results of a sweep.
    Nothing but such a page is overwritten; where it is written is printed.
    """
    if not path.exists():
        raise click.UsageError(f"{path}: there is no such directory or file")
    try:
        text = _text(path)
        target = out or (path.with_suffix(".html") if path.is_file() else path / PAGE)
        write_page(target, text)
    except KeptError as error:
        raise click.UsageError(str(error)) from error
    with whoever_reads():
        click.echo(target)


def _text(path: Path) -> str:
    if path.is_file():
        return results_page(path)
    return page_of_matrix(path / MATRIX) if (path / MATRIX).exists() else page_of(path)
