"""The command `domzero curve`.

Exit codes as everywhere: 0 every run held, 1 a check failed, 2 unknown (an interrupted curve is), 254 usage.
"""

from contextlib import closing
from pathlib import Path

import click

from cluster.lab.verdict.check import Verdict
from cluster.running.run.progress import Progress, ProgressConsole
from cluster.running.run.session import Session, SessionOptions
from cluster.running.run.shown_report import OUT, run_and_show
from cluster.studies.campaign.collecting import collect
from cluster.studies.campaign.engine import DASK, JOBS, run_seeds
from cluster.studies.campaign.results import Results, folder_of
from cluster.studies.campaign.shown_outcome import keep_and_show
from cluster.studies.curve.outcome import CurveOutcome
from cluster.studies.curve.plan import CurvePlan
from cluster.studies.curve.schema import CurveFile


@click.command(short_help="Figures of runs against a quantity of their configuration, as a plot.")
@click.argument("file", type=click.Path(path_type=Path))
@JOBS
@DASK
@click.option("--json", "as_json", is_flag=True, help="Print curve.json on stdout instead of tables.")
@click.option(
    "--replay", type=click.IntRange(0), metavar="NUMBER", help="Run this one with a full trace, and keep it."
)
@OUT
def curve(  # noqa: PLR0917 (click passes options so)
    file: Path,
    jobs: int | None,
    scheduler: str | None,
    as_json: bool,  # noqa: FBT001
    replay: int | None,
    out: Path | None,
) -> int:
    """Run every point of FILE in virtual time, and show its figures, beside those of a paper.

    Results lie in curves/NAME-SHA, or in the folder of --out: results.jsonl (a line for each run), curve.json
    and report.html. What was stopped goes on when the same command is given again.
    """
    plan = CurvePlan(CurveFile.read(file))
    plan.check()  # what is wrong is said before anything runs
    if replay is not None:
        return _replay(plan, replay, out)
    folder = out or folder_of("curves", plan.header())
    with closing(Results(folder / "results.jsonl", plan.header())) as results:
        records = run_seeds(plan, results.missing(plan.numbers), jobs, scheduler)
        interrupted = collect(records, results, plan.numbers, plan.replay_command)
        outcome = CurveOutcome.of(plan, sorted(results.records(), key=lambda each: each["seed"]))
    keep_and_show(outcome, folder, as_json=as_json)
    ended = [Verdict.unknown] if interrupted else []
    return Verdict.all_of([*map(Verdict, outcome.verdicts), *ended]).exit_code


def _replay(plan: CurvePlan, number: int, out: Path | None) -> int:
    if number not in plan.numbers:
        raise click.UsageError(f"no run {number}; one of 0 to {len(plan.numbers) - 1}")
    cluster = plan.case(number).cluster()
    options = SessionOptions(driver="simulated", out=out, trace=True)
    return run_and_show(Session(cluster, options, Progress(ProgressConsole())))
