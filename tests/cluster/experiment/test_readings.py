from collections.abc import Callable

import pytest

from actors.messages import ReadStatistics, Statistics
from actors.runtime.machine import Effect, Send
from cluster.config.resolved import ResolvedCluster
from cluster.experiment.board import Board, DomainProcess
from cluster.experiment.readings import GUESTS_AT_ONCE, Readings


class Bench:
    """Readings of one host on a bench; whoever is asked answers what it is told to."""

    def __init__(self, cluster: ResolvedCluster, guests: int) -> None:
        self.effects: list[Effect] = []
        self.board = Board(cluster.hosts[0], lambda _effect: None, lambda _change: None)
        self.board.power_on()
        self.board.domains[0] = DomainProcess(0, 1, "dom0", "host0/dom0", 0)
        for domid in range(1, guests + 1):
            name = f"web-{domid - 1}"
            self.board.domains[domid] = DomainProcess(domid, 1, name, f"host0/dom{domid}", 0)
        self.readings = Readings({"host0": self.board}, self.effects.append, {})

    def asked(self) -> dict[str, int]:
        """Who has been asked since the last time, and under which number."""
        found = {}
        for each in self.effects:
            assert isinstance(each, Send)
            assert isinstance(each.message, ReadStatistics)
            found[each.link] = each.message.sequence
        self.effects.clear()
        return found

    def answer(self, link: str, values: dict[str, object], now_ns: int = 7) -> None:
        self.readings.ask_all()
        self.readings.take(link, Statistics(self.asked()[link], values), now_ns)


@pytest.fixture
def bench(load: Callable[..., ResolvedCluster]) -> Bench:
    return Bench(load(), guests=2)


def test_hardware_control_and_guests_are_asked(bench: Bench) -> None:
    bench.readings.ask_some()

    assert list(bench.asked()) == [
        "host0/ioapic",
        "host0/hypervisor",
        "host0/sda",
        "host0/dom0",
        "host0/dom1",
        "host0/dom2",
    ]


def test_who_hangs_or_is_gone_is_not_asked(bench: Bench) -> None:
    bench.board.domains[0].state = "hung"
    bench.board.domains[1].state = "ended"
    bench.readings.ask_some()

    assert "host0/dom0" not in (asked := bench.asked())
    assert "host0/dom1" not in asked
    bench.board.state.power = "restarting"
    bench.readings.ask_some()
    assert bench.asked() == {}


def test_many_guests_are_asked_in_turn_and_nobody_is_forgotten(load: Callable[..., ResolvedCluster]) -> None:
    bench = Bench(load(), guests=130)
    rounds = []
    for _ in range(3):
        bench.readings.ask_some()
        rounds.append(
            [each for each in bench.asked() if each.startswith("host0/dom") and each != "host0/dom0"]
        )

    assert [len(each) for each in rounds] == [GUESTS_AT_ONCE] * 3
    assert {each for some in rounds for each in some} == {f"host0/dom{domid}" for domid in range(1, 131)}


def test_what_is_late_or_comes_from_another_does_not_count(bench: Bench) -> None:
    bench.readings.ask_all()
    first = bench.asked()
    bench.readings.ask_all()
    second = bench.asked()

    bench.readings.take("host0/dom1", Statistics(first["host0/dom1"], {"vbds": {"xvda": {}}}), 1)
    bench.readings.take("host0/dom2", Statistics(second["host0/dom1"], {"vbds": {"xvda": {}}}), 1)

    assert bench.readings.actors == {}
    assert not bench.readings.is_complete


def test_answers_are_kept_under_the_names_of_their_actors(bench: Bench) -> None:
    bench.answer("host0/hypervisor", {"domains": [{"domid": 1, "ports": 3}, {"domid": 9, "ports": 1}]})
    bench.answer("host0/dom0", {"vbds": [{"domid": 2, "device": 51712}], "store": {"nodes": 4}})
    bench.answer("host0/dom1", {"vbds": {"xvda": {"in_flight": 1}}}, now_ns=9)

    readings = bench.readings
    assert readings.domains == {("host0", "web-0"): {"domid": 1, "ports": 3}}, "number 9 has never run"
    assert readings.backends["host0", "web-1", 51712]["domid"] == 2
    assert readings.stores["host0"].values == {"nodes": 4}
    assert readings.frontends["host0", "web-0"] == {"xvda": {"in_flight": 1}}
    assert readings.actors["host0", "web-0"].at_ns == 9


def test_who_boots_again_and_has_nothing_yet_keeps_what_was_known(bench: Bench) -> None:
    bench.answer("host0/dom1", {"vbds": {"xvda": {"in_flight": 1}}})
    bench.answer(
        "host0/dom0", {"vbds": [{"domid": 1, "device": 51712, "state": "Connected"}], "store": {"nodes": 4}}
    )

    bench.answer("host0/dom1", {"vbds": {}})
    bench.answer("host0/dom0", {"vbds": [], "store": {}})

    assert bench.readings.frontends["host0", "web-0"] == {"xvda": {"in_flight": 1}}
    assert bench.readings.backends["host0", "web-0", 51712]["state"] == "Connected"
    assert bench.readings.stores["host0"].values == {"nodes": 4}
