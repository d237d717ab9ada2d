"""The spare of a domain on the board: started beside it, promoted, and dead at any time."""

from collections.abc import Callable

import pytest

from actors.messages import (
    DomainEvent,
    DomainStopped,
    MachineHalt,
    PromoteSpare,
    StartDomain,
    StartSpare,
    StopDomain,
)
from actors.runtime.machine import Connect, Effect, Kill, Rename, Send, Spawn
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.domain_processes import DomainChange
from cluster.lab.experiment.host_board import HostBoard

HYPERVISOR, DOM0, SPARE = "host0/hypervisor", "host0/dom0", "host0/spare0"
STOPPED = [Send(HYPERVISOR, DomainStopped(0, 2))]


class Bench:
    """A board on which dom0 runs."""

    def __init__(self, cluster: ResolvedCluster) -> None:
        self.effects: list[Effect] = []
        self.changes: list[DomainChange] = []
        self.board = HostBoard(cluster.hosts[0], self.effects.append, self.changes.append)
        self.board.power_on()
        self.give(StartDomain(0, 1, bytes(16), [[0, 100, 10]]))

    def give(self, message: object) -> list[Effect]:
        self.board.received(message, 7)
        return self.take()

    def end(self, address: str, status: int = 9) -> list[Effect]:
        self.board.ended(address, status, 8)
        return self.take()

    def take(self) -> list[Effect]:
        taken, self.effects[:] = list(self.effects), []
        return taken

    def told(self) -> list[tuple[str, str, int]]:
        told, self.changes[:] = list(self.changes), []
        return [(each.name, each.what, each.incarnation) for each in told]


@pytest.fixture
def bench(load: Callable[..., ResolvedCluster]) -> Bench:
    return Bench(load(("    memory: 1GiB\n", "    memory: 2GiB\n    dom0: {spare: warm}\n")))


@pytest.fixture
def spared(bench: Bench) -> Bench:
    bench.give(StartSpare(0, 2, bytes(16), [[0, 200, 10]]))
    bench.told()
    return bench


@pytest.fixture
def promoted(spared: Bench) -> Bench:
    spared.end(DOM0)
    spared.give(PromoteSpare(0, 2))
    spared.told()
    return spared


def test_a_spare_is_wired_to_the_hypervisor_and_to_nothing_else(bench: Bench) -> None:
    bench.told()
    effects = bench.give(StartSpare(0, 2, bytes(16), [[0, 200, 10]]))
    (spawn,) = [each for each in effects if isinstance(each, Spawn)]

    assert (spawn.address, spawn.program, spawn.argument["spare"]) == (SPARE, "dom0", True)
    assert spawn.argument["extents"] == [[0, 200, 10]]
    wires = [each for each in effects if isinstance(each, Connect)]
    assert wires == [Connect("", SPARE, SPARE, "supervisor"), Connect(HYPERVISOR, "spare0", SPARE, "xen")]
    assert bench.told() == [("dom0-spare", "started", 2)]
    assert bench.board.runs(SPARE)
    assert bench.board.domains.boots == {"dom0": 1}


def test_a_spare_that_is_promoted_is_dom0_with_all_its_wires(spared: Bench) -> None:
    spared.end(DOM0)
    spared.told()
    effects = spared.give(PromoteSpare(0, 2))

    assert effects == [
        Rename(SPARE, DOM0),
        Connect("host0/sda", "dom0", DOM0, "sda"),
        Connect(HYPERVISOR, "dom0", DOM0, "xen"),
        Connect("", DOM0, DOM0, "supervisor"),
    ]
    assert spared.told() == [("dom0", "started", 2)]
    assert (spared.board.runs(DOM0), spared.board.runs(SPARE)) == (True, False)
    assert spared.board.domains.boots == {"dom0": 2}
    found = spared.board.domains.find("dom0")
    assert found is not None
    assert (found.address, found.incarnation, found.spare) == (DOM0, 2, False)
    assert spared.board.domains.find("dom0-spare") is None


def test_the_next_spare_has_the_address_of_the_last(promoted: Bench) -> None:
    promoted.give(StartSpare(0, 3, bytes(16), [[0, 100, 10]]))
    promoted.end(SPARE)

    assert (promoted.board.runs(DOM0), promoted.board.runs(SPARE)) == (True, False)
    assert promoted.told() == [("dom0-spare", "started", 3), ("dom0-spare", "ended", 3)]


def test_the_hypervisor_hears_that_a_spare_it_wanted_stopped_has_ended(spared: Bench) -> None:
    assert spared.give(StopDomain(0, 2)) == [Kill(SPARE)]
    assert spared.end(SPARE) == STOPPED
    assert spared.give(PromoteSpare(0, 2)) == STOPPED


def test_one_that_was_dead_before_it_was_promoted_is_told_to_have_ended(spared: Bench) -> None:
    spared.end(SPARE)

    assert spared.give(PromoteSpare(0, 2)) == STOPPED
    assert spared.give(StopDomain(0, 2)) == STOPPED


@pytest.mark.parametrize("known_as", [DOM0, SPARE])
def test_one_that_dies_as_it_is_promoted_is_dom0_whatever_it_is_called(
    promoted: Bench, known_as: str
) -> None:
    promoted.give(StopDomain(0, 2))

    assert promoted.end(known_as) == STOPPED
    assert promoted.told() == [("dom0", "ended", 2)]
    assert not promoted.board.runs(DOM0)


def test_a_spare_ends_in_its_own_name_and_its_suspend_is_no_end(spared: Bench) -> None:
    spared.give(DomainEvent(0, 2, "shutdown", 2))
    spared.give(DomainEvent(0, 2, "dying", 0))

    assert spared.told() == [("dom0-spare", "dying", 2)]


def test_a_spare_that_has_suspended_is_parked_until_it_is_promoted(spared: Bench) -> None:
    domains = spared.board.domains
    assert domains.spare_state == "running"
    spared.give(DomainEvent(0, 2, "shutdown", 2))
    assert (domains.spare_state, domains.promotions["dom0"]) == ("parked", 0)
    spared.end(DOM0)
    spared.give(PromoteSpare(0, 2))
    found = domains.find("dom0")
    assert found is not None
    assert (found.state, domains.promotions["dom0"], domains.spare_state) == ("running", 1, "gone")


def test_a_spare_ends_with_its_machine(spared: Bench) -> None:
    assert Kill(SPARE) in spared.give(MachineHalt("over"))
