"""The contract of a machine: what a driver asks, and what a machine that says nothing answers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from actors.messages import CODEC
from actors.messages import ConsoleInput as Note
from actors.reading_messages import ReadStatistics, Statistics
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import Effect, Event, Exit, LinkOpened, Machine, ProcessEnded, Received, Send
from actors.runtime.simulation import Simulation
from actors.runtime.transport import memory_pair


class Silent(Machine):
    """Takes events, and leaves the rest of the contract as it is."""

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        return []


@dataclass
class Closing(Silent):
    """Ends when it is told to, and counts how often it was closed."""

    react: Callable[[Event], list[Effect]] = lambda event: []
    closed: int = 0
    heard: list[object] = field(default_factory=list)

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        if isinstance(event, Received):
            self.heard.append(event.message)
        return self.react(event)

    def statistics(self) -> object:
        return len(self.heard)

    def close(self) -> None:
        self.closed += 1


def exits(event: Event) -> list[Effect]:
    return [Exit("done")] if isinstance(event, ProcessEnded) else []


def fails(event: Event) -> list[Effect]:
    raise ValueError(event)


def test_a_machine_need_say_no_more_than_what_it_does_about_an_event() -> None:
    machine = Silent()
    assert machine.end_turn(1) == []
    assert machine.next_deadline_ns() is None
    assert machine.statistics() is None
    assert machine.interrupts() == ""
    for nothing in (machine.check, machine.check_turn, machine.close):
        nothing()
    machine.trace(lambda *_: None)


def test_what_a_turn_may_have_broken_is_everything_unless_the_machine_knows_better() -> None:
    class Broken(Silent):
        def check(self) -> None:
            raise AssertionError("it is broken")

    with pytest.raises(AssertionError, match="it is broken"):
        Broken().check_turn()


async def test_the_live_driver_closes_a_machine_that_has_exited() -> None:
    machine = Closing(exits)
    driver = ActorDriver("a", machine, CODEC, log=lambda _: None)
    driver.post(ProcessEnded("x", 0))
    assert await driver.run() == "done"
    assert machine.closed == 1


async def test_the_live_driver_closes_a_machine_that_was_killed() -> None:
    machine = Closing()
    driver = ActorDriver("a", machine, CODEC, log=lambda _: None)
    driver.kill()
    assert await driver.run() == "killed"
    assert machine.closed == 1


async def test_the_live_driver_closes_a_machine_that_has_failed() -> None:
    machine = Closing(fails)
    driver = ActorDriver("a", machine, CODEC, log=lambda _: None)
    driver.post(ProcessEnded("x", 0))
    with pytest.RaisesGroup(ValueError):
        await driver.run()
    assert machine.closed == 1


@pytest.mark.parametrize("killed", [False, True])
def test_the_simulated_driver_closes_a_machine_whose_actor_has_ended(killed: bool) -> None:
    simulation = Simulation(1)
    machine = Closing(exits)
    simulation.spawn("a", machine)
    simulation.run_until(10)
    assert machine.closed == 0
    if killed:
        simulation.kill("a")
    else:
        simulation.post("a", ProcessEnded("x", 0))
    simulation.run_until(20)
    assert machine.closed == 1


@dataclass
class Asking(Silent):
    """Asks its peer for its statistics, says something, and keeps the answers."""

    answers: list[object] = field(default_factory=list)

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        if isinstance(event, LinkOpened):
            return [Send("peer", ReadStatistics(7)), Send("peer", Note("hello"))]
        if isinstance(event, Received):
            self.answers.append(event.message)
        return []


def answer(link: str, message: object, machine: Machine) -> list[object]:
    assert (link, message) == ("peer", ReadStatistics(7))
    return [Statistics(7, {"heard": machine.statistics()})]


ANSWERS = {ReadStatistics: answer}


async def test_what_is_intercepted_is_answered_without_the_machine_in_the_live_driver() -> None:
    asking, asked = Asking(), Closing()
    drivers = [
        ActorDriver("a", asking, CODEC, log=lambda _: None),
        ActorDriver("b", asked, CODEC, log=lambda _: None, intercept=ANSWERS),
    ]
    for driver, end in zip(drivers, memory_pair(), strict=True):
        driver.plug("peer", end)
    async with trio.open_nursery() as nursery:
        for driver in drivers:
            nursery.start_soon(driver.run)
        with trio.fail_after(10):
            while not (asking.answers and asked.heard):
                await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert (asking.answers, asked.heard) == ([Statistics(7, {"heard": 0})], [Note("hello")])


def test_what_is_intercepted_is_answered_without_the_machine_in_the_simulated_driver() -> None:
    asking, asked = Asking(), Closing()
    simulation = Simulation(1, intercept=ANSWERS)
    simulation.spawn("a", asking)
    simulation.spawn("b", asked)
    simulation.connect("a", "peer", "b", "peer")
    simulation.run_until(10)
    assert (asking.answers, asked.heard) == ([Statistics(7, {"heard": 0})], [Note("hello")])


def test_whoever_looks_on_sees_every_message_before_its_machine_has_it() -> None:
    asking, asked = Asking(), Closing()
    seen: list[tuple[object, int]] = []

    def taps(address: str, machine: Machine) -> Callable[[object], object] | None:
        if machine is not asked:
            return None
        assert address == "b"
        return lambda message: seen.append((message, len(asked.heard)))

    simulation = Simulation(1, intercept=ANSWERS, taps=taps)
    simulation.spawn("a", asking)
    simulation.spawn("b", asked)
    assert simulation.machine("b") is asked
    simulation.connect("a", "peer", "b", "peer")
    simulation.run_until(10)
    assert seen == [(ReadStatistics(7), 0), (Note("hello"), 0)]


def test_whoever_looks_on_hears_of_each_turn_before_anybody_has_what_was_sent_in_it() -> None:
    asking, asked = Asking(), Closing()
    seen: list[tuple[str, int]] = []
    simulation = Simulation(1, turned=lambda address: seen.append((address, len(asked.heard))))
    simulation.spawn("a", asking)
    simulation.spawn("b", asked)
    simulation.connect("a", "peer", "b", "peer")
    simulation.run_until(10)
    assert seen == [("a", 0), ("b", 2)]
