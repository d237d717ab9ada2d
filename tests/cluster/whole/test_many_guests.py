"""A host of several hundred guests: what it says of itself comes through in parts."""

from collections.abc import Callable
from itertools import chain

from actors.messages import CODEC
from actors.reading_messages import MessagePart, Statistics
from actors.runtime.codec import MAX_FRAME_BYTES
from actors.runtime.machine import Machine
from actors.runtime.simulated_actor import Tap
from actors.runtime.simulation import Simulation
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.readings import Readings
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.drivers.simulated import RunObserver, run_simulated

GUESTS = 300
MANY = f"""
name: many
run: {{duration: 1s}}
metrics: {{interval: 100ms}}
hosts:
  - name: host0
    memory: 4GiB
    disks: [{{name: sda}}]
    guests:
      - name: web
        count: {GUESTS}
        memory: 4MiB
        disks: [{{vdev: xvda, size: 1MiB}}]
        workload: {{kind: random, rate: 1/s}}
"""


class Listener(RunObserver):
    """Keeps the length of each answer that comes in parts or in one."""

    def __init__(self) -> None:
        self.lengths: dict[type, list[int]] = {Statistics: [], MessagePart: []}
        self.readings: Readings

    def begins(self, simulation: Simulation, supervisor: Supervisor) -> None:
        self.readings = supervisor.lab.readings

    def tap(self, address: str, _machine: Machine) -> Tap | None:
        return self.hear if address == "supervisor" else None

    def hear(self, message: object) -> None:
        if type(message) in self.lengths:
            self.lengths[type(message)].append(len(CODEC.encode(message)))

    def has_all(self) -> bool:
        """Whether everything is there that the two who say most say of all guests."""
        return len(self.readings.domains) == GUESTS + 1 and len(self.readings.backends) == GUESTS


def test_statistics_of_a_large_host_come_through_within_the_frame_limit(
    load: Callable[..., ResolvedCluster],
) -> None:
    listener = Listener()
    run_simulated(
        load(text=MANY), lambda *_: None, None, trace=False, observer=listener, stop=listener.has_all
    )

    assert listener.has_all()
    assert len(listener.lengths[MessagePart]) >= 2
    assert max(chain(*listener.lengths.values())) < MAX_FRAME_BYTES
