"""`domzero bench`: every figure with the floor that it is to be held against, measured in the same run.

Each figure is the median of at least five repeats, pinned to one core and free. A floor is what the
same exchange costs with nothing of ours in it (`floors.py`); that of `xenstore.read.loaded` is the same read
before the load.
"""

import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import median

import click
import msgpack
import trio
from rich.console import Console

from cluster.lab.terminal.table import Table, number, text
from cluster.studies.bench.floors import measure, pinned
from cluster.studies.bench.host import GuestCost, guest_cost, random_reads, recovery, spawn_floor
from cluster.studies.bench.hypercalls import (
    CALLS,
    IN_FLIGHT,
    ROUND_TRIPS,
    event_rate,
    hypercall_rate,
    hypercall_round_trip,
)
from cluster.studies.bench.simulation import echo_rate, reference_seconds
from cluster.studies.bench.simulation import event_rate as simulated_rate
from cluster.studies.bench.xenstore import LoadedReads, read_floor, reads, transaction_floor, transactions

COLUMNS = (
    *(text("benchmark"), text("mode"), number("median"), number("min"), number("max")),
    *(text("unit"), number("floor"), number("ratio")),
)
MODES = ("one-core", "free")
ONE_CORE = MODES[:1]
_OF_GUESTS = ("guest.boot", "guest.memory")
GUESTS = (1, 8, 32)
READ_HOPS = 7
"""Between processes: guest, hypervisor (and IO-APIC), dom0, disk, hypervisor, dom0, hypervisor, guest."""


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: median, least and greatest of its repeats, and its floor."""

    name: str
    mode: str
    unit: str
    median: float
    min: float
    max: float
    floor: float | None
    ratio: float | None

    @classmethod
    def of(cls, name: str, mode: str, unit: str, values: list[float], floors: list[float]) -> "Result":
        """The figure out of its repeats; the ratio is ours over the floor's."""
        floor = median(floors) if floors else None
        middle = median(values)
        return cls(
            name, mode, unit, middle, min(values), max(values), floor, middle / floor if floor else None
        )


@dataclass(slots=True)
class Measurements:
    """All figures of one run of the benchmark."""

    machine: dict[str, object]
    results: list[Result] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """As `--json` prints them."""
        return {"machine": self.machine, "results": [asdict(each) for each in self.results]}

    def print_table(self, console: Console) -> None:
        """As people read them."""
        table = Table(*COLUMNS)
        for each in self.results:
            floor = "" if each.floor is None else f"{each.floor:,.1f}"
            ratio = "" if each.ratio is None else f"{each.ratio:.2f}"
            table.add(
                each.name,
                each.mode,
                f"{each.median:,.1f}",
                f"{each.min:,.1f}",
                f"{each.max:,.1f}",
                each.unit,
                floor,
                ratio,
            )
        table.print(console)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A figure to take: `measure` and `floor` give one value each time they are called."""

    name: str
    unit: str
    measure: Callable[[], float]
    floor: Callable[[], float] | None = None
    modes: tuple[str, ...] = MODES


def benchmarks() -> list[Benchmark]:
    """Every benchmark, in the order in which they run."""
    single = [
        Benchmark("hypercall.rtt", "us", hypercall_round_trip, partial(_round_trip_floor, "lowlevel")),
        Benchmark(
            "hypercall.rtt.blocking", "us", hypercall_round_trip, partial(_round_trip_floor, "blocking")
        ),
        Benchmark("hypercall.rate", "1/s", hypercall_rate, partial(_rate_floor, "lowlevel")),
        Benchmark("hypercall.rate.blocking", "1/s", hypercall_rate, partial(_rate_floor, "blocking")),
        Benchmark("event.rate", "1/s", event_rate),
        Benchmark("vbd.randread.qd1", "us", lambda: random_reads(1).latency_us, _hops_floor),
        Benchmark("vbd.randread.qd32", "1/s", lambda: random_reads(32).rate),
    ]
    loaded = LoadedReads()
    xenstore = [
        Benchmark("xenstore.read", "us", reads, read_floor),
        Benchmark("xenstore.read.loaded", "us", loaded.measure, loaded.floor),
        Benchmark("xenstore.transaction", "us", transactions, transaction_floor),
    ]
    recoveries = [
        Benchmark(
            f"recovery.{policy}.{count}", "ms", partial(recovery, policy, count), spawn_floor, ("free",)
        )
        for policy in ("renegotiate", "resume")
        for count in GUESTS
    ]
    simulation = [
        Benchmark("simulation.rate", "1/s", partial(simulated_rate, invariants=False), echo_rate, ONE_CORE),
        Benchmark(
            "simulation.rate.checked", "1/s", partial(simulated_rate, invariants=True), echo_rate, ONE_CORE
        ),
        Benchmark("simulation.reference", "s", reference_seconds, modes=ONE_CORE),
    ]
    return [*single, *xenstore, *recoveries, *simulation]


def benchmark_names() -> list[str]:
    """The names of all figures, in the order in which they are taken."""
    return [*(each.name for each in benchmarks()), *_OF_GUESTS]


def run_benchmarks(*, only: str, repeats: int, console: Console) -> Measurements:
    """Take every figure whose name begins with `only`."""
    results = Measurements(_machine())
    known = benchmark_names()
    if not any(name.startswith(only) for name in known):
        raise click.UsageError(f"no benchmark begins with {only!r}; there are {', '.join(known)}")
    for each in benchmarks():
        if each.name.startswith(only):
            for mode in each.modes:
                console.print(f"{each.name} ({mode})", highlight=False)
                results.results.append(_take(each, mode, repeats))
    if any(name.startswith(only) for name in _OF_GUESTS):
        console.print("guest.boot, guest.memory (free)", highlight=False)
        costs = [guest_cost() for _ in range(repeats)]
        results.results.extend(_guest_results(costs, only))
    return results


def _take(benchmark: Benchmark, mode: str, repeats: int) -> Result:
    values, floors = [], []
    with pinned(one_core=mode == "one-core"):
        for _ in range(repeats):
            values.append(benchmark.measure())
            if benchmark.floor is not None:
                floors.append(benchmark.floor())
    return Result.of(benchmark.name, mode, benchmark.unit, values, floors)


def _guest_results(costs: list[GuestCost], only: str) -> list[Result]:
    results = [
        Result.of(
            "guest.boot", "free", "ms", [each.boot_ms for each in costs], [each.fork_ms for each in costs]
        ),
        Result.of("guest.memory", "free", "MB", [each.memory_mb for each in costs], []),
    ]
    return [each for each in results if each.name.startswith(only)]


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
