"""The commands of a campaign: sweep, replay, shrink.

Exit codes as everywhere: 0 all held, 1 something failed, 2 unknown (an interrupted sweep is), 254 usage.
"""

import os
from contextlib import closing
from pathlib import Path

import click
from rich.markup import escape

from cluster.lab.config.yaml_source import YamlSource
from cluster.lab.exit_codes import FAILED, HELD, UNKNOWN
from cluster.lab.terminal.data_console import DataConsole
from cluster.lab.verdict.check import Verdict
from cluster.running.run.about import FILE as ABOUT
from cluster.running.run.about import About
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.run_lock import held
from cluster.running.run.shown_report import OUT
from cluster.studies.campaign.case import Case
from cluster.studies.campaign.collecting import collect
from cluster.studies.campaign.engine import DASK, JOBS, run_seeds
from cluster.studies.campaign.generator import kinds as known_kinds
from cluster.studies.campaign.planted import BUGS
from cluster.studies.campaign.results import Results
from cluster.studies.campaign.seeds import of_shard, parse_seeds, parse_shard
from cluster.studies.campaign.shrink import NothingFails, Shrinker
from cluster.studies.campaign.summary import SweepSummary, failure_text
from cluster.studies.campaign.sweep_settings import SweepSettings
from cluster.studies.campaign.trial import Finished

FILE = click.argument("file", type=click.Path(path_type=Path))
KIND = click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="Only faults of this kind; may be given more than once.",
)
AS_WRITTEN = click.option(
    "--as-written", is_flag=True, help="With the faults and predictions of the file, not generated ones."
)
PLANT = click.option(
    "--plant", default="", type=click.Choice(["", *BUGS]), hidden=True, help="With this bug in it."
)
SEED = click.IntRange(0, (1 << 64) - 1)


def _seeds(_: click.Context, __: click.Parameter, value: str) -> range:
    try:
        return parse_seeds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _shard(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int]:
    try:
        return (1, 1) if value is None else parse_shard(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _writable(_: click.Context, __: click.Parameter, value: Path | None) -> Path | None:
    """Refuse before the work what could not be written after it."""
    if value is not None:
        there = value if value.exists() else value.parent
        if value.is_dir() or not os.access(there, os.W_OK):
            raise click.BadParameter(f"{value} cannot be written; name a file in a folder that exists")
    return value


@click.command(short_help="Run thousands of fault schedules in virtual time.")
@FILE
@click.option(
    "--seeds",
    callback=_seeds,
    default="0:1000",
    show_default=True,
    metavar="FIRST:END",
    help="Which seeds; END is not among them. Or one.",
)
@JOBS
@click.option("--shard", callback=_shard, metavar="I/N", help="Only the I-th of N parts of the seeds.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Results, a line for each seed; what is in it already is not run again.",
)
@DASK
@KIND
@AS_WRITTEN
@click.option("--no-invariants", is_flag=True, help="Do not check every machine after every turn.")
@PLANT
def sweep(  # noqa: PLR0917 (click passes options so)
    file: Path,
    seeds: range,
    jobs: int | None,
    shard: tuple[int, int],
    out: Path | None,
    scheduler: str | None,
    kinds: tuple[str, ...],
    as_written: bool,  # noqa: FBT001
    no_invariants: bool,  # noqa: FBT001
    plant: str,
) -> int:
    """Run FILE with a generated fault schedule for each seed, and check everything after each.

    Every seed runs its faults while the guests work, then must have every guest served again within
    `run: settle`. A sweep that was stopped goes on where it was when the same command is given again.
    """
    plan = _plan(file, kinds, plant, as_written=as_written, invariants=not no_invariants)
    wanted = of_shard(seeds, shard)
    with closing(Results(out or _default_results(plan), plan.header())) as results:
        missing = results.missing(wanted)
        records = run_seeds(plan, missing, jobs, scheduler)
        interrupted = collect(records, results, wanted, plan.replay_command)
        summary = SweepSummary()
        for record in results.records():
            if record["seed"] in wanted:
                summary.add(record)
        summary.print(DataConsole(), plan.replay_command)
        click.echo(f"results: {out or _default_results(plan)}", err=True)
    if summary.counts["failed"]:
        return FAILED
    unknown = interrupted or summary.counts["unknown"] or not summary.total
    return UNKNOWN if unknown else HELD


@click.command(short_help="Run one seed of a sweep again, with a full trace.")
@FILE
@click.option("--seed", type=SEED, required=True, metavar="N", help="Which seed.")
@OUT
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    callback=_writable,
    metavar="FILE",
    help="Write the history here as well.",
)
@KIND
@AS_WRITTEN
@PLANT
def replay(  # noqa: PLR0917 (click passes options so)
    file: Path,
    seed: int,
    out: Path | None,
    history: Path | None,
    kinds: tuple[str, ...],
    as_written: bool,  # noqa: FBT001
    plant: str,
) -> int:
    """Run one seed of a sweep again: its trace, logs, history, faults and report go to a run directory."""
    plan = _plan(file, kinds, plant, as_written=as_written)
    case = plan.case(seed)
    directory = RunDirectory.create(f"replay-{seed}", out)
    (directory.path / "images").rmdir()
    (directory.path / "journals").rmdir()
    about = About(case.cluster().name, "simulated", endless=False, trace=True, seed=seed, configuration=[])
    with held(directory.path, made_here=True):
        directory.write(ABOUT, about.text())
        finished = plan.run_case(case, directory.path)
        _write(directory, case, finished, history)
        about.end([])
        directory.write(ABOUT, about.text())
    console = DataConsole()
    if finished.report is not None:
        finished.report.print_summary(console)
    trial = finished.trial
    for name, detail in {**trial.failed, **trial.unknown}.items():
        console.print(f"[bold red]{escape(name)}[/]: {escape(detail)}", highlight=False, soft_wrap=True)
    console.print(f"seed {seed}: {trial.verdict}; {trial.events:,} events", highlight=False)
    click.echo(f"run directory: {directory.path}", err=True)
    return Verdict(trial.verdict).exit_code


@click.command(short_help="Make a failing schedule as small as it still fails.")
@FILE
@click.option("--seed", type=SEED, required=True, metavar="N", help="Which seed.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=_writable,
    metavar="FILE",
    help="Where to write it; stdout otherwise.",
)
@click.option(
    "--trials",
    type=click.IntRange(1, 100_000),
    default=500,
    show_default=True,
    metavar="N",
    help="How many candidates are run at most.",
)
@KIND
@AS_WRITTEN
@PLANT
def shrink(  # noqa: PLR0917 (click passes options so)
    file: Path,
    seed: int,
    out: Path | None,
    trials: int,
    kinds: tuple[str, ...],
    as_written: bool,  # noqa: FBT001
    plant: str,
) -> int:
    """Make the schedule of a failing seed smaller for as long as it still fails in the same check.

    What is left is a configuration file with its faults in it: `domzero replay --as-written` runs it, and so
    does `domzero run --driver simulated`.
    """
    plan = _plan(file, kinds, plant, as_written=as_written)
    shrinker = Shrinker(
        lambda case: plan.run_case(case).trial,
        lambda case, done: click.echo(f"{done:>5} trials: {_size(case)}", err=True),
        trials,
    )
    try:
        shrunk = shrinker.shrink(plan.case(seed))
    except NothingFails as error:
        raise click.UsageError(f"{error}; there is nothing to make smaller") from error
    if out is None:
        click.echo(shrunk.case.text(), nl=False)
    else:
        out.write_text(shrunk.case.text(), encoding="utf-8")
    click.echo(failure_text(shrunk.trial.to_record()), err=True)
    click.echo(f"{_size(shrunk.case)} after {shrunk.trials} trials", err=True)
    if out is not None:
        command = f"domzero replay {out} --seed {seed} --as-written" + (f" --plant {plant}" if plant else "")
        click.echo(command, err=True)
    return FAILED


def _plan(
    file: Path, kinds: tuple[str, ...], plant: str, *, as_written: bool, invariants: bool = True
) -> SweepSettings:
    unknown = [each for each in kinds if each not in known_kinds()]
    if unknown:
        raise click.UsageError(f"no fault {unknown[0]!r}; one of {', '.join(known_kinds())}")
    plan = SweepSettings(YamlSource.read(file), kinds, as_written, plant, invariants)
    plan.base.cluster()
    if not as_written and not plan.generator.kinds:
        raise click.UsageError(f"{file}: no fault can be made here that everybody recovers from")
    return plan


def _default_results(plan: SweepSettings) -> Path:
    header = plan.header()
    return Path("sweeps") / f"{header['name']}-{header['sha256'][:8]}.jsonl"


def _write(directory: RunDirectory, case: Case, finished: Finished, history: Path | None) -> None:
    lines = "".join(f"{line}\n" for line in finished.witness.history.lines())
    directory.write("history.jsonl", lines)
    directory.write("case.yaml", case.text())
    if finished.report is not None:
        directory.write_report(finished.report)
    if history is not None:
        history.write_text(lines, encoding="utf-8")


def _size(case: Case) -> str:
    cluster = case.cluster()
    guests = sum(len(host.guests) for host in cluster.hosts)
    return (
        f"{len(case.faults)} faults, {len(cluster.hosts)} hosts, {guests} guests, "
        f"{cluster.duration_ns / 1e9:g} s of work"
    )


def add_commands(group: click.Group) -> None:
    """Give a command line the commands of a campaign."""
    for command in (sweep, replay, shrink):
        group.add_command(command)
