"""Many seeds on the cores of this machine.

Rules: the parent alone writes results; a worker that dies takes nothing with it but what it had in hand,
which is run again seed by seed, and a seed that kills its process twice is a failure of its own. An
interruption ends the workers and loses nothing that was written.
"""

import gc
import multiprocessing
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from typing import Final, Protocol

from cluster.studies.campaign.trial import Record

SEEDS_AT_ONCE: Final = 8
PENDING_PER_WORKER: Final = 3
DIED: Final = "the process of this trial died"


class Plan(Protocol):
    """Whatever is done seed by seed; it is sent to other processes."""

    def record(self, seed: int, /) -> Record:
        """Run a seed."""

    def died(self, seed: int, /) -> Record:
        """The record of a seed whose process did not live to tell."""


_plans: dict[str, Plan] = {}
"""The plan of this worker process, which is made ready once."""


def run_here(plan: Plan, seeds: list[int]) -> Iterator[Record]:
    """Run seeds in this process, one after the other.

    Cycles are collected between seeds, not in them: what lives as long as a seed would be looked at again and
    again, for a fifth of the time.
    """
    for seed in seeds:
        with _uncollected():
            record = plan.record(seed)
        yield record


@contextmanager
def _uncollected() -> Iterator[None]:
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
        gc.collect()


def run_on_cores(plan: Plan, seeds: list[int], jobs: int) -> Iterator[Record]:
    """Run seeds in processes of their own; records come as they are done."""
    chunks = _chunks(seeds, SEEDS_AT_ONCE)
    while True:
        unfinished = yield from _one_pool(plan, chunks, jobs)
        if unfinished is None:
            return
        suspects = iter([[seed] for chunk in unfinished for seed in chunk])
        while (killer := (yield from _one_pool(plan, suspects, 1, ahead=1))) is not None:
            yield plan.died(killer[0][0])


def _one_pool(
    plan: Plan, chunks: Iterator[list[int]], jobs: int, ahead: int = PENDING_PER_WORKER
) -> Generator[Record, None, list[list[int]] | None]:
    """Run chunks until there are no more (None), or until a worker dies: then those that are not done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    resource_tracker.ensure_running()  # which unblocks SIGINT as it starts
    with _uninterrupted():
        forkserver.ensure_running()
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(plan,))
    pending: dict[Future[list[Record]], list[int]] = {}
    chunk: list[int] = []
    try:
        while True:
            while len(pending) < jobs * ahead and (chunk := next(chunks, [])):
                pending[pool.submit(_run_chunk, chunk)] = chunk
                chunk = []
            if not pending:
                return None
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                yield from future.result()
                del pending[future]
    except BrokenProcessPool:
        return [each for each in (*pending.values(), chunk) if each]
    finally:
        _end(pool)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What is started here never sees Ctrl-C, not even while it imports; this process does, afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(plan: Plan) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is asked, and tells
    _plans["here"] = plan
    gc.freeze()  # modules stay, and need no looking at between seeds


def _run_chunk(seeds: list[int]) -> list[Record]:
    return list(run_here(_plans["here"], seeds))


def _end(pool: ProcessPoolExecutor) -> None:
    """End the workers now; what they have in hand is not wanted any more."""
    workers = list((pool._processes or {}).values())  # noqa: SLF001 (`kill_workers` came with Python 3.14)
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()


def _chunks(seeds: list[int], size: int) -> Iterator[list[int]]:
    left = iter(seeds)
    while chunk := list(islice(left, size)):
        yield chunk
