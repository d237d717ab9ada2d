"""What guests have asked while dom0 was dead is not done before all of them are connected to the new one."""

from collections.abc import Sequence

import pytest

from actors.block.blkback import Blkback
from actors.dom0.control_domain import ControlDomain
from actors.runtime.machine import Effect, Event, Machine
from actors.runtime.simulation import Simulation
from cluster.lab.config.loading import load_cluster
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.drivers.simulated import RunObserver, run_simulated
from tests.cluster.whole.laboratory import Laboratory
from tests.cluster.whole.scenario import CRASH, Scenario

GUESTS = 6


class OrderWitness(RunObserver):
    """Sees how many rings the new dom0 has when it takes the first request."""

    def __init__(self) -> None:
        self._dom0: ControlDomain | None = None
        self._boots = 0
        self.connected: int | None = None

    def begins(self, simulation: Simulation, _supervisor: Supervisor) -> None:
        simulation._trace = self

    def started(self, _address: str, machine: Machine) -> None:
        if isinstance(machine, ControlDomain):
            self._dom0 = machine
            self._boots += 1

    def record(self, _time_ns: int, _actor: str, _event: Event | str, _effects: Sequence[Effect]) -> None:
        """As the simulation calls its trace."""
        if self._boots < 2 or self.connected is not None or self._dom0 is None or not self._dom0._backends:
            return
        devices = [each for each in self._dom0._backends.devices.values() if isinstance(each, Blkback)]
        if any(each.statistics().requests or each.statistics().in_flight for each in devices):
            self.connected = sum(each.attached for each in devices)


@pytest.mark.parametrize("reconnect", ["renegotiate", "resume"])
@pytest.mark.parametrize("guests", [1, GUESTS])
def test_all_are_connected_before_the_first_is_served(
    laboratory: Laboratory, reconnect: str, guests: int
) -> None:
    scenario = Scenario(
        "order",
        host={"reconnect": reconnect, "memory": "128MiB"},
        guest={"count": guests, "vitals": "0s"},
        work={"rate": "2000/s", "depth": 8},
        faults=(CRASH,),
        duration="600ms",
    )
    witness = OrderWitness()
    run_simulated(
        load_cluster(laboratory.write(scenario)), lambda *_: None, None, trace=False, observer=witness
    )

    assert witness.connected == guests
