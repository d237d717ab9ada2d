"""The command `domzero report`: a page of a run, a sweep, a matrix or a curve, for people who were not there.

Exit codes: 0 the page is written, whatever the verdict on it is; 254 there is nothing to make one of, or
something else in its place.
"""

from pathlib import Path

import click

from cluster.lab.terminal.data_console import whoever_reads
from cluster.running.run.kept_page import PAGE, page_of, write_page
from cluster.running.run.kept_values import KeptError
from cluster.studies.campaign.results_page import results_page
from cluster.studies.curve.outcome import CURVE, page_of_curve
from cluster.studies.matrix.outcome import MATRIX, page_of_matrix


@click.command(short_help="A page of a run, a sweep, a matrix or a curve, to look at.")
@click.argument("path", metavar="RUNDIR|SWEEP|MATRIX|CURVE", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it; report.html in RUNDIR, MATRIX or CURVE, or beside SWEEP, otherwise.",
)
def report(path: Path, out: Path | None) -> None:
    """Make the page of a finished run, a sweep, a matrix or a curve: one file that needs no network.

    `domzero run` has left one in RUNDIR already, and `domzero matrix` and `domzero curve` have left theirs in
    their folders of results. SWEEP is the file of results of a sweep.
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
    for name, page in ((MATRIX, page_of_matrix), (CURVE, page_of_curve)):
        if (path / name).exists():
            return page(path / name)
    return page_of(path)
