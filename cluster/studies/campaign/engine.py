"""By what seeds are run: here, on the cores of this machine, or on a Dask cluster; and how that is said."""

import os
from collections.abc import Iterator
from typing import Final

import click

from cluster.studies.campaign.dask_engine import run_on_dask
from cluster.studies.campaign.sweep import Plan, run_here, run_on_cores
from cluster.studies.campaign.trial import Record

JOBS: Final = click.option(
    "--jobs", type=click.IntRange(1, 1024), metavar="N", help="Processes; as many as there are cores."
)
DASK: Final = click.option(
    "--dask", "scheduler", metavar="ADDRESS", help="On this Dask cluster (domzero[dask])."
)


def run_seeds(plan: Plan, seeds: list[int], jobs: int | None, scheduler: str | None) -> Iterator[Record]:
    """Run seeds as was asked; records come as they are done. CannotStart if there is no such cluster."""
    if scheduler is not None:
        return run_on_dask(plan, seeds, scheduler)
    if jobs == 1:
        return run_here(plan, seeds)
    return run_on_cores(plan, seeds, jobs or len(os.sched_getaffinity(0)))
