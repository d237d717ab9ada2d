"""Every figure of `domzero bench` with the floor that it is to be held against, measured in the same run.

Each figure is the median of at least five repeats, pinned to one core and free. A floor is what the same
exchange costs with nothing of ours in it (`floors.py`); that of `xenstore.read.loaded` is the same read
before the load, and that of a simulation the driver alone.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import linear_regression

import click
from rich.console import Console

from actors.policies import Links
from cluster.studies.bench.computer import Computer
from cluster.studies.bench.floors import loop_megabytes, measure, pinned, read_us, spawn_ms
from cluster.studies.bench.host import GUESTS as WEIGHED
from cluster.studies.bench.host import RECOVERIES, guest_cost, random_reads, recovery
from cluster.studies.bench.hypercalls import (
    CALLS,
    CHANNELS,
    IN_FLIGHT,
    ROUND_TRIPS,
    event_rate,
    hypercall_rate,
    hypercall_round_trip,
)
from cluster.studies.bench.network import round_trip_us, small_packets, stream_bits
from cluster.studies.bench.relay import relayed_bits, relayed_messages, relayed_round_trip_us
from cluster.studies.bench.results import PER_SECOND, Measurements, Result, Sample
from cluster.studies.bench.simulation import busy_run, echo_rate, reference_run
from cluster.studies.bench.xenstore import LoadedReads, read_floor, reads, transaction_floor, transactions

MODES = ("one-core", "free")
ONE_CORE, FREE = MODES[:1], MODES[1:]
GUESTS = (1, 8, 32)
DEPTH = 32
READ_HOPS = 7
"""Between processes: guest, hypervisor (and IO-APIC), dom0, disk, hypervisor, dom0, hypervisor, guest."""
DIRECT_READ_HOPS = 5
"""The same with direct links: guest, dom0, disk, hypervisor, dom0, guest."""
GUEST_TO_GUEST = 4
"""Processes that a packet between two guests meets: guest, hypervisor, dom0, guest."""
PACKET = 106
"""Bytes of a datagram of 64 with its headers, on the wire."""
ECHOES = 3000
RELAYED_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is measured together: `figures` are (name, unit), and `measure` gives a sample of each."""

    figures: tuple[tuple[str, str], ...]
    measure: Callable[[], Sequence[Sample]]
    modes: tuple[str, ...] = MODES

    def names(self, *prefixes: str) -> list[str]:
        """The names of its figures that begin with one of these."""
        return [name for name, _ in self.figures if name.startswith(prefixes or "")]


def benchmarks() -> list[Benchmark]:
    """Every benchmark, in the order in which they run."""
    loaded = LoadedReads()
    return [
        # First: what this process has loaded and left behind by then is shared by those that it forks.
        Benchmark((("guest.boot", "ms"), ("guest.memory", "MB")), _guest, FREE),
        _one("hypercall.rtt", "us", hypercall_round_trip, partial(_round_trip_us, "lowlevel")),
        _one("hypercall.rtt.blocking", "us", hypercall_round_trip, partial(_round_trip_us, "blocking")),
        _one("hypercall.rate", PER_SECOND, hypercall_rate, partial(_echoes, "lowlevel", IN_FLIGHT)),
        _one("hypercall.rate.blocking", PER_SECOND, hypercall_rate, partial(_echoes, "blocking", IN_FLIGHT)),
        _one("event.rate", PER_SECOND, event_rate, partial(_echoes, "lowlevel", CHANNELS)),
        *_reads("", Links.hypervisor, READ_HOPS),
        *_reads(".direct", Links.direct, DIRECT_READ_HOPS),
        _one("xenstore.read", "us", reads, read_floor),
        _one("xenstore.read.loaded", "us", loaded.measure, loaded.floor),
        _one("xenstore.transaction", "us", transactions, transaction_floor),
        _one("net.stream", PER_SECOND, stream_bits, partial(relayed_bits, GUEST_TO_GUEST, RELAYED_BYTES)),
        _one(
            "net.packets", PER_SECOND, small_packets, partial(relayed_messages, GUEST_TO_GUEST, PACKET, CALLS)
        ),
        _one("net.rtt", "us", round_trip_us, partial(relayed_round_trip_us, GUEST_TO_GUEST, PACKET, ECHOES)),
        *(_recovery(way) for way in RECOVERIES),
        _simulation("", invariants=False),
        _simulation(".checked", invariants=True),
        Benchmark((("simulation.reference", "s"),), _reference, ONE_CORE),
    ]


def benchmark_names() -> list[str]:
    """The names of all figures, in the order in which they are taken."""
    return [name for each in benchmarks() for name in each.names()]


def run_benchmarks(*, only: Sequence[str], repeats: int, console: Console) -> Measurements:
    """Take every figure whose name begins with one of `only`."""
    results = Measurements(Computer.here())
    known = benchmark_names()
    for prefix in only:
        if not any(name.startswith(prefix) for name in known):
            raise click.UsageError(f"no benchmark begins with {prefix!r}; there are {', '.join(known)}")
    for each in benchmarks():
        if names := each.names(*only):
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


def _one(name: str, unit: str, measure: Callable[[], float], floor: Callable[[], float]) -> Benchmark:
    """A figure that is measured by itself."""
    return Benchmark(((name, unit),), lambda: [Sample(measure(), floor())])


def _reads(name: str, links: Links, hops: int) -> list[Benchmark]:
    """Block reads one after the other, and many at a time."""
    one, many = partial(random_reads, 1, links), partial(random_reads, DEPTH, links)
    return [
        _one(f"vbd.randread.qd1{name}", "us", lambda: one().latency_us, partial(_batch_us, 1, hops)),
        _one(
            f"vbd.randread.qd32{name}",
            PER_SECOND,
            lambda: many().rate,
            lambda: DEPTH / _batch_us(DEPTH, hops) * 1e6,
        ),
    ]


def _recovery(way: str) -> Benchmark:
    """Recovery of few and of many guests, and what each further one adds."""

    def measure() -> list[Sample]:
        took_ms = [recovery(RECOVERIES[way], count) for count in GUESTS]
        slope_ms, floor_ms = linear_regression(GUESTS, took_ms).slope, spawn_ms()
        return [Sample(each, floor_ms) for each in (*took_ms, slope_ms)]

    figures = [(f"recovery.{way}.{count}", "ms") for count in GUESTS]
    return Benchmark((*figures, (f"recovery.{way}.slope", "ms")), measure, FREE)


def _simulation(name: str, *, invariants: bool) -> Benchmark:
    """A busy host by events and by work; the driver alone would hand on the messages of as many reads."""

    def measure() -> list[Sample]:
        run, echoes = busy_run(invariants=invariants), echo_rate()
        return [Sample(run.rate, echoes), Sample(run.request_us, READ_HOPS / echoes * 1e6)]

    figures = ((f"simulation.rate{name}", PER_SECOND), (f"simulation.request{name}", "us"))
    return Benchmark(figures, measure, ONE_CORE)


def _reference() -> list[Sample]:
    run = reference_run()
    return [Sample(run.seconds, run.requests * READ_HOPS / echo_rate())]


def _guest() -> list[Sample]:
    cost = guest_cost()
    return [Sample(cost.boot_ms, spawn_ms()), Sample(cost.memory_mb, loop_megabytes(WEIGHED))]


def _round_trip_us(make: str) -> float:
    return measure(make, 1, ROUND_TRIPS, one_core=_on_one_core()) / ROUND_TRIPS * 1e6


def _echoes(make: str, depth: int) -> float:
    """Echoes a second with so many under way."""
    return CALLS / measure(make, depth, CALLS, one_core=_on_one_core())


def _batch_us(depth: int, hops: int) -> float:
    """One batch of reads: a bare message for each hop from guest to disk and back, and the file."""
    return hops / 2 * _round_trip_us("lowlevel") + read_us(depth)


def _on_one_core() -> bool:
    return len(os.sched_getaffinity(0)) == 1
