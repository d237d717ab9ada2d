"""The commands for finished runs: `domzero verify`, `rerun`, `runs list`, `runs prune`.

Exit codes as everywhere: those of the verdict, 254 if a directory is not what is wanted.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from cluster.lab.config.errors import reason_of
from cluster.lab.config.quantities import size_bytes
from cluster.lab.terminal.data_console import DataConsole, say, whoever_reads
from cluster.lab.terminal.table import Table, number, text
from cluster.running.run.kept_page import keep_page
from cluster.running.run.kept_run import KeptRun
from cluster.running.run.kept_runs import Budget, KeptRunSize, kept_runs, remove
from cluster.running.run.kept_values import KeptError, OtherVersionError
from cluster.running.run.progress import Progress, ProgressConsole
from cluster.running.run.run_directory import RUNS
from cluster.running.run.run_lock import InUseError, held
from cluster.running.run.session import Session, SessionOptions
from cluster.running.run.shown_report import AS_JSON, OUT, run_and_show, show

COLUMNS: Final = (
    *(text("verdict"), text("driver"), number("seed"), number("MiB"), number("began")),
    text("directory"),
)
TOTAL: Final = "10GiB"
_AGES: Final = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
RUNDIR = click.argument(
    "directory", metavar="RUNDIR", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
FOLDER = click.option(
    "--in",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=RUNS,
    show_default=True,
    metavar="DIR",
    help="The folder that the run directories are in.",
)


@contextmanager
def _as_usage() -> Iterator[None]:
    """What is wrong with a directory is a wrong argument."""
    try:
        yield
    except KeptError as error:
        raise click.UsageError(str(error)) from error
    except InUseError as error:
        raise click.UsageError(
            f"{error}: the run goes on; end it with `domzero down` or Ctrl-C first"
        ) from error


@click.command(short_help="Judge a run again by what it left behind.")
@RUNDIR
@AS_JSON
def verify(directory: Path, as_json: bool) -> int:  # noqa: FBT001
    """Judge a run again from its directory alone: images, journals and what had been noted of its faults.

    The verdict and the exit code are those of `domzero run`. A run that was cut short (everything was killed,
    and no report written) is judged as far as it came: what only its end could show is unknown. Its report is
    then written to run.json, which is left alone if it is there.
    """
    with _as_usage(), held(directory, shared=True):
        run = _judged_here(directory)
        progress = Progress(ProgressConsole())
        try:
            progress.observe("verify", "")
            report = run.report()
        finally:
            progress.stop()
        if not (directory / "run.json").exists():
            try:
                run.directory.write_report(report)
            except OSError as error:
                say(f"run.json was not written: {reason_of(error)}")
            keep_page(run.directory, report.facts, say)
    show(report, as_json=as_json)
    return report.exit_code


def _judged_here(directory: Path) -> KeptRun:
    try:
        return KeptRun.read(directory)
    except OtherVersionError as error:
        raise KeptError(
            f"{directory} was kept by another version, with values that this one does not know; "
            f"`domzero report {directory}` shows its report, `domzero rerun {directory}` does it again"
        ) from error


@click.command(short_help="Do a run again from what it kept.")
@RUNDIR
@OUT
@AS_JSON
def rerun(directory: Path, out: Path | None, as_json: bool) -> int:  # noqa: FBT001
    """Run the configuration that is kept in RUNDIR again: with the same seed, in the same driver.

    A simulated run comes out the very same; if another version kept it, its configuration is read anew. One
    that was an `up` runs for the duration of its configuration; faults that somebody did by hand are not done
    again.
    """
    with _as_usage():
        kept, told = KeptRun.to_rerun(directory)
        kept.check_images()
    if told:
        say(f"domzero: {told}")
    options = SessionOptions(driver=kept.about.driver, out=out, trace=kept.about.trace)
    session = Session(kept.cluster, options, Progress(ProgressConsole()))
    return run_and_show(session, as_json=as_json)


@click.group()
def runs() -> None:
    """List the run directories there are, and remove old ones."""


@runs.command("list", short_help="The runs, and what they take of the disk.")
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def runs_list(folder: Path, as_json: bool) -> None:  # noqa: FBT001
    """List the runs in a folder, oldest first: verdict, driver, seed, size on disk, when it began (UTC)."""
    found = kept_runs(folder)
    with whoever_reads():
        if as_json:
            click.echo(json.dumps({"runs": [_row(each) for each in found]}, indent=2))
            return
        if not found:
            say(f"no runs in {folder}")
            return
        table = Table(*COLUMNS)
        for each in found:
            seed, began = "?" if each.seed is None else str(each.seed), f"{each.began:%Y-%m-%d %H:%M:%S}"
            table.add(each.verdict, each.driver or "?", seed, _mib(each.bytes), began, str(each.path))
        table.print(DataConsole())
        total = sum(each.bytes for each in found)
        click.echo(f"{len(found)} runs, {_mib(total)} MiB")


def _size(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else size_bytes(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _age(_: click.Context, __: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6}) ?([a-z]+)", value)
    if match is None or match[2] not in _AGES:
        raise click.BadParameter(f"{value!r} is no age; a whole number of {', '.join(_AGES)}, as 14d")
    return int(match[1]) * _AGES[match[2]]


@runs.command("prune", short_help="Remove the oldest runs beyond a budget.")
@FOLDER
@click.option(
    "--size",
    callback=_size,
    default=TOTAL,
    show_default=True,
    metavar="SIZE",
    help="What all runs together may take of the disk.",
)
@click.option("--count", type=click.IntRange(0), metavar="N", help="How many runs may stay.")
@click.option("--age", callback=_age, metavar="AGE", help="How old a run may be: as 90min, 12h or 14d.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def runs_prune(
    folder: Path,
    size: int | None,
    count: int | None,
    age: timedelta | None,
    dry_run: bool,  # noqa: FBT001
) -> None:
    """Remove run directories, oldest first, until what is left keeps to every limit that is given.

    A run that goes on is never removed, nor is anything that is not a run directory.
    """
    removed, freed = 0, 0
    for each in Budget(size, count, age).surplus(kept_runs(folder)):
        try:
            if not dry_run:
                remove(each.path)
        except InUseError:
            continue
        except OSError as error:
            raise click.UsageError(f"{error.filename or each.path}: {reason_of(error)}") from error
        removed, freed = removed + 1, freed + each.bytes
        click.echo(
            f"{'would remove' if dry_run else 'removed'} {each.path}: {each.verdict}, {_mib(each.bytes)} MiB"
        )
    click.echo(f"{'would remove' if dry_run else 'removed'} {removed} runs, {_mib(freed)} MiB")


def _row(run: KeptRunSize) -> dict[str, object]:
    return {
        "directory": str(run.path),
        "name": run.name or None,
        "verdict": run.verdict,
        "driver": run.driver or None,
        "seed": run.seed,
        "began": run.began.isoformat(timespec="milliseconds"),
        "bytes": run.bytes,
    }


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f}"
