"""The command `domzero up`: a cluster that stays up, in this terminal or in the background.

Rules: it says what of the file counts, how it ends, and, where it is not the only cluster, how to name it.
"""

from pathlib import Path
from typing import Final

import click

from cluster.lab.config.loading import load_cluster
from cluster.lab.config.quantities import counted, duration_text, size_bytes
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.terminal.data_console import say
from cluster.running.control.client import naming, running_clusters
from cluster.running.run.detached import start_detached
from cluster.running.run.progress import Progress, ProgressConsole
from cluster.running.run.session import Session, SessionOptions
from cluster.running.run.shown_report import OUT, run_and_show

JOURNALS: Final = "1GiB"
SEED: Final = click.IntRange(0, (1 << 64) - 1)


def _size(_: click.Context, __: click.Parameter, value: str) -> int:
    try:
        return size_bytes(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(short_help="Start a cluster and keep it running.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-d", "--detach", is_flag=True, help="Go to the background once the guests work.")
@click.option("--seed", type=SEED, metavar="N", help="Instead of the configuration's seed; 0 or more.")
@OUT
@click.option(
    "--journals",
    callback=_size,
    default=JOURNALS,
    show_default=True,
    metavar="SIZE",
    help="What the journals may take of the disk; then the guests stop working.",
)
@click.option("--no-faults", is_flag=True, help="Leave out the faults of the file.")
def up(  # noqa: PLR0917 (click passes options so)
    file: Path,
    detach: bool,  # noqa: FBT001
    seed: int | None,
    out: Path | None,
    journals: int,
    no_faults: bool,  # noqa: FBT001
) -> int:
    """Start a cluster and keep it running until `domzero down`, or Ctrl-C, which does the same.

    A second Ctrl-C cuts the power, and the verdict is unknown. The file's faults are injected when it says so
    (`domzero status` has the schedule), but for --no-faults; its duration is ignored.

    The guests' journals, which the verdict needs, grow by 64 bytes with each write. When they have used up
    what --journals grants, the guests stop working and everything else goes on; `domzero status` says so.
    """
    cluster = load_cluster(file)
    cluster = cluster if seed is None else cluster.with_seed(seed)
    told = _what_up_does(cluster, no_faults=no_faults)
    cluster = cluster.without_faults() if no_faults else cluster
    options = SessionOptions(driver="live", out=out, endless=True, journal_budget=journals)
    if detach:
        directory = start_detached(cluster, options)
        say(told)
        click.echo(f"{cluster.name} is up; run directory: {directory}")
        if several := _how_to_name(cluster.name):
            say(several)
        return 0
    progress = Progress(ProgressConsole())
    session = Session(cluster, options, progress)

    def when_up() -> None:
        progress.say(
            f"{cluster.name} is up; `domzero down` in another terminal, or Ctrl-C here, ends it in order"
        )
        if several := _how_to_name(cluster.name):
            progress.say(several)

    session.when_up = when_up
    progress.say(told)
    return run_and_show(session)


def _what_up_does(cluster: ResolvedCluster, *, no_faults: bool) -> str:
    """What of the file counts for a cluster that stays up."""
    count = len(cluster.faults)
    if not count:
        faults = "it has no faults"
    elif no_faults:
        faults = f"{counted(count, 'fault')} of it left out"
    else:
        faults = (
            f"{counted(count, 'fault')} of it done as it says (not with --no-faults; `domzero status`: when)"
        )
    duration = f"its duration of {duration_text(cluster.duration_ns)} is ignored"
    return f"{cluster.path}: {duration}, {faults}"


def _how_to_name(name: str) -> str:
    """What to do where it is not the only cluster; empty if it is."""
    others = [each for each in running_clusters() if each != name]
    if not others:
        return ""
    return f"other clusters run ({', '.join(others)}); say which is meant: {naming(name)}"
