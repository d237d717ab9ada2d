"""The simulated driver: order, faults, time, and the same bytes for the same seed."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import actors.runtime.simulation as simulation_module
from actors.messages import CODEC, UpcallTaken
from actors.messages import ConsoleInput as Note
from actors.runtime.machine import (
    CloseLink,
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
    Machine,
    ProcessEnded,
    Received,
    Send,
    Spawn,
    Thaw,
)
from actors.runtime.simulation import Simulation


@dataclass
class Scripted(Machine):
    """Keeps (time, event) and does what it is told."""

    react: Callable[[Event, int], list[Effect]] = lambda event, now_ns: []
    deadline_ns: int | None = None
    seen: list[tuple[int, Event]] = field(default_factory=list)
    checks: int = 0

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        self.seen.append((now_ns, event))
        return self.react(event, now_ns)

    def next_deadline_ns(self) -> int | None:
        return self.deadline_ns

    def check(self) -> None:
        self.checks += 1

    def statistics(self) -> object:
        return len(self.seen)

    def texts(self) -> list[str]:
        return [event.message.text for _, event in self.seen if isinstance(event, Received)]


def sends(*texts: str) -> list[Effect]:
    return [Send("peer", Note(text)) for text in texts]


def pair(simulation: Simulation, one: Scripted, other: Scripted) -> None:
    simulation.spawn("a", one)
    simulation.spawn("b", other)
    simulation.connect("a", "peer", "b", "peer")


def tell(simulation: Simulation, address: str, *effects: Effect) -> None:
    """Have an actor return these effects, by an event that only this makes."""
    machine = simulation.machine(address)
    assert isinstance(machine, Scripted)
    before, told = machine.react, ProcessEnded("nobody", 0)
    simulation.run_until(simulation.now_ns)
    machine.react = lambda event, now_ns: list(effects) if event is told else before(event, now_ns)
    simulation.post(address, told)
    simulation.step()
    machine.react = before
    machine.seen = [each for each in machine.seen if each[1] is not told]


def closed(machine: Scripted) -> list[tuple[int, str]]:
    return [(time, event.reason) for time, event in machine.seen if isinstance(event, LinkClosed)]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_a_direction_keeps_its_order_whatever_the_latency(latencies: list[int]) -> None:
    delays = {f"{number}": latency for number, latency in enumerate(latencies)}
    simulation = Simulation(
        1, latency=lambda _a, _b, message, _r: delays[message.text] if isinstance(message, Note) else 0
    )
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "a", *sends(*delays))
    simulation.run_until(5000)
    assert other.texts() == list(delays)
    times = [time for time, event in other.seen if isinstance(event, Received)]
    assert times == [max(latencies[: number + 1]) for number in range(len(latencies))]


def test_both_ends_open_before_anything_arrives() -> None:
    def greet(event: Event, now_ns: int) -> list[Effect]:
        return sends("hi") if isinstance(event, LinkOpened) else []

    simulation = Simulation(1)
    one, other = Scripted(greet), Scripted(greet)
    pair(simulation, one, other)
    simulation.run_until(0)
    for machine in (one, other):
        assert [event for _, event in machine.seen] == [LinkOpened("peer"), Received("peer", Note("hi"))]


def test_a_killed_actor_is_heard_to_its_last_word_and_then_closes() -> None:
    simulation = Simulation(1, latency=lambda *_: 100)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "a", *sends("last", "words"))
    simulation.kill("a")
    tell(simulation, "b", *sends("to nobody"))
    simulation.run_until(1000)
    assert simulation.addresses == ["b"]
    assert other.seen == [
        (0, LinkOpened("peer")),
        (100, Received("peer", Note("last"))),
        (100, Received("peer", Note("words"))),
        (100, LinkClosed("peer", "closed by the peer")),
    ]
    assert one.seen == [(0, LinkOpened("peer"))]


def test_a_machine_that_closes_a_link_is_told_and_hears_no_more_of_it() -> None:
    simulation = Simulation(1, latency=lambda *_: 100)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "b", *sends("under way"))
    tell(simulation, "a", *sends("before"), CloseLink("peer", "bad manners"), *sends("after"))
    simulation.run_until(1000)
    assert closed(one) == [(0, "bad manners")]
    assert one.texts() == []
    assert other.texts() == ["before"]
    assert closed(other) == [(100, "closed by the peer")]


def test_a_cut_link_closes_at_both_ends_once() -> None:
    simulation = Simulation(1)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.run_until(5)
    simulation.close_link("a", "peer", "the wire broke")
    simulation.close_link("a", "peer", "the wire broke")
    simulation.run_until(10)
    assert closed(one) == closed(other) == [(5, "the wire broke")]


def test_both_ends_may_die_at_once() -> None:
    simulation = Simulation(1, latency=lambda *_: 10)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.run_until(0)
    simulation.kill("a")
    simulation.kill("b")
    simulation.kill("b")
    simulation.run_until(100)
    assert closed(one) == closed(other) == []


def test_a_frozen_actor_gets_what_was_held_in_order_when_it_thaws() -> None:
    simulation = Simulation(1, latency=lambda *_: 10)
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
    simulation = Simulation(1, latency=lambda *_: 10)
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
    monkeypatch.setattr(simulation_module, "MAX_EVENTS_AT_ONE_TIME", 1000)
    simulation = Simulation(1)
    simulation.spawn("a", Scripted(deadline_ns=10))
    with pytest.raises(AssertionError, match="time stands still: a DeadlinePassed"):
        simulation.run_until(10)


@dataclass
class Batching(Scripted):
    """Sends at the end of each turn how much it has seen."""

    def end_turn(self, now_ns: int) -> list[Effect]:
        return sends(f"{len(self.texts())} at {now_ns}")


def test_a_turn_is_what_arrives_together() -> None:
    simulation = Simulation(1, latency=lambda *_: 10)
    one, other = Scripted(), Batching()
    pair(simulation, one, other)
    tell(simulation, "a", *sends("1", "2", "3"))
    simulation.run_until(15)
    tell(simulation, "a", *sends("4"))
    simulation.run_until(100)
    assert one.texts() == ["0 at 0", "3 at 10", "4 at 25"]


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


def test_a_link_to_an_actor_that_is_gone_closes_at_once() -> None:
    simulation = Simulation(1)
    machine = Scripted()
    simulation.spawn("a", machine)
    tell(simulation, "a", Connect("", "peer", "nobody", "peer"), Connect("x", "peer", "y", "peer"))
    simulation.run_until(10)
    assert [event for _, event in machine.seen] == [
        LinkOpened("peer"),
        LinkClosed("peer", "closed by the peer"),
    ]


def test_a_new_link_of_a_name_follows_all_that_the_old_one_carried() -> None:
    simulation = Simulation(1, latency=lambda *_: 100)
    one, other, third = Scripted(), Scripted(), Scripted()
    pair(simulation, one, other)
    tell(simulation, "a", *sends("old"))
    simulation.kill("a")
    simulation.spawn("c", third)
    simulation.connect("c", "peer", "b", "peer")
    tell(simulation, "c", *sends("new"))
    simulation.run_until(1000)
    assert [event for _, event in other.seen] == [
        LinkOpened("peer"),
        Received("peer", Note("old")),
        LinkClosed("peer", "closed by the peer"),
        LinkOpened("peer"),
        Received("peer", Note("new")),
    ]


def test_a_link_that_is_replaced_closes_at_its_other_end_too() -> None:
    simulation = Simulation(1)
    one, other, third = Scripted(), Scripted(), Scripted()
    pair(simulation, one, other)
    simulation.spawn("c", third)
    simulation.run_until(0)
    simulation.connect("c", "peer", "b", "peer")
    tell(simulation, "c", *sends("new"))
    simulation.run_until(10)
    assert closed(one) == [(0, "closed by the peer")]
    assert closed(other) == [(0, "replaced by a new link")]
    assert other.texts() == ["new"]


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


def test_messages_can_be_sent_through_their_wire_form() -> None:
    simulation = Simulation(1, codec=CODEC)
    one, other = Scripted(), Scripted()
    pair(simulation, one, other)
    note = Note("x")
    tell(simulation, "a", Send("peer", note), Send("peer", UpcallTaken()))
    simulation.run_until(0)
    first, second = (event.message for _, event in other.seen[1:])
    assert first == note
    assert first is not note
    assert second == UpcallTaken()


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


RUN = """
import sys
from actors.messages import ConsoleInput
from actors.runtime.machine import LinkOpened, Machine, Received, Send
from actors.runtime.simulation import Simulation
from actors.runtime.trace import Trace

class Gossip(Machine):
    def __init__(self, random):
        self.random, self.links, self.count, self.deadline_ns = random, {}, 0, 5
    def handle(self, event, now_ns):
        if isinstance(event, LinkOpened):
            self.links[event.link] = None
        self.count += 1
        if self.count > 200:
            self.deadline_ns = None
            return []
        self.deadline_ns = now_ns + self.random.randrange(1000)
        if not self.links:
            return []
        return [Send(self.random.choice(list(self.links)), ConsoleInput(str(now_ns)))]
    def next_deadline_ns(self):
        return self.deadline_ns

def latency(source, destination, message, random):
    return random.randrange(500)

simulation = Simulation(int(sys.argv[1]), latency=latency, trace=Trace(print))
names = [f"host0/dom{number}" for number in range(8)]
for name in names:
    simulation.spawn(name, Gossip(simulation.random(name, "gossip")))
for number, name in enumerate(names):
    for peer in names[:number]:
        simulation.connect(name, peer, peer, name)
simulation.call_at(900, lambda: simulation.kill("host0/dom3"))
simulation.call_at(1000, lambda: simulation.freeze("host0/dom5"))
simulation.call_at(4000, lambda: simulation.thaw("host0/dom5"))
simulation.run_until(1_000_000)
"""


def run_traced(seed: int, hash_seed: str) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", RUN, str(seed)]
    root = Path(__file__).parents[2]
    return subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True).stdout


def test_a_seed_gives_the_same_bytes_in_every_process() -> None:
    trace = run_traced(1, "0")
    assert trace.count(b"\n") > 1000
    assert b"LinkClosed" in trace
    assert run_traced(1, "0") == trace
    assert run_traced(1, "4711") == trace
    assert run_traced(2, "0") != trace


def test_each_consumer_has_random_numbers_of_its_own() -> None:
    simulation = Simulation(3)
    first = simulation.random("a", "x").random()
    assert Simulation(3).random("a", "x").random() == first
    for other in (simulation.random("b", "x"), simulation.random("a", "y"), Simulation(4).random("a", "x")):
        assert other.random() != first
