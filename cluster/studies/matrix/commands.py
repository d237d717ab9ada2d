"""The command `domzero matrix`.

Exit codes as everywhere: 0 every trial held, 1 a check failed or the two drivers disagree, 2 unknown (an
interrupted matrix is), 254 usage. What becomes of guests is the result, whatever it is.
"""

from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path

import click

from cluster.lab.exit_codes import FAILED, HELD, UNKNOWN
from cluster.running.run.progress import Progress, ProgressConsole
from cluster.running.run.session import Session, SessionOptions
from cluster.running.run.shown_report import OUT, run_and_show
from cluster.studies.campaign.collecting import collect
from cluster.studies.campaign.engine import DASK, JOBS, run_seeds
from cluster.studies.campaign.results import Results, folder_of
from cluster.studies.campaign.shown_outcome import keep_and_show
from cluster.studies.campaign.trial import Record
from cluster.studies.matrix.cell import Cell
from cluster.studies.matrix.live import run_live
from cluster.studies.matrix.outcome import MatrixOutcome
from cluster.studies.matrix.plan import MatrixPlan
from cluster.studies.matrix.schema import MatrixFile

_HINT = "ARCHITECTURE/FAULT/FRONTEND"


@click.command(short_help="Which architecture survives what: faults x architectures x frontends.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--cells",
    "patterns",
    multiple=True,
    metavar=_HINT,
    help="Only such cells; * and ? stand for many. May be given more than once.",
)
@JOBS
@DASK
@click.option(
    "--live",
    "live",
    multiple=True,
    metavar=_HINT,
    help="Run such cells in real processes, too, and hold what comes of them against the simulated ones.",
)
@click.option(
    "--live-seeds", type=click.IntRange(1, 1000), default=1, show_default=True, help="Seeds of a live cell."
)
@click.option("--json", "as_json", is_flag=True, help="Print matrix.json on stdout instead of tables.")
@click.option(
    "--replay", metavar=f"{_HINT}:SEED", help="Run this one trial with a full trace into a run directory."
)
@click.option(
    "--driver",
    type=click.Choice(["live", "simulated"]),
    default="simulated",
    show_default=True,
    help="Of --replay.",
)
@OUT
def matrix(  # noqa: PLR0917 (click passes options so)
    file: Path,
    patterns: tuple[str, ...],
    jobs: int | None,
    scheduler: str | None,
    live: tuple[str, ...],
    live_seeds: int,
    as_json: bool,  # noqa: FBT001
    replay: str | None,
    driver: str,
    out: Path | None,
) -> int:
    """Run every cell of FILE over its seeds in virtual time, and show what became of the guests.

    Results lie in matrices/NAME-SHA, or in the folder of --out: results.jsonl (a line for each trial),
    matrix.json and report.html. A matrix that was stopped goes on when the same command is given again.
    """
    plan = MatrixPlan(MatrixFile.read(file))
    if replay is not None:
        return _replay(plan, replay, driver, out)
    cells = _chosen(plan, patterns)
    live_cells = _chosen(plan, live) if live else []
    for cell in dict.fromkeys([*cells, *live_cells]):
        cell.case(plan.file, 0).cluster()  # what is wrong is said before anything runs
    folder = out or folder_of("matrices", plan.header())
    wanted = plan.numbers(cells)
    with closing(Results(folder / "results.jsonl", plan.header())) as results:
        records = run_seeds(plan, results.missing(wanted), jobs, scheduler)
        interrupted = collect(records, results, wanted, plan.replay_command)
        known = _of(wanted, results)
    lived = []
    if live_cells and not interrupted:
        with closing(Results(folder / "live.jsonl", plan.header())) as results:
            numbers = [each for each in plan.numbers(live_cells) if each % plan.seeds < live_seeds]
            records = run_live(plan, results.missing(numbers))
            interrupted = collect(records, results, numbers, plan.replay_command)
            lived = _of(numbers, results)
    outcome = MatrixOutcome.of(plan, known, lived)
    keep_and_show(outcome, folder, as_json=as_json)
    if outcome.has_failed:
        return FAILED
    return UNKNOWN if interrupted or outcome.is_unknown else HELD


def _of(numbers: list[int], results: Results) -> list[Record]:
    """The records of these trials, of all that are kept, in the order of their numbers."""
    wanted = set(numbers)
    found = (each for each in results.records() if each["seed"] in wanted)
    return sorted(found, key=lambda each: each["seed"])


def _chosen(plan: MatrixPlan, patterns: tuple[str, ...]) -> list[Cell]:
    """The cells that match one of the patterns; all of them without any."""
    for pattern in patterns:
        if not any(fnmatchcase(str(each), pattern) for each in plan.cells):
            axes = plan.file.axes
            raise click.UsageError(
                f"no cell {pattern!r}; {_HINT} of {', '.join(axes.architectures)} / "
                f"none, {', '.join(axes.faults)} / {', '.join(axes.frontends)}"
            )
    return [
        each
        for each in plan.cells
        if not patterns or any(fnmatchcase(str(each), pattern) for pattern in patterns)
    ]


def _replay(plan: MatrixPlan, text: str, driver: str, out: Path | None) -> int:
    name, _, seed = text.rpartition(":")
    cells = {str(each): each for each in plan.cells}
    if name not in cells or not (seed.isascii() and seed.isdecimal()):
        raise click.UsageError(f"no trial {text!r}; one is {next(iter(cells))}:1")
    cluster = cells[name].case(plan.file, int(seed)).cluster()
    options = SessionOptions(driver=driver, out=out, trace=True)
    return run_and_show(Session(cluster, options, Progress(ProgressConsole())))
