"""Many seeds on a Dask cluster: the workers of many machines, with Domzero installed on each.

Rules: a seed's record is a function of the plan, so a task that ran twice gives the same record, and the
results count a seed once; a task whose workers die is run again elsewhere, some times. What cannot be done
comes back as a failure of that seed, never as silence.
"""

import importlib
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from cluster.running.control.preflight import CannotStart
from cluster.studies.campaign.sweep import SEEDS_AT_ONCE, Plan, run_here
from cluster.studies.campaign.trial import Record

TASKS_PER_THREAD: Final = 4
RETRIES: Final = 3
CONNECT_S: Final = 30


def run_on_dask(plan: Plan, seeds: list[int], address: str) -> Iterator[Record]:
    """Run seeds on the cluster of a scheduler, `tcp://host:8786`. CannotStart if it cannot be reached."""
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise CannotStart("Dask is not installed; pip install 'domzero[dask]'") from error
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CannotStart(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        yield from _run(distributed, client, plan, seeds)


def _run(distributed: Any, client: Any, plan: Plan, seeds: list[int]) -> Iterator[Record]:  # noqa: ANN401 (untyped)
    """Keep the workers busy with a bounded number of tasks, and take what is done as it comes."""
    [shared] = client.scatter([plan], broadcast=True)
    left = iter(seeds)
    pending: dict[str, list[int]] = {}
    done = distributed.as_completed(loop=client.loop, with_results=False, raise_errors=False)
    while True:
        threads = max(1, sum(client.nthreads().values()))
        while len(pending) < threads * TASKS_PER_THREAD and (chunk := list(islice(left, SEEDS_AT_ONCE))):
            future = client.submit(run_chunk, shared, chunk, pure=False, retries=RETRIES)
            pending[future.key] = chunk
            done.add(future)
        if not pending:
            return
        future = next(done)
        chunk = pending.pop(future.key)
        yield from future.result() if future.status == "finished" else [plan.died(seed) for seed in chunk]


def run_chunk(plan: Plan, seeds: list[int]) -> list[Record]:
    """What a worker does."""
    return list(run_here(plan, seeds))
