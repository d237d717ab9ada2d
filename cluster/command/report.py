"""The command `domzero report`: a page of a run, a sweep, a matrix or a curve, for people who were not there.

Exit codes: 0 the page is written, whatever the verdict on it is; 254 there is nothing to make one of, or
something else in its place.
"""

import json
from pathlib import Path
from typing import Final

import click

from cluster.lab.config.errors import ConfigError
from cluster.lab.documents import document_kind as kinds
from cluster.lab.terminal.data_console import whoever_reads
from cluster.running.run.about import FILE as ABOUT
from cluster.running.run.kept_page import PAGE, page_of, write_page
from cluster.running.run.kept_values import KeptError
from cluster.studies.campaign.results_page import results_page
from cluster.studies.curve.outcome import CURVE, page_of_curve
from cluster.studies.matrix.outcome import MATRIX, page_of_matrix

_CHOICES: Final = (
    f"give the directory of a run ({kinds.RUN.readable}), the folder of a matrix ({kinds.MATRIX.readable}) "
    f"or a curve ({kinds.CURVE.readable}), or the results of a sweep ({kinds.SWEEP.readable})"
)
_DOCUMENT_MAX: Final = 1 << 28


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
        return _sweep(path)
    for name, page in ((MATRIX, page_of_matrix), (CURVE, page_of_curve)):
        if (path / name).exists():
            return page(path / name)
    if not (path / ABOUT).exists():
        raise KeptError(f"{path} is no run directory: it has no {ABOUT}; {_CHOICES}")
    return page_of(path)


def _sweep(path: Path) -> str:
    try:
        return results_page(path)
    except ConfigError:
        _refuse_document(path)
        raise


def _refuse_document(path: Path) -> None:
    """KeptError if a file is one JSON document, and not the one line of the results of a sweep."""
    try:
        data = json.loads(path.read_bytes()) if path.stat().st_size <= _DOCUMENT_MAX else None
    except (OSError, ValueError, RecursionError):
        return  # whatever it is, it is judged line by line
    if data is not None and not kinds.SWEEP.is_of(data):
        raise KeptError(f"{path}: {kinds.what_is(data)}; {_CHOICES}")
