"""What the recovery of dom0 takes is known: whoever makes it more, or much less, says so here.

What dom0 asks is exact; what happens to come together in one turn depends on the times that are drawn.
"""

from dataclasses import asdict, astuple

import pytest

from actors.dom0.control_domain import ControlDomain
from actors.runtime.machine import Machine
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster
from cluster.running.drivers.simulated import RunObserver, run_simulated
from tests.cluster.whole.laboratory import Laboratory
from tests.cluster.whole.recovery_count import Toll, count_recovery
from tests.cluster.whole.scenario import CRASH, Scenario


class BackendWitness(RunObserver):
    """Sees the backends of every dom0 when the guests are told to stop."""

    def __init__(self) -> None:
        self._dom0s: list[ControlDomain] = []
        self.recoveries: list[tuple[int, int, int]] = []

    def started(self, _address: str, machine: Machine) -> None:
        if isinstance(machine, ControlDomain):
            self._dom0s.append(machine)

    def observe(self, what: str, _text: str) -> None:
        if what == "stop":
            backends = [each for dom0 in self._dom0s for each in dom0._backends.devices.values()]
            self.recoveries = [astuple(each.recoveries) for each in backends]


TOLLS = {
    ("renegotiate", 1): Toll(25, 6, 12, 14, 80, 19, 33, 47, 42, 7),
    ("renegotiate", 4): Toll(100, 24, 48, 53, 308, 37, 64, 144, 102, 7),
    ("renegotiate", 8): Toll(200, 48, 96, 104, 612, 61, 77, 262, 142, 7),
    ("resume", 1): Toll(22, 5, 7, 11, 79, 19, 31, 41, 37, 7),
    ("resume", 4): Toll(88, 20, 28, 44, 304, 37, 58, 122, 84, 7),
    ("resume", 8): Toll(176, 40, 56, 88, 604, 61, 75, 231, 129, 7),
    ("spare", 1): Toll(0, 0, 1, 3, 14, 34, 58, 61, 49, 6),
    ("spare", 4): Toll(0, 0, 4, 13, 32, 49, 66, 96, 63, 6),
    ("spare", 8): Toll(0, 0, 8, 24, 56, 69, 79, 138, 83, 6),
}
"""By (way, guests)."""
WAYS = {
    "renegotiate": ({"reconnect": "renegotiate"}, "150ms"),
    "resume": ({"reconnect": "resume"}, "150ms"),
    "spare": ({"architecture": "warm-spare"}, "700ms"),
}
"""What a host is like, and when dom0 dies: a spare is there half a second after dom0."""


def cluster_of(laboratory: Laboratory, way: str, guests: int) -> ResolvedCluster:
    host, at = WAYS[way]
    scenario = Scenario(
        "recovery",
        host={**host, "memory": "128MiB"},
        guest={"count": guests, "vitals": "0s"},
        work={"rate": "10/s", "depth": 1},
        faults=({**CRASH, "at": at},),
        duration="600ms" if at == CRASH["at"] else "1100ms",
    )
    return load_cluster(laboratory.write(scenario))


@pytest.mark.parametrize(("way", "guests"), TOLLS, ids=str)
def test_a_recovery_takes_no_more_than_it_did(laboratory, way: str, guests: int) -> None:
    known, counted = TOLLS[way, guests], count_recovery(cluster_of(laboratory, way, guests))

    exact = "dom0_requests", "dom0_calls_waited_for"
    assert [getattr(counted, each) for each in exact] == [getattr(known, each) for each in exact]
    for name, value in asdict(counted).items():
        before = getattr(known, name)
        assert 0.8 * before <= value <= 1.1 * before, f"{name}: {counted}"


@pytest.mark.parametrize(("reconnect", "counted"), [("renegotiate", (0, 1, 0)), ("resume", (1, 0, 0))])
def test_every_guest_that_lived_on_is_counted_by_the_backend_that_has_it_now(
    laboratory, reconnect: str, counted: tuple[int, int, int]
) -> None:
    witness = BackendWitness()
    run_simulated(cluster_of(laboratory, reconnect, 2), witness.observe, None, trace=False, observer=witness)

    assert witness.recoveries == [(0, 0, 0)] * 2 + [counted] * 2


def test_a_guest_more_takes_the_same_as_the_one_before() -> None:
    for way in WAYS:
        one, four, eight = (TOLLS[way, guests] for guests in (1, 4, 8))
        assert eight.guest_requests <= 8 * (one.guest_requests + 1), "now and then one looks once more"
        more = (eight.dom0_requests - four.dom0_requests) / 4
        assert more == (four.dom0_requests - one.dom0_requests) / 3
        assert one.supervisor_messages == eight.supervisor_messages, "guests say nothing to it"
