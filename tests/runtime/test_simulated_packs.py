"""Actors of one process in the simulated world: what one sends the other is called, not posted."""

import pytest

from actors.messages import ConsoleInput as Note
from actors.messages import PowerButton
from actors.runtime.link_rules import DELAY, DROP, LinkRule
from actors.runtime.machine import CloseLink, Disturb, Effect, Event, Exit, LinkOpened, Received, Send, Spawn
from actors.runtime.simulated_actor import Charge
from actors.runtime.simulation import Simulation
from actors.runtime.trace import Trace
from tests.runtime.scripted import Scripted, always, closed, sends, tell


class World:
    """A pack of "a" and "b", and "c" beside it; a and c have links to b. It is 1000 ns after the start."""

    def __init__(self, **costs: int) -> None:
        self.machines = {name: Scripted() for name in "abc"}
        self.lines: list[str] = []
        self.simulation = Simulation(
            1,
            programs={"any": lambda address, _argument: self.machines[address]},
            pack=lambda spawn: 7 if spawn.address in "ab" else None,
            costs=lambda address, _machine, _random: (
                Charge({Note: lambda: costs[address]}) if address in costs else None
            ),
            latency=always(100),
            trace=Trace(self.lines.append),
        )
        self.simulation.spawn("owner", Scripted())
        tell(self.simulation, "owner", *(Spawn(name, "any", {}) for name in "abc"))
        self.simulation.connect("a", "peer", "b", "peer")
        self.simulation.connect("c", "peer", "b", "c")
        self.simulation.run_until(1000)
        self.lines.clear()

    def heard(self, name: str) -> list[tuple[int, str]]:
        seen = self.machines[name].seen
        return [(time, event.message.text) for time, event in seen if isinstance(event, Received)]


def answers(text: str) -> object:
    """Sends it, once, to whoever speaks."""
    left = [text]

    def react(event: Event, _now_ns: int) -> list[Effect]:
        return [Send(event.link, Note(left.pop()))] if isinstance(event, Received) and left else []

    return react


def test_what_is_sent_within_a_process_is_taken_in_the_same_turn_and_traced_as_ever() -> None:
    world = World()
    world.machines["b"].react = answers("back")
    tell(world.simulation, "a", *sends("1", "2"))
    assert not world.simulation._heap, "nothing is under way"
    assert world.heard("b") == [(1000, "1"), (1000, "2")]
    assert world.heard("a") == [(1000, "back")]
    steps = [line.split(maxsplit=1)[1] for line in world.lines if "->" not in line]
    assert [line[:22] for line in steps[1:]] == ["b Received(link='peer'"] * 2 + ["a Received(link='peer'"]


def test_what_the_called_one_sends_leaves_when_the_caller_has_done_its_step() -> None:
    world = World(a=30, b=5)
    world.machines["a"].react = lambda event, _now_ns: sends("on") if isinstance(event, Received) else []
    world.machines["b"].react = lambda event, _now_ns: (
        [Send("c", Note("heard"))] if isinstance(event, Received) and event.link == "peer" else []
    )
    world.simulation.connect("c", "a", "a", "c")
    world.simulation.run_until(2000)
    tell(world.simulation, "c", Send("a", Note("go")))
    world.simulation.run_until(2100)
    assert world.heard("b") == [(2100, "on")]
    world.simulation.run_until(3000)
    assert world.heard("c") == [(2100 + 30 + 5 + 100, "heard")]


@pytest.mark.parametrize("said_at_ns", [1110, 1139])
def test_who_is_busy_is_not_called_and_nothing_is_overtaken(said_at_ns: int) -> None:
    world = World(b=40)
    tell(world.simulation, "c", Send("peer", Note("work")))
    world.simulation.run_until(said_at_ns)
    tell(world.simulation, "a", *sends("1"))
    tell(world.simulation, "a", *sends("2"))
    world.simulation.run_until(2000)
    assert world.heard("b") == [(1100, "work"), (1140, "1"), (1140, "2")]


def test_who_is_frozen_is_not_called_and_has_what_was_held_first() -> None:
    world = World()
    world.simulation.freeze("b")
    tell(world.simulation, "a", *sends("held"))
    world.simulation.run_until(1500)
    assert world.heard("b") == []
    world.simulation.thaw("b")
    tell(world.simulation, "a", *sends("next"))
    world.simulation.run_until(2000)
    assert world.heard("b") == [(1500, "held"), (1500, "next")]


def test_a_broken_link_within_a_process_is_broken() -> None:
    world = World()
    tell(world.simulation, "owner", Disturb("a", "peer", [LinkRule(DROP)], "1"))
    tell(world.simulation, "a", *sends("lost"))
    tell(world.simulation, "owner", Disturb("a", "peer", [LinkRule(DELAY, delay_ns=50)], "1"))
    tell(world.simulation, "a", *sends("late"))
    tell(world.simulation, "owner", Disturb("a", "peer", [], ""))
    tell(world.simulation, "a", *sends("behind it"))
    world.simulation.run_until(2000)
    assert world.heard("b") == [(1050, "late"), (1050, "behind it")]


def test_a_last_word_within_a_process_is_heard_before_the_end() -> None:
    world = World()
    tell(world.simulation, "a", *sends("farewell"), Exit("done"))
    world.simulation.run_until(2000)
    assert world.heard("b") == [(1000, "farewell")]
    assert closed(world.machines["b"]) == [(1000, "closed by the peer")]


def test_a_last_word_to_one_who_has_just_become_busy_is_heard_before_the_end() -> None:
    world = World(b=40)
    world.machines["a"].react = lambda event, _now_ns: (
        [*sends("farewell"), Exit("done")] if isinstance(event, Received) else []
    )
    world.simulation.connect("a", "other", "b", "other")
    world.simulation.run_until(1500)
    tell(world.simulation, "a", Send("other", Note("work")), *sends("farewell"), Exit("done"))
    world.simulation.run_until(2000)
    assert world.heard("b") == [(1500, "work"), (1540, "farewell")]
    assert (1540, "closed by the peer") in closed(world.machines["b"])


def test_a_link_that_was_closed_takes_no_call() -> None:
    world = World()
    tell(world.simulation, "b", CloseLink("peer", "bad manners"))
    tell(world.simulation, "a", *sends("to nobody"))
    world.simulation.run_until(2000)
    assert world.heard("b") == []
    assert closed(world.machines["a"]) == [(1000, "closed by the peer")]


def test_a_link_to_somebody_else_takes_its_time() -> None:
    world = World()
    tell(world.simulation, "c", *sends("1"))
    assert world.heard("b") == []
    world.simulation.run_until(1100)
    assert world.heard("b") == [(1100, "1")]


def test_two_of_a_process_that_never_stop_calling_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.runtime.simulated_turns.MAX_EVENTS_AT_ONE_TIME", 1000)
    world = World()
    for name in "ab":
        world.machines[name].react = lambda event, _now_ns: (
            [Send("peer", PowerButton())] if isinstance(event, Received) else []
        )
    tell(world.simulation, "a", *sends("1"))
    with pytest.raises(AssertionError, match="time stands still"):
        world.simulation.run_until(2000)


def test_a_new_link_within_a_process_is_opened_before_anything_comes_on_it() -> None:
    world = World()
    world.machines["b"].seen.clear()
    world.simulation.connect("a", "new", "b", "new")
    world.simulation.run_until(1000)
    tell(world.simulation, "a", Send("new", Note("1")))
    world.simulation.run_until(2000)
    assert [event for _, event in world.machines["b"].seen] == [
        LinkOpened("new"),
        Received("new", Note("1")),
    ]
