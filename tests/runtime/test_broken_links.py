"""Links that rules break, steps that take time, slow actors; in the live driver links only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import pytest
import trio
import trio.testing

from actors.messages import CODEC
from actors.messages import ConsoleInput as Note
from actors.runtime.actor import ActorDriver
from actors.runtime.framing import FrameReader, hello_frame
from actors.runtime.late_messages import LateMessages
from actors.runtime.link_rules import ALTER, DELAY, DROP, DUPLICATE, REORDER, LinkRule, LinkRules
from actors.runtime.machine import (
    Connect,
    DeadlinePassed,
    Disturb,
    Effect,
    Event,
    LinkClosed,
    LinkOpened,
    Machine,
    Received,
    Send,
    Slow,
    Spawn,
)
from actors.runtime.simulated_actor import Charge
from actors.runtime.simulation import Simulation
from actors.runtime.transport import ByteStream, memory_pair


@dataclass
class Teller(Machine):
    """Says on its link what a test puts in `says`, and keeps (time, text) of what it hears."""

    says: list[Effect] = field(default_factory=list)
    heard: list[tuple[int, str]] = field(default_factory=list)
    deadline_ns: int | None = None

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        if isinstance(event, Received):
            self.heard.append((now_ns, event.message.text))
        if isinstance(event, DeadlinePassed):
            self.deadline_ns = None
        effects, self.says = self.says, []
        return effects

    def next_deadline_ns(self) -> int | None:
        return self.deadline_ns


def notes(*texts: str) -> list[Effect]:
    return [Send("peer", Note(text)) for text in texts]


class World:
    """Two tellers with a link between them, and a supervisor who breaks it."""

    def __init__(self, costs: dict[str, int] | None = None) -> None:
        def charge_of(address: str, _machine: object, _random: object) -> Charge | None:
            cost = (costs or {}).get(address, 0)
            return Charge({Note: lambda: cost}) if cost else None

        self.simulation = Simulation(1, costs=charge_of)
        self.a, self.b, self.owner = Teller(), Teller(), Teller()
        for address, machine in (("a", self.a), ("b", self.b), ("owner", self.owner)):
            self.simulation.spawn(address, machine)
        self.simulation.connect("a", "peer", "b", "peer")
        self.simulation.run_until(0)

    def order(self, *effects: Effect) -> None:
        self.owner.says = list(effects)
        self.simulation.post("owner", LinkOpened("nobody"))
        self.simulation.run_until(self.simulation.now_ns)

    def say(self, at_ns: int, *texts: str, by: str = "a") -> None:
        self.simulation.run_until(at_ns)
        teller = self.a if by == "a" else self.b
        teller.says = notes(*texts)
        self.simulation.post(by, LinkOpened("nobody"))
        self.simulation.run_until(at_ns)


def broken(*rules: LinkRule) -> World:
    world = World()
    world.order(Disturb("a", "peer", list(rules), "1"))
    return world


def test_a_partition_is_of_one_direction_and_heals() -> None:
    world = broken(LinkRule(DROP))

    world.say(10, "lost")
    world.say(20, "back", by="b")
    world.order(Disturb("a", "peer", [], ""))
    world.say(30, "through")

    assert world.b.heard == [(30, "through")]
    assert world.a.heard == [(20, "back")]


def test_a_delay_keeps_the_order() -> None:
    world = broken(LinkRule(DELAY, delay_ns=50, probability=0.5))

    for at_ns in range(0, 100, 10):
        world.say(at_ns, str(at_ns))
    world.simulation.run_until(1000)

    assert [text for _, text in world.b.heard] == [str(at_ns) for at_ns in range(0, 100, 10)]
    assert any(at_ns >= int(text) + 50 for at_ns, text in world.b.heard)


def test_what_is_reordered_is_overtaken() -> None:
    world = broken(LinkRule(REORDER, delay_ns=15, probability=0.5))

    for at_ns in range(0, 200, 10):
        world.say(at_ns, str(at_ns))
    world.simulation.run_until(1000)

    heard = [int(text) for _, text in world.b.heard]
    assert sorted(heard) == list(range(0, 200, 10))
    assert heard != sorted(heard)


def test_rules_strike_each_message_of_a_turn_by_itself() -> None:
    world = broken(LinkRule(DROP, probability=0.5))

    world.say(0, *map(str, range(40)))

    heard = [int(text) for _, text in world.b.heard]
    assert heard == sorted(heard)
    assert 5 < len(heard) < 35


def test_a_duplicate_comes_twice_and_an_altered_message_as_another() -> None:
    world = broken(LinkRule(DUPLICATE), LinkRule(ALTER, fields={"text": "b"}))

    world.say(0, "a")

    assert world.b.heard == [(0, "b"), (0, "b")]


def test_a_new_link_of_the_same_name_is_sound() -> None:
    world = broken(LinkRule(DROP))

    world.simulation.connect("a", "peer", "b", "peer")
    world.say(10, "through")

    assert world.b.heard == [(10, "through")]


def test_what_is_broken_that_is_not_there_are_no_matter() -> None:
    world = World()
    world.order(Disturb("nobody", "peer", [LinkRule(DROP)], ""), Disturb("a", "none", [LinkRule(DROP)], ""))
    world.order(Slow("nobody", 5.0))

    world.say(0, "through")

    assert world.b.heard == [(0, "through")]


def test_a_step_takes_its_time_and_what_comes_meanwhile_waits() -> None:
    world = World({"b": 10})
    world.b.says = notes("answer")

    world.say(0, "one")
    world.say(4, "two")
    world.say(25, "three")
    world.simulation.run_until(100)

    assert world.b.heard == [(0, "one"), (10, "two"), (25, "three")]
    assert world.a.heard == [(10, "answer")], "it leaves when the step is done"


def test_a_slow_actor_takes_longer_until_it_is_not_slow() -> None:
    world = World({"b": 10})
    world.order(Slow("b", 3.0))

    world.say(0, "one")
    world.say(5, "two")
    world.simulation.run_until(60)
    world.order(Slow("b", 1.0))
    world.say(60, "three")
    world.say(61, "four")
    world.simulation.run_until(200)

    assert world.b.heard == [(0, "one"), (30, "two"), (60, "three"), (70, "four")]


def test_a_deadline_of_a_busy_actor_comes_when_it_is_done() -> None:
    world = World({"b": 10})
    world.b.deadline_ns = 5

    world.say(0, "one")
    world.simulation.run_until(9)
    assert world.b.deadline_ns == 5
    world.simulation.run_until(10)

    assert world.b.deadline_ns is None


def test_what_was_sent_first_arrives_first_at_a_busy_actor() -> None:
    world = World({"b": 10})

    world.say(0, "one")
    world.say(3, "two")
    world.say(10, "three")
    world.simulation.run_until(100)

    assert [text for _, text in world.b.heard] == ["one", "two", "three"]


def test_the_program_that_is_spawned_says_how_long_that_takes() -> None:
    child = Teller()
    simulation = Simulation(
        1,
        programs={"child": lambda _address, _argument: child},
        spawn_delay=lambda program, _random: {"child": 40}[program],
    )
    owner = Teller([Spawn("child", "child", {}), Connect("", "peer", "child", "peer"), *notes("hello")])
    simulation.spawn("owner", owner)
    simulation.post("owner", LinkOpened("nobody"))
    simulation.run_until(0)
    owner.says = notes("hello")
    simulation.post("owner", LinkOpened("nobody"))
    simulation.run_until(100)

    assert child.heard == [(40, "hello")]


class Reader:
    """What comes out of the far end of a live link."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._reader = FrameReader()
        stream.send(hello_frame())

    def texts(self) -> list[str]:
        buffer = memoryview(bytearray(4096))
        found: list[str] = []
        while True:
            try:
                count = self._stream.receive_into(buffer)
            except BlockingIOError:
                return found
            for payload in self._reader.feed(buffer[:count]):
                found += [message.text for message in CODEC.decode_frame(payload)]


@dataclass
class Live:
    """A live teller on a clock that the test moves."""

    driver: ActorDriver
    teller: Teller
    reader: Reader

    async def say(self, *texts: str) -> list[str]:
        self.teller.says = notes(*texts)
        self.driver.post(LinkOpened("nobody"))
        await trio.testing.wait_all_tasks_blocked()
        return self.reader.texts()


@asynccontextmanager
async def live() -> AsyncIterator[Live]:
    near, far = memory_pair()
    teller = Teller()
    driver = ActorDriver("a", teller, CODEC, log=print, clock=lambda: int(trio.current_time() * 1e9))
    driver.plug("peer", near)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(driver.run)
        await trio.testing.wait_all_tasks_blocked()
        yield Live(driver, teller, Reader(far))
        driver.kill()


async def test_a_live_link_loses_doubles_and_heals() -> None:
    async with live() as a:
        a.driver.set_rules("peer", [LinkRule(DROP)], "1")
        assert await a.say("lost") == []
        a.driver.set_rules("peer", [LinkRule(DUPLICATE)], "1")
        assert await a.say("twice") == ["twice", "twice"]
        a.driver.set_rules("peer", [], "")
        assert await a.say("one", "two") == ["one", "two"]


async def test_late_messages_of_a_live_link_come_when_they_are_due(autojump_clock: object) -> None:
    async with live() as a:
        a.driver.set_rules("peer", [LinkRule(DELAY, delay_ns=50_000_000)], "1")
        assert await a.say("one") == []
        await trio.sleep(0.02)
        a.driver.set_rules("peer", [], "")
        assert await a.say("two") == [], "it stays behind what was sent before it"
        await trio.sleep(0.04)
        assert a.reader.texts() == ["one", "two"]


async def test_a_live_message_is_overtaken(autojump_clock: object) -> None:
    async with live() as a:
        a.driver.set_rules("peer", [LinkRule(REORDER, delay_ns=50_000_000)], "1")
        assert await a.say("one") == []
        a.driver.set_rules("peer", [], "")
        assert await a.say("two") == ["two"]
        await trio.sleep(0.06)
        assert a.reader.texts() == ["one"]


async def test_rules_for_a_live_link_that_is_not_there_are_no_matter() -> None:
    async with live() as a:
        a.driver.set_rules("none", [LinkRule(DROP)], "1")
        assert await a.say("one") == ["one"]


@pytest.mark.parametrize("factor", [2.0, 1.0])
def test_slowness_costs_nothing_where_nothing_costs(factor: float) -> None:
    world = World()
    world.order(Slow("b", factor))

    world.say(0, "one")

    assert world.b.heard == [(0, "one")]


async def test_what_is_late_is_lost_with_its_link_and_nobody_waits_for_it() -> None:
    passed_on: list[object] = []
    late = LinkRules([LinkRule(DELAY, delay_ns=10**18)], Random(1))
    late_messages = LateMessages(late, lambda: 0, passed_on.append, lambda: None)
    late_messages.send(Note("late"))
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(late_messages.run)
            await trio.testing.wait_all_tasks_blocked()
            late_messages.close()
    assert passed_on == []


async def test_a_broken_link_that_closes_leaves_no_task_behind(recorder: type) -> None:
    machine = recorder()
    driver = ActorDriver("a", machine, CODEC, log=lambda _: None)
    near, far = memory_pair()
    driver.plug("peer", near)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(driver.run)
        await machine.until(len)
        before = trio.lowlevel.current_statistics().tasks_living
        driver.set_rules("peer", [LinkRule(DROP)], "seed")
        far.close()
        await machine.until(lambda events: LinkClosed("peer", "closed by the peer") in events)
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living == before
        nursery.cancel_scope.cancel()
