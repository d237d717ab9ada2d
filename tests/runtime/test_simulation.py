"""The simulated driver: time, turns, deadlines, births and deaths, and what it finds wrong."""

from dataclasses import dataclass

import pytest

import actors.runtime.simulated_turns as turns_module
from actors.messages import ConsoleInput as Note
from actors.runtime.machine import (
    Connect,
    DeadlinePassed,
    Effect,
    Event,
    Exit,
    Freeze,
    Kill,
    LinkClosed,
    LinkOpened,
    Log,
    ProcessEnded,
    Received,
    Rename,
    Send,
    Spawn,
    Thaw,
)
from actors.runtime.simulation import Simulation
from tests.runtime.scripted import Scripted, always, closed, pair, sends, tell


def test_a_frozen_actor_gets_what_was_held_in_order_when_it_thaws() -> None:
    simulation = Simulation(1, latency=always(10))
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.run_until(0)
    simulation.freeze("b")
    tell(simulation, "a", *sends("1"))
    simulation.run_until(40)
    simulation.call_at(50, lambda: simulation.thaw("b"))
    tell(simulation, "a", *sends("2"))
    simulation.run_until(50)
    tell(simulation, "a", *sends("3"))
    simulation.run_until(100)
    assert [(time, event.message.text) for time, event in other.seen[1:]] == [(50, "1"), (50, "2"), (60, "3")]


def test_what_arrives_at_the_very_time_of_the_thaw_stays_behind_what_was_held() -> None:
    simulation = Simulation(1, latency=always(10))
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.run_until(0)
    simulation.freeze("b")
    tell(simulation, "a", *sends("1"))
    simulation.call_at(20, lambda: simulation.thaw("b"))
    simulation.run_until(10)
    tell(simulation, "a", *sends("2"))
    simulation.run_until(100)
    assert [(time, event.message.text) for time, event in other.seen[1:]] == [(20, "1"), (20, "2")]


def test_a_frozen_actor_can_be_killed_and_its_peers_see_the_end() -> None:
    simulation = Simulation(1)
    one, other = Scripted(), Scripted()
    simulation.spawn("a", one)
    simulation.spawn("b", other)
    simulation.freeze("b")
    simulation.connect("a", "peer", "b", "peer")
    simulation.run_until(5)
    assert closed(one) == []
    simulation.kill("b")
    simulation.run_until(6)
    assert closed(one) == [(5, "closed by the peer")]
    assert other.seen == []


def test_a_deadline_of_a_frozen_actor_passes_at_the_thaw() -> None:
    simulation = Simulation(1)
    machine = Scripted(deadline_ns=10)
    machine.react = lambda event, now_ns: setattr(machine, "deadline_ns", None) or []
    simulation.spawn("a", machine)
    simulation.freeze("a")
    simulation.run_until(30)
    simulation.thaw("a")
    simulation.run_until(100)
    assert machine.seen == [(30, DeadlinePassed())]


def test_deadlines_pass_at_their_time_also_when_moved() -> None:
    simulation = Simulation(1)
    machine = Scripted(deadline_ns=50)
    moves = {5: 20, 20: 70, 30: 60, 60: 80, 65: None}

    def move(event: Event, now_ns: int) -> list[Effect]:
        machine.deadline_ns = moves[now_ns]
        return []

    machine.react = move
    simulation.spawn("a", machine)
    for time in (5, 30, 65):
        simulation.call_at(time, lambda: simulation.post("a", ProcessEnded("x", 0)))
    simulation.run_until(1000)
    assert [time for time, event in machine.seen if event == DeadlinePassed()] == [20, 60]


def test_a_machine_that_never_moves_its_deadline_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "MAX_EVENTS_AT_ONE_TIME", 1000)
    simulation = Simulation(1)
    simulation.spawn("a", Scripted(deadline_ns=10))
    with pytest.raises(AssertionError, match="time stands still: a"):
        simulation.run_until(10)


@dataclass
class Batching(Scripted):
    """Sends at the end of each turn how much it has seen."""

    def end_turn(self, now_ns: int) -> list[Effect]:
        return sends(f"{len(self.texts())} at {now_ns}")


def test_a_turn_is_what_arrives_together() -> None:
    simulation = Simulation(1, latency=always(10))
    one, other = Scripted(), Batching()
    pair(simulation, one, other)
    tell(simulation, "a", *sends("1", "2", "3"))
    simulation.run_until(15)
    tell(simulation, "a", *sends("4"))
    simulation.run_until(100)
    assert one.texts() == ["0 at 0", "3 at 10", "4 at 25"]


def test_an_actor_may_end_with_its_turn() -> None:
    simulation = Simulation(1, invariants=True)
    one, other = Scripted(), Batching()
    other.end_turn = lambda now_ns: [*sends("last"), Exit("done")]
    pair(simulation, one, other)
    simulation.run_until(100)
    assert simulation.addresses == ["a"]
    assert one.texts() == ["last"]


def test_spawned_actors_start_late_and_their_end_is_told_to_the_spawner() -> None:
    made: list[tuple[str, dict[str, object]]] = []

    def program(address: str, argument: dict[str, object]) -> Scripted:
        made.append((address, argument))
        return child

    child = Scripted(lambda event, now_ns: sends("up") if isinstance(event, LinkOpened) else [])
    simulation = Simulation(
        1, programs={"child": program}, spawn_delay=lambda _program, _random: 300, process_ended_delay_ns=50
    )
    parent = Scripted()
    simulation.spawn("parent", parent)
    tell(simulation, "parent", Spawn("c", "child", {"x": 1}), Connect("", "c", "c", "peer"))
    tell(simulation, "parent", Send("c", Note("early")))
    simulation.run_until(1000)
    assert made == [("c", {"x": 1})]
    assert child.seen == [(300, LinkOpened("peer")), (300, Received("peer", Note("early")))]
    tell(simulation, "parent", Kill("c"))
    simulation.run_until(2000)
    assert parent.seen == [
        (0, LinkOpened("c")),
        (300, Received("c", Note("up"))),
        (1000, LinkClosed("c", "closed by the peer")),
        (1050, ProcessEnded("c", 9)),
    ]
    tell(simulation, "parent", Spawn("c", "child", {}))
    child.react = lambda event, now_ns: [Exit("done")]
    simulation.post("c", ProcessEnded("x", 0))
    simulation.run_until(9000)
    assert parent.seen[-1] == (2350, ProcessEnded("c", 0))


def test_an_address_that_is_running_cannot_be_spawned_again() -> None:
    simulation = Simulation(1)
    simulation.spawn("a", Scripted())
    with pytest.raises(AssertionError, match="a is running"):
        simulation.spawn("a", Scripted())


def test_freeze_and_thaw_are_effects_too() -> None:
    simulation = Simulation(1)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "a", Freeze("b"), *sends("held"))
    simulation.run_until(5)
    assert other.texts() == []
    tell(simulation, "a", Thaw("b"))
    simulation.run_until(6)
    assert other.seen[-1] == (5, Received("peer", Note("held")))


def test_logs_go_to_the_owner_with_time_and_address() -> None:
    lines: list[tuple[int, str, str]] = []
    simulation = Simulation(1, log=lambda *line: lines.append(line))
    simulation.spawn("a", Scripted())
    simulation.run_until(7)
    tell(simulation, "a", Log("hello"))
    assert lines == [(7, "a", "hello")]


def test_invariants_are_checked_after_each_turn() -> None:
    simulation = Simulation(1, invariants=True)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.run_until(0)
    assert (one.checks, other.checks) == (1, 1)


class Thorough(Scripted):
    """A machine that knows what a turn may have broken."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0

    def check_turn(self) -> None:
        self.turns += 1
        assert self.turns < 600, "we are wrong"


def test_what_a_turn_may_have_broken_is_checked_each_turn_and_the_rest_now_and_then() -> None:
    simulation = Simulation(1, invariants=True)
    machine = Thorough()
    simulation.spawn("a", machine)
    for time in range(520):
        simulation.call_at(time, lambda: simulation.post("a", ProcessEnded("x", 0)))
    simulation.run_until(600)

    assert (machine.turns, machine.checks) == (520, 2)


def test_a_broken_invariant_is_named_with_time_and_actor() -> None:
    simulation = Simulation(1, invariants=True)
    machine = Thorough()
    machine.turns = 600
    simulation.spawn("a", machine)
    simulation.call_at(5, lambda: simulation.post("a", ProcessEnded("x", 0)))
    with pytest.raises(AssertionError) as caught:
        simulation.run_until(100)
    assert caught.value.__notes__ == ["at 5 ns a broke an invariant"]


def test_running_while_an_actor_lives_ends_with_it_or_at_the_limit_or_when_told() -> None:
    def until_30(event: Event, now_ns: int) -> list[Effect]:
        return [Exit("done")] if now_ns == 30 else []

    def prepared() -> Simulation:
        simulation = Simulation(1)
        simulation.spawn("a", Scripted(until_30))
        for time in (10, 20, 30, 40):
            simulation.call_at(time, lambda: simulation.post("a", ProcessEnded("x", 0)))
        return simulation

    ended, limited, stopped = prepared(), prepared(), prepared()
    ended.run_while_alive("a", 1000, lambda: False)
    limited.run_while_alive("a", 20, lambda: False)
    stopped.run_while_alive("a", 1000, lambda: True)

    assert (ended.addresses, ended.now_ns) == ([], 30)
    assert (limited.addresses, limited.now_ns) == (["a"], 20)
    assert (stopped.addresses, stopped.now_ns) == (["a"], 0)


def test_a_machine_that_fails_is_named_with_time_and_event() -> None:
    def fail(event: Event, now_ns: int) -> list[Effect]:
        raise AssertionError("we are wrong")

    simulation = Simulation(1)
    simulation.spawn("a", Scripted(fail))
    simulation.call_at(77, lambda: simulation.post("a", ProcessEnded("x", 0)))
    with pytest.raises(AssertionError) as caught:
        simulation.run_until(100)
    assert caught.value.__notes__ == ["at 77 ns a took ProcessEnded(address='x', status=0)"]


def test_an_actor_that_is_renamed_keeps_its_links_and_ends_under_its_new_name() -> None:
    told: list[tuple[str, object]] = []
    simulation = Simulation(1, renamed=lambda address, machine: told.append((address, machine)))
    owner, spare, peer = Scripted(), Scripted(), Scripted()
    simulation.spawn("owner", owner)
    simulation._programs["spare"] = lambda _address, _argument: spare
    tell(simulation, "owner", Spawn("b-spare", "spare", {}))
    simulation.spawn("a", peer)
    simulation.connect("a", "peer", "b-spare", "peer")
    tell(simulation, "owner", Rename("b-spare", "b"))
    tell(simulation, "a", *sends("1"))
    simulation.run_until(1)
    assert (told, spare.texts()) == ([("b", spare)], ["1"])
    assert "b-spare" not in simulation.addresses
    simulation.kill("b-spare")
    assert closed(peer) == []
    simulation.kill("b")
    simulation.run_until(2)
    assert closed(peer) == [(1, "closed by the peer")]
    assert owner.seen[-1][1] == ProcessEnded("b", 9)


def test_nobody_is_renamed_who_has_ended_already() -> None:
    simulation = Simulation(1)
    simulation.spawn("owner", Scripted())
    tell(simulation, "owner", Rename("b-spare", "b"))
    assert simulation.addresses == ["owner"]
