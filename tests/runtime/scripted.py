"""A machine that does what a test has written down for it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from actors.messages import ConsoleInput as Note
from actors.runtime.distribution import Draw
from actors.runtime.machine import (
    Effect,
    Event,
    LinkClosed,
    Machine,
    ProcessEnded,
    Received,
    Send,
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
        self.seen.append((now_ns, replace(event) if isinstance(event, Received) else event))
        return self.react(event, now_ns)

    def next_deadline_ns(self) -> int | None:
        return self.deadline_ns

    def check(self) -> None:
        self.checks += 1

    def statistics(self) -> object:
        return len(self.seen)

    def texts(self) -> list[str]:
        return [event.message.text for _, event in self.seen if isinstance(event, Received)]


def always(latency_ns: int) -> Callable[[str, str, Random], Draw]:
    """The latency of links whose every frame takes so long."""
    return lambda _source, _destination, _random: lambda: latency_ns


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
