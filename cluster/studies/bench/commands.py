"""The command that measures: bench.

Exit codes of `bench --against`: 0 no ratio is worse, 1 one is, 2 not all could be compared.
"""

import json
from pathlib import Path

import click
from rich.console import Console

from cluster.lab.exit_codes import HELD
from cluster.lab.terminal.data_console import DataConsole
from cluster.studies.bench.comparison import compare
from cluster.studies.bench.figures import run_benchmarks
from cluster.studies.bench.results import Measurements


@click.command(short_help="Measure hypercalls, I/O, boot and recovery.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON on stdout.")
@click.option(
    "--only",
    metavar="PREFIX",
    multiple=True,
    help="Only benchmarks whose name begins so, e.g. `vbd.`; may be given more than once.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="How often each is measured; the median counts.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compare ratios with those of a recorded run, as --json prints one.",
)
@click.option(
    "--margin",
    type=click.FloatRange(1),
    default=1.1,
    show_default=True,
    help="How many times worse a ratio may be that is worse beyond noise.",
)
def bench(
    as_json: bool,  # noqa: FBT001
    only: tuple[str, ...],
    repeats: int,
    against: Path | None,
    margin: float,
) -> int:
    """Measure hypercalls, events, block I/O, XenStore, boot, recovery, simulation, each beside a floor.

    With --against exit codes are: 0 no ratio is worse, 1 one is, 2 something could not be compared.
    """
    recorded = None if against is None else Measurements.read(against)
    results = run_benchmarks(only=only, repeats=repeats, console=Console(stderr=True))
    shown = results.to_dict()
    comparison = None if recorded is None else compare(recorded, results, only=only, margin=margin)
    if as_json:
        click.echo(json.dumps(shown if comparison is None else shown | comparison.to_dict(), indent=2))
        return HELD if comparison is None else comparison.exit_code
    if comparison is None:
        results.print_table(DataConsole())
        return HELD
    comparison.print_table(DataConsole())
    return comparison.exit_code
