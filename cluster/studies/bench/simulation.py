"""Figures of the simulated driver: what a busy host takes, with and without invariants, and a reference.

Times are those of the processor, since one process does it all. They are told by events and by work, the
requests of guests, where fewer events for the same work show. The floor is what the driver alone does, with
actors that only send back what they get.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from actors.messages import PowerButton
from actors.runtime.distribution import UNIFORM, Distribution, Draw
from actors.runtime.machine import Effect, Event, Machine, Send
from actors.runtime.simulation import Simulation
from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.verdict.report import facts_of, report_of
from cluster.running.drivers.simulated import RunObserver, run_simulated

ECHO_EVENTS: Final = 200_000
ECHO_PAIRS: Final = 8
LATENCY_NS: Final = 15_000

_HOST: Final = """\
name: {name}
run: {{duration: {duration}, settle: 10s}}
hosts:
  - name: host0
    memory: 1GiB
    hwdom: restart
    disks: [{{name: sda}}]
    guests:
      - name: web
        count: 8
        memory: 32MiB
        on_crash: restart
        disks: [{{vdev: xvda, size: 1MiB}}]
        workload: {{kind: random, depth: {depth}, read_share: 0.3, flush_every: 16, rate: {rate}/s}}
faults:
  - {{kind: crash, target: host0/dom0, {crashes}}}
"""
BUSY: Final = _HOST.format(name="busy", duration="1s", depth=16, rate=1000, crashes="at: 500ms")
REFERENCE: Final = _HOST.format(
    name="reference", duration="60s", depth=4, rate=10, crashes="at: 5s, every: 8s, count: 5"
)


class _Counter(RunObserver):
    """Remembers the simulation, for its counters."""

    simulation: Simulation

    def begins(self, simulation: Simulation, supervisor: Supervisor) -> None:  # noqa: ARG002
        self.simulation = simulation


@dataclass(frozen=True, slots=True)
class SimulatedRun:
    """Its events, the requests of its guests that were answered, and the seconds of one core it took."""

    events: int
    requests: int
    seconds: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def request_us(self) -> float:
        """Microseconds of processor time for each request."""
        return self.seconds / self.requests * 1e6


def busy_run(*, invariants: bool) -> SimulatedRun:
    """A host with eight busy guests whose dom0 crashes once."""
    return _simulate(BUSY, invariants=invariants)


def reference_run() -> SimulatedRun:
    """60 virtual seconds of a host with eight guests and five crashes, with verdict."""
    return _simulate(REFERENCE, invariants=False)


def echo_rate() -> float:
    """Events a second of the driver alone: pairs of actors that send back what they get."""
    simulation = Simulation(1, latency=_latency)
    for pair in range(ECHO_PAIRS):
        for end in ("one", "other"):
            simulation.spawn(f"{end}{pair}", _Echo())
        simulation.connect(f"one{pair}", "peer", f"other{pair}", "peer")
    began_s = time.process_time()
    while simulation.nr_events < ECHO_EVENTS:
        simulation.step()
    return simulation.nr_events / (time.process_time() - began_s)


class _Echo(Machine):
    def handle(self, event: Event, now_ns: int) -> list[Effect]:  # noqa: ARG002
        return [Send("peer", PowerButton())]


def _latency(_source: str, _destination: str, random: Random) -> Draw:
    return Distribution(UNIFORM, (LATENCY_NS, 2 * LATENCY_NS)).drawn_from(random)


def _simulate(text: str, *, invariants: bool) -> SimulatedRun:
    with tempfile.TemporaryDirectory(prefix="domzero-bench-") as folder:
        file = Path(folder) / "bench.yaml"
        file.write_text(text)
        cluster = load_cluster(file)
    counter = _Counter()
    began_s = time.process_time()
    supervisor, read_volume = run_simulated(
        cluster, lambda _what, _text: None, None, trace=False, invariants=invariants, observer=counter
    )
    ran_s = time.process_time()
    report = report_of(facts_of(cluster, "simulated", supervisor), read_volume)
    if report.exit_code:
        raise RuntimeError(f"the {cluster.name} cluster did not hold: {report.verdict.value}")
    ended_s = time.process_time() if cluster.name == "reference" else ran_s
    requests = sum(each.completed for each in supervisor.lab.guests.values())
    return SimulatedRun(counter.simulation.nr_events, requests, ended_s - began_s)
