"""`domzero bench`: every figure with the floor that it is to be held against, measured in the same run.

Each figure is the median of at least five repeats, pinned to one core and free. A floor is what the
same exchange costs with nothing of ours in it (`floors.py`); that of `xenstore.read.loaded` is the same read
before the load.
"""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import linear_regression

import click
import msgpack
import trio
from rich.console import Console

from cluster.studies.bench.floors import measure, pinned
from cluster.studies.bench.host import RECOVERIES, guest_cost, random_reads, recovery, spawn_floor
from cluster.studies.bench.hypercalls import (
    CALLS,
    IN_FLIGHT,
    ROUND_TRIPS,
    event_rate,
    hypercall_rate,
    hypercall_round_trip,
)
from cluster.studies.bench.results import Measurements, Result, Sample
from cluster.studies.bench.simulation import echo_rate, reference_seconds
from cluster.studies.bench.simulation import event_rate as simulated_rate
from cluster.studies.bench.xenstore import LoadedReads, read_floor, reads, transaction_floor, transactions

MODES = ("one-core", "free")
ONE_CORE, FREE = MODES[:1], MODES[1:]
GUESTS = (1, 8, 32)
READ_HOPS = 7
"""Between processes: guest, hypervisor (and IO-APIC), dom0, disk, hypervisor, dom0, hypervisor, guest."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is measured together: `figures` are (name, unit), and `measure` gives a sample of each."""

    figures: tuple[tuple[str, str], ...]
    measure: Callable[[], Sequence[Sample]]
    modes: tuple[str, ...] = MODES

    def names(self, prefix: str = "") -> list[str]:
        """The names of its figures that begin so."""
        return [name for name, _ in self.figures if name.startswith(prefix)]


def benchmarks() -> list[Benchmark]:
    """Every benchmark, in the order in which they run."""
    loaded = LoadedReads()
    return [
        _one("hypercall.rtt", "us", hypercall_round_trip, partial(_round_trip_floor, "lowlevel")),
        _one("hypercall.rtt.blocking", "us", hypercall_round_trip, partial(_round_trip_floor, "blocking")),
        _one("hypercall.rate", "1/s", hypercall_rate, partial(_rate_floor, "lowlevel")),
        _one("hypercall.rate.blocking", "1/s", hypercall_rate, partial(_rate_floor, "blocking")),
        _one("event.rate", "1/s", event_rate),
        _one("vbd.randread.qd1", "us", lambda: random_reads(1).latency_us, _hops_floor),
        _one("vbd.randread.qd32", "1/s", lambda: random_reads(32).rate),
        _one("xenstore.read", "us", reads, read_floor),
        _one("xenstore.read.loaded", "us", loaded.measure, loaded.floor),
        _one("xenstore.transaction", "us", transactions, transaction_floor),
        *(_recovery(way) for way in RECOVERIES),
        _one("simulation.rate", "1/s", partial(simulated_rate, invariants=False), echo_rate, ONE_CORE),
        _one("simulation.rate.checked", "1/s", partial(simulated_rate, invariants=True), echo_rate, ONE_CORE),
        _one("simulation.reference", "s", reference_seconds, modes=ONE_CORE),
        Benchmark((("guest.boot", "ms"), ("guest.memory", "MB")), _guest, FREE),
    ]


def benchmark_names() -> list[str]:
    """The names of all figures, in the order in which they are taken."""
    return [name for each in benchmarks() for name in each.names()]


def run_benchmarks(*, only: str, repeats: int, console: Console) -> Measurements:
    """Take every figure whose name begins with `only`."""
    results = Measurements(_machine())
    known = benchmark_names()
    if not any(name.startswith(only) for name in known):
        raise click.UsageError(f"no benchmark begins with {only!r}; there are {', '.join(known)}")
    for each in benchmarks():
        if names := each.names(only):
            for mode in each.modes:
                console.print(f"{', '.join(names)} ({mode})", highlight=False)
                taken = _take(each, mode, repeats)
                results.results.extend(result for result in taken if result.name in names)
    return results


def _take(benchmark: Benchmark, mode: str, repeats: int) -> list[Result]:
    with pinned(one_core=mode == "one-core"):
        taken = [benchmark.measure() for _ in range(repeats)]
    columns = zip(benchmark.figures, zip(*taken, strict=True), strict=True)
    return [Result.of(name, mode, unit, samples) for (name, unit), samples in columns]


def _one(
    name: str,
    unit: str,
    measure: Callable[[], float],
    floor: Callable[[], float] | None = None,
    modes: tuple[str, ...] = MODES,
) -> Benchmark:
    """A figure that is measured by itself."""
    return Benchmark(((name, unit),), lambda: [Sample(measure(), None if floor is None else floor())], modes)


def _recovery(way: str) -> Benchmark:
    """Recovery of few and of many guests, and what each further one adds."""

    def measure() -> list[Sample]:
        took_ms = [recovery(RECOVERIES[way], count) for count in GUESTS]
        slope_ms = linear_regression(GUESTS, took_ms).slope
        return [Sample(each, spawn_floor()) for each in (*took_ms, slope_ms)]

    figures = [(f"recovery.{way}.{count}", "ms") for count in GUESTS]
    return Benchmark((*figures, (f"recovery.{way}.slope", "ms")), measure, FREE)


def _guest() -> list[Sample]:
    cost = guest_cost()
    return [Sample(cost.boot_ms, spawn_floor()), Sample(cost.memory_mb)]


def _round_trip_floor(make: str) -> float:
    return measure(make, 1, ROUND_TRIPS, one_core=_on_one_core()) / ROUND_TRIPS * 1e6


def _hops_floor() -> float:
    """The messages of one read from guest to disk and back, each no more than a trio.lowlevel echo sends."""
    return READ_HOPS / 2 * _round_trip_floor("lowlevel")


def _rate_floor(make: str) -> float:
    return CALLS / measure(make, IN_FLIGHT, CALLS, one_core=_on_one_core())


def _on_one_core() -> bool:
    return len(os.sched_getaffinity(0)) == 1


def _machine() -> dict[str, object]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "trio": trio.__version__,
        "msgpack": ".".join(str(each) for each in msgpack.version),
    }
