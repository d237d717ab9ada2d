"""One actor under the live driver: its life, what it asks of its owner, its trace."""

import pytest
import trio
import trio.testing

from actors.runtime.machine import (
    Effect,
    Event,
    Exit,
    Kill,
    LinkOpened,
    ProcessEnded,
    Received,
    Send,
)
from actors.runtime.trace import Trace
from actors.runtime.transport import ByteStream, memory_pair
from actors.runtime.waiting import Waiting
from tests.runtime.driven import CODEC, Note, Peer, Query, a_driver, echo, greeted, notes, running

Pair = tuple[ByteStream, ByteStream]


async def test_what_waits_at_an_exit_is_still_read(recorder: type, stream_pair: Pair) -> None:
    def leave(event: Event, now_ns: int) -> list[Effect]:
        sends = [Send("peer", Note(number, bytes(50_000))) for number in range(50)]
        return [*sends, Exit("all said")]

    driver = a_driver(recorder(leave))
    driver.plug("peer", stream_pair[0])
    peer = Peer(stream_pair[1])
    async with trio.open_nursery() as nursery:
        reasons: list[str] = []

        async def run() -> None:
            reasons.append(await driver.run())

        nursery.start_soon(run)
        assert await peer.hear_notes(50) == list(range(50))
        assert await peer.hear() is None
    assert reasons == ["all said"]


async def test_a_kill_closes_links_at_once(recorder: type, stream_pair: Pair) -> None:
    driver = a_driver(recorder())
    driver.plug("peer", stream_pair[0])
    peer = Peer(stream_pair[1])
    async with running(driver):
        await trio.testing.wait_all_tasks_blocked()
    assert await peer.hear() is None
    assert driver.killed


async def test_a_driver_killed_before_it_runs_ends_at_once(recorder: type) -> None:
    near, far = memory_pair()
    driver = a_driver(recorder())
    driver.plug("peer", near)
    driver.kill()
    assert await driver.run() == "killed"
    assert await Peer(far).hear() is None


async def test_a_killed_machine_is_told_nothing_more_and_its_companion_runs_on(recorder: type) -> None:
    """Both are in one process, and it is that process's wait which makes the calls."""

    def leave(event: Event, now_ns: int) -> list[Effect]:
        return [Exit("told of an end")] if isinstance(event, ProcessEnded) else []

    waiting, dead, companion = Waiting(), recorder(leave), recorder(leave)
    killed, other = a_driver(dead, waiting=waiting), a_driver(companion, waiting=waiting)
    async with trio.open_nursery() as nursery:
        waiting.start(nursery)
        nursery.start_soon(killed.run)
        nursery.start_soon(other.run)
        await trio.testing.wait_all_tasks_blocked()
        killed.kill()
        for _ in range(10):
            killed.post(ProcessEnded("somebody", 9))
            await trio.lowlevel.checkpoint()
        assert not dead.events
        other.post(ProcessEnded("somebody", 9))
        await companion.until(len)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_a_frozen_machine_is_told_nothing_until_it_thaws(recorder: type, stream_pair: Pair) -> None:
    machine = recorder()
    driver = a_driver(machine)
    driver.plug("peer", stream_pair[0])
    peer = greeted(stream_pair[1])
    async with running(driver):
        await machine.until(len)
        driver.freezer.freeze()
        peer.say(notes(1))
        driver.post(ProcessEnded("x", 0))
        await trio.testing.wait_all_tasks_blocked()
        assert machine.events == [LinkOpened("peer")]
        driver.freezer.thaw()
        await machine.until(lambda events: len(events) == 3)
        peer.say(notes(2))
        await machine.until(lambda events: len(events) == 4)
    assert Received("peer", Note(1)) in machine.events
    assert ProcessEnded("x", 0) in machine.events


async def test_a_machine_that_fails_ends_the_run_with_its_exception(
    recorder: type, stream_pair: Pair
) -> None:
    def fail(event: Event, now_ns: int) -> list[Effect]:
        assert not isinstance(event, Received), "we are wrong"
        return []

    driver = a_driver(recorder(fail))
    driver.plug("peer", stream_pair[0])
    peer = greeted(stream_pair[1])
    peer.say(notes(1))
    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="we are wrong")):
        await driver.run()
    await peer.hear()
    assert await peer.hear() is None


async def test_intercepted_messages_are_answered_without_the_machine(
    recorder: type, stream_pair: Pair
) -> None:
    def answer(link: str, message: object, asked: object) -> list[object]:
        assert link == "peer"
        assert asked is machine
        assert isinstance(message, Query)
        return [Note(message.number + each) for each in range(message.number)]

    machine = recorder()
    driver = a_driver(machine, intercept={Query: answer})
    driver.plug("peer", stream_pair[0])
    peer = greeted(stream_pair[1])
    peer.say(CODEC.encode(Query(0)) + CODEC.encode(Query(2)))
    async with running(driver):
        assert await peer.hear() == [[Note(2), Note(3)]]
    assert machine.events == [LinkOpened("peer")]


async def test_effects_on_other_actors_go_to_the_owner(recorder: type) -> None:
    performed: list[object] = []
    machine = recorder(lambda event, now_ns: [Kill("host0/dom3"), Exit("enough")])
    driver = a_driver(machine, perform=performed.append)
    driver.post(ProcessEnded("x", 0))
    assert await driver.run() == "enough"
    assert performed == [Kill("host0/dom3")]


async def test_without_an_owner_such_an_effect_is_a_mistake(recorder: type) -> None:
    driver = a_driver(recorder(lambda event, now_ns: [Kill("x")]))
    driver.post(ProcessEnded("x", 0))
    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="no owner")):
        await driver.run()


async def test_a_trace_has_the_event_and_its_effects(recorder: type) -> None:
    lines: list[str] = []
    near, far = memory_pair()
    driver = a_driver(recorder(echo), trace=Trace(lines.append), clock=lambda: 5)
    driver.plug("peer", near)
    peer = greeted(far)
    peer.say(notes(3))
    async with running(driver):
        await peer.hear()
    assert [line.strip() for line in lines] == [
        "5 actor LinkOpened(link='peer')",
        "5 actor Received(link='peer', message=Note(number=3, blob=b''))",
        "actor   -> Send(link='peer', message=Note(number=3, blob=b''))",
    ]
