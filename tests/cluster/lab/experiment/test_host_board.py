from collections.abc import Callable

import pytest

from actors.messages import (
    ConsoleInput,
    ConsoleOutput,
    DomainEvent,
    DomainStopped,
    MachineHalt,
    MachineRestart,
    PauseDomain,
    PowerButton,
    StartDomain,
    StopDomain,
)
from actors.runtime.machine import Connect, Effect, Freeze, Kill, Log, Send, Spawn, Thaw
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.domain_processes import DomainChange
from cluster.lab.experiment.host_board import HostBoard

HYPERVISOR = "host0/hypervisor"


class Bench:
    """A board on a bench: what it does, and what it says."""

    def __init__(self, cluster: ResolvedCluster) -> None:
        self.effects: list[Effect] = []
        self.changes: list[DomainChange] = []
        self.host = cluster.hosts[0]
        self.board = HostBoard(self.host, self.effects.append, self.changes.append)

    def take(self) -> list[Effect]:
        taken, self.effects[:] = list(self.effects), []
        return taken

    def give(self, message: object) -> list[Effect]:
        self.board.received(message, 7)
        return self.take()

    def end(self, address: str, status: int = 9) -> list[Effect]:
        self.board.ended(address, status, 8)
        return self.take()

    def start(self, domid: int, incarnation: int = 1) -> list[Effect]:
        handle = bytes(16) if domid == 0 else self.host.guests[domid - 1].handle
        return self.give(StartDomain(domid, incarnation, handle, [[0, 100, 10]]))


@pytest.fixture
def bench(load: Callable[..., ResolvedCluster]) -> Bench:
    bench = Bench(load())
    bench.board.power_on()
    return bench


def spawned(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(each.address, each.program) for each in effects if isinstance(each, Spawn)]


def killed(effects: list[Effect]) -> list[str]:
    return [each.address for each in effects if isinstance(each, Kill)]


def test_power_on_starts_and_wires_the_hardware(bench: Bench) -> None:
    effects = bench.take()

    assert spawned(effects) == [
        ("host0/ioapic", "ioapic"),
        (HYPERVISOR, "hypervisor"),
        ("host0/sda", "disk"),
    ]
    assert Connect("host0/sda", "ioapic", "host0/ioapic", "sda") in effects
    assert Connect(HYPERVISOR, "ioapic", "host0/ioapic", "xen") in effects
    assert (bench.board.state.boots, bench.board.domains.boots["dom0"]) == (1, 0)


def test_a_domain_is_who_its_link_says_it_is(bench: Bench) -> None:
    bench.take()
    dom0, guest = bench.start(0), bench.start(2)

    assert spawned(dom0) == [("host0/dom0", "dom0")]
    assert Connect("host0/sda", "dom0", "host0/dom0", "sda") in dom0
    assert Connect(HYPERVISOR, "dom0", "host0/dom0", "xen") in dom0
    assert spawned(guest) == [("host0/dom2", "guest")]
    assert Connect(HYPERVISOR, "dom2", "host0/dom2", "xen") in guest
    assert [(each.name, each.what) for each in bench.changes] == [("dom0", "started"), ("web-1", "started")]


def test_a_driver_domain_gets_the_wires_of_its_disks_and_dom0_the_others(
    load: Callable[..., ResolvedCluster],
) -> None:
    drivers = "- {name: sda}\n      - {name: sdb}\n    driver_domains: [{name: storage, disks: [sdb]}]"
    bench = Bench(load(("- {name: sda}", drivers)))
    bench.board.power_on()
    disks = [
        each.argument["driver"] for each in bench.take() if isinstance(each, Spawn) if "sd" in each.address
    ]
    dom0 = bench.start(0)
    storage = bench.give(StartDomain(1, 1, bench.host.driver_domains[0].handle, [[0, 100, 10]]))

    assert disks == ["dom0", "dom1"]
    assert [each.peer_link for each in dom0 if isinstance(each, Connect)] == ["supervisor", "sda", "xen"]
    assert spawned(storage) == [("host0/dom1", "driver")]
    assert Connect("host0/sdb", "dom1", "host0/dom1", "sdb") in storage
    assert bench.board.domains.boots == {"dom0": 1, "storage": 1}


def test_a_domain_is_stopped_and_the_hypervisor_is_told_when_it_is_gone(bench: Bench) -> None:
    bench.start(1)
    assert killed(bench.give(StopDomain(1, 1))) == ["host0/dom1"]

    assert bench.end("host0/dom1") == [Send(HYPERVISOR, DomainStopped(1, 1))]
    assert bench.board.domains.find("web-0") is None


def test_a_domain_that_ended_by_itself_is_not_reported_as_stopped_until_that_is_asked(bench: Bench) -> None:
    bench.start(1)
    bench.take()

    assert bench.end("host0/dom1") == []
    assert bench.give(StopDomain(1, 1)) == [Send(HYPERVISOR, DomainStopped(1, 1))]


@pytest.mark.parametrize(("domid", "incarnation"), [(5, 1), (1, 2)])
def test_what_does_not_run_is_stopped_already(bench: Bench, domid: int, incarnation: int) -> None:
    bench.start(1)
    bench.take()

    stopped = bench.give(StopDomain(domid, incarnation))

    assert stopped == [Send(HYPERVISOR, DomainStopped(domid, incarnation))]


def test_a_paused_domain_is_frozen_until_it_may_run(bench: Bench) -> None:
    bench.start(1)
    bench.take()

    assert bench.give(PauseDomain(1, True)) == [Freeze("host0/dom1")]
    assert bench.give(PauseDomain(1, False)) == [Thaw("host0/dom1")]


def test_a_hung_domain_is_not_thawed_by_an_unpause(bench: Bench) -> None:
    bench.start(1)
    bench.take()
    domain = bench.board.domains.find("web-0")
    assert domain is not None
    bench.board.domains.hang(domain)

    assert bench.take() == [Freeze("host0/dom1")]
    assert bench.give(PauseDomain(1, False)) == []


def test_a_restart_spares_the_disks_and_waits_until_all_else_has_ended(bench: Bench) -> None:
    bench.start(0)
    bench.start(1)
    bench.take()

    ending = killed(bench.give(MachineRestart("dom0 crashed")))
    assert ending == ["host0/dom0", "host0/dom1", HYPERVISOR, "host0/ioapic"]
    assert bench.start(2) == [], "what a dying hypervisor still says does not count"
    for address in ending[:-1]:
        assert bench.end(address) == []

    again = bench.end(ending[-1])
    assert spawned(again) == [("host0/ioapic", "ioapic"), (HYPERVISOR, "hypervisor")]
    assert Connect("host0/sda", "ioapic", "host0/ioapic", "sda") in again
    assert bench.board.state.boots == 2
    assert list(bench.board.domains) == []


def test_a_halted_machine_stays_off(bench: Bench) -> None:
    bench.start(0)
    bench.take()

    ending = killed(bench.give(MachineHalt("dom0 crashed")))
    for address in ending:
        assert bench.end(address) == []

    assert bench.board.state.halted_because == "dom0 crashed"
    assert not bench.board.is_off, "the disk still has to write back"


def test_at_power_off_disks_write_back_and_all_else_is_cut_off(bench: Bench) -> None:
    bench.start(0)
    bench.take()
    bench.board.power_off()

    effects = bench.take()
    assert [each for each in effects if isinstance(each, Send)] == [Send("host0/sda", PowerButton())]
    assert killed(effects) == ["host0/dom0", HYPERVISOR, "host0/ioapic"]
    for address in (*killed(effects), "host0/sda"):
        assert bench.end(address) == []
    assert bench.board.is_off


def test_a_line_is_typed_only_where_somebody_listens(bench: Bench) -> None:
    bench.start(1)
    bench.take()

    assert bench.board.domains.type_on_console("web-0", "stop")
    assert not bench.board.domains.type_on_console("web-1", "stop")
    assert bench.take() == [Send("host0/dom1", ConsoleInput("stop"))]


def test_console_output_goes_to_the_log_under_the_domains_address(bench: Bench) -> None:
    bench.take()

    assert bench.give(ConsoleOutput(3, "hello")) == [Log("host0/dom3: hello")]
    assert bench.give("nonsense") == [Log("host0/hypervisor: unexpected 'nonsense'")]


def test_an_event_of_an_earlier_incarnation_is_not_passed_on(bench: Bench) -> None:
    bench.start(1, incarnation=2)
    bench.changes.clear()

    bench.give(DomainEvent(1, 1, "shutdown", 3))
    bench.give(DomainEvent(1, 2, "shutdown", 3))

    assert [(each.incarnation, each.what, each.reason) for each in bench.changes] == [(2, "shutdown", 3)]


def test_an_address_is_not_used_twice_at_a_time(bench: Bench) -> None:
    bench.start(1)

    with pytest.raises(AssertionError, match="host0/dom1 is still running"):
        bench.start(1, incarnation=2)
