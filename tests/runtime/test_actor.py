"""The live driver: turns, links that come and go, flow control, deadlines, what owners may do."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
import trio.testing

from actors.runtime.actor import ActorDriver
from actors.runtime.arrivals import MESSAGES_PER_TURN
from actors.runtime.codec import Codec, wire
from actors.runtime.framing import FrameReader, frame, hello_frame
from actors.runtime.machine import (
    CloseLink,
    DeadlinePassed,
    Effect,
    Event,
    Exit,
    Kill,
    LinkClosed,
    LinkOpened,
    Log,
    ProcessEnded,
    Received,
    Send,
)
from actors.runtime.trace import Trace
from actors.runtime.transport import ByteStream, SocketStream, memory_pair, unix_pair

Pair = tuple[ByteStream, ByteStream]


@wire(1)
@dataclass(slots=True)
class Note:
    number: int
    blob: bytes = b""


@wire(2)
@dataclass(slots=True)
class Query:
    number: int


CODEC = Codec(Note, Query)


def notes(*numbers: int) -> bytes:
    return b"".join(CODEC.encode(Note(number)) for number in numbers)


def numbers_of(events: list[Event]) -> list[int]:
    return [event.message.number for event in events if isinstance(event, Received)]


def echo(event: Event, now_ns: int) -> list[Effect]:
    return [Send(event.link, event.message)] if isinstance(event, Received) else []


class Peer:
    """The other end, in the hand of the test: frames as they came, one list of messages each."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._reader = FrameReader()
        self._buffer = memoryview(bytearray(65536))

    def say(self, *payloads: bytes) -> None:
        data = b"".join(map(frame, payloads))
        assert self.stream.send(data) == len(data)

    async def hear(self) -> list[list[object]] | None:
        """Frames that arrive next, or None at the end of the stream."""
        while True:
            try:
                count = self.stream.receive_into(self._buffer)
            except BlockingIOError:
                with trio.fail_after(10):
                    await self.stream.wait_readable()
                continue
            except ConnectionError:
                return None
            if not count:
                return None
            payloads = self._reader.feed(self._buffer[:count])
            if payloads:
                return [CODEC.decode_frame(payload) for payload in payloads]

    async def hear_notes(self, count: int) -> list[int]:
        heard: list[int] = []
        while len(heard) < count:
            frames = await self.hear()
            assert frames is not None, "the link has ended"
            heard += [message.number for batch in frames for message in batch if isinstance(message, Note)]
        return heard


@asynccontextmanager
async def running(driver: ActorDriver) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(driver.run)
        yield
        driver.kill()


def greeted(stream: ByteStream) -> Peer:
    peer = Peer(stream)
    peer.stream.send(hello_frame())
    return peer


def a_driver(machine: object, log: Callable[[str], object] = print, **more: object) -> ActorDriver:
    return ActorDriver("actor", machine, CODEC, log=log, **more)


async def test_messages_of_one_receive_are_answered_in_one_frame(recorder: type, stream_pair: Pair) -> None:
    driver = a_driver(recorder(echo))
    driver.plug("peer", stream_pair[0])
    peer = greeted(stream_pair[1])
    peer.say(notes(1, 2), notes(3))
    async with running(driver):
        assert await peer.hear() == [[Note(1), Note(2), Note(3)]]


async def test_a_stream_cut_at_every_byte_gives_the_same_messages(recorder: type, stream_pair: Pair) -> None:
    machine = recorder()
    driver = a_driver(machine)
    driver.plug("peer", stream_pair[0])
    async with running(driver):
        for at in range(len(data := hello_frame() + frame(notes(1, 2)) + frame(notes(3)))):
            stream_pair[1].send(data[at : at + 1])
            await trio.testing.wait_all_tasks_blocked()
        await machine.until(lambda events: numbers_of(events) == [1, 2, 3])


async def test_end_of_turn_comes_once_for_all_that_arrived_together(recorder: type) -> None:
    turns: list[int] = []

    class Batching(recorder):  # type: ignore[misc]
        def end_turn(self, now_ns: int) -> list[Effect]:
            turns.append(len(numbers_of(self.events)))
            return [Send("peer", Note(100 + len(turns)))]

    near, far = memory_pair()
    driver = a_driver(Batching())
    driver.plug("peer", near)
    peer = greeted(far)
    peer.say(notes(1, 2), notes(3, 4))
    async with running(driver):
        assert await peer.hear_notes(2) == [101, 102]
    assert turns == [0, 4]


async def test_the_end_of_a_peer_is_told_after_its_last_message(recorder: type, stream_pair: Pair) -> None:
    machine = recorder()
    driver = a_driver(machine)
    driver.plug("peer", stream_pair[0])
    peer = greeted(stream_pair[1])
    peer.say(notes(7))
    async with running(driver):
        await machine.until(len)
        peer.stream.close()
        await machine.until(lambda events: len(events) == 3)
    assert machine.events == [
        LinkOpened("peer"),
        Received("peer", Note(7)),
        LinkClosed("peer", machine.events[2].reason),
    ]


async def test_a_machine_that_closes_a_link_is_told_so_once(recorder: type, stream_pair: Pair) -> None:
    def refuse(event: Event, now_ns: int) -> list[Effect]:
        if isinstance(event, Received):
            return [Send("peer", Note(9)), CloseLink("peer", "bad manners"), Send("peer", Note(10))]
        return []

    machine, lines = recorder(refuse), list[str]()
    driver = a_driver(machine, lines.append)
    driver.plug("peer", stream_pair[0])
    peer = greeted(stream_pair[1])
    peer.say(notes(1, 2))
    async with running(driver):
        assert await peer.hear_notes(1) == [9]
        assert await peer.hear() is None
        await machine.until(lambda events: events[-1] == LinkClosed("peer", "bad manners"))
        assert driver.links == []
    assert numbers_of(machine.events) == [1]
    assert lines == ["link peer: bad manners"]


async def test_a_new_link_of_a_name_follows_the_end_of_the_old_one(recorder: type, stream_pair: Pair) -> None:
    machine = recorder(echo)
    driver = a_driver(machine)
    driver.plug("dom0", stream_pair[0])
    old = greeted(stream_pair[1])
    near, far = memory_pair()
    async with running(driver):
        await machine.until(len)
        old.say(notes(1))
        driver.plug("dom0", near)
        new = greeted(far)
        new.say(notes(2))
        assert await new.hear_notes(1) == [2]
        assert await old.hear_notes(1) == [1]
        assert await old.hear() is None
    reason = "replaced by a new link"
    assert machine.events == [
        LinkOpened("dom0"),
        Received("dom0", Note(1)),
        LinkClosed("dom0", reason),
        LinkOpened("dom0"),
        Received("dom0", Note(2)),
    ]


async def test_sends_on_links_that_are_not_there_are_dropped(recorder: type) -> None:
    machine = recorder(lambda event, now_ns: [Send("nobody", Note(1)), Log("done")])
    lines: list[str] = []
    driver = a_driver(machine, lines.append)
    driver.post(ProcessEnded("x", 9))
    async with running(driver):
        await machine.until(len)
        await trio.testing.wait_all_tasks_blocked()
    assert lines == ["done"]


async def test_a_peer_that_never_reads_loses_its_link_and_others_go_on(
    recorder: type, stream_pair: Pair
) -> None:
    def flood(event: Event, now_ns: int) -> list[Effect]:
        if isinstance(event, Received) and event.link == "asker":
            return [*(Send("deaf", Note(0, bytes(100_000))) for _ in range(20)), Send("asker", event.message)]
        return []

    machine, lines = recorder(flood), list[str]()
    driver = a_driver(machine, lines.append, max_backlog_bytes=9_000_000)
    driver.plug("deaf", stream_pair[0])
    near, far = memory_pair()
    driver.plug("asker", near)
    asker = greeted(far)
    async with running(driver):
        for number in range(12):
            asker.say(notes(number))
            assert await asker.hear_notes(1) == [number]
        assert driver.links == ["asker"]
    (closed,) = (event for event in machine.events if isinstance(event, LinkClosed))
    assert closed.link == "deaf"
    assert "does not read" in closed.reason
    assert len(lines) == 1


async def test_a_peer_that_never_reads_is_not_read_from_where_there_is_a_limit(
    recorder: type, stream_pair: Pair
) -> None:
    def answer(event: Event, now_ns: int) -> list[Effect]:
        return [Send(event.link, Note(0, bytes(100_000)))] if isinstance(event, Received) else []

    machine = recorder(answer)
    driver = a_driver(machine, unread_limit=100_000)
    driver.plug("deaf", stream_pair[0])
    deaf = greeted(stream_pair[1])
    async with running(driver):
        for _ in range(150):
            deaf.say(notes(0))
            await trio.testing.wait_all_tasks_blocked()
        assert 2 < len(machine.events) < 120
        assert await deaf.hear_notes(150) == [0] * 150
        assert driver.links == ["deaf"]


@pytest.mark.parametrize(("cost_ns", "least", "most"), [(0, 0, 4), (10_000, 8, 100)])
async def test_the_longer_a_turn_of_a_flood_takes_the_more_turns_others_have_before_its_next(
    recorder: type, cost_ns: int, least: int, most: int
) -> None:
    now, order = [0], list[str]()

    def work(event: Event, now_ns: int) -> list[Effect]:
        if not isinstance(event, Received):
            return []
        if event.link == "flood":
            now[0] += cost_ns
            if event.message.number % MESSAGES_PER_TURN == 0:
                order.append("flood")
            return []
        order.append("asker")
        return [Send("asker", event.message)]

    driver = a_driver(recorder(work), clock=lambda: now[0])
    ends = {name: memory_pair() for name in ("flood", "asker")}
    for name, (near, _) in ends.items():
        driver.plug(name, near)
    flood, asker = (greeted(far) for _, far in ends.values())
    async with running(driver):
        await trio.testing.wait_all_tasks_blocked()
        flood.say(notes(*range(10 * MESSAGES_PER_TURN)))
        while order.count("flood") < 10:
            asker.say(notes(1))
            assert await asker.hear_notes(1) == [1]
    between = "".join(each[0] for each in order).split("f")[1:-1]
    assert all(least <= len(each) <= most for each in between), between


async def test_a_slow_reader_gets_everything_in_order(recorder: type, stream_pair: Pair) -> None:
    def burst(event: Event, now_ns: int) -> list[Effect]:
        opened = isinstance(event, LinkOpened)
        return [Send("peer", Note(number, bytes(50_000))) for number in range(100)] if opened else []

    driver = a_driver(recorder(burst))
    driver.plug("peer", stream_pair[0])
    peer = Peer(stream_pair[1])
    async with running(driver):
        await trio.testing.wait_all_tasks_blocked()
        assert await peer.hear_notes(100) == list(range(100))


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
    def answer(link: str, message: object, asked: object) -> object | None:
        assert link == "peer"
        assert asked is machine
        assert isinstance(message, Query)
        return Note(message.number + 1) if message.number else None

    machine = recorder()
    driver = a_driver(machine, intercept={Query: answer})
    driver.plug("peer", stream_pair[0])
    peer = greeted(stream_pair[1])
    peer.say(CODEC.encode(Query(0)) + CODEC.encode(Query(5)))
    async with running(driver):
        assert await peer.hear() == [[Note(6)]]
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


def mock_now_ns() -> int:
    return round(trio.current_time() * 1e9)


async def test_deadlines_pass_at_their_time_also_when_moved(
    recorder: type, autojump_clock: trio.testing.MockClock
) -> None:
    def move(event: Event, now_ns: int) -> list[Effect]:
        if isinstance(event, ProcessEnded):
            machine.deadline_ns = event.status * 10**9
        else:
            machine.deadline_ns = {2: 7, 7: 20}.get(now_ns // 10**9, 0) * 10**9 or None
        return []

    machine = recorder(move)
    machine.deadline_ns = 50 * 10**9
    driver = a_driver(machine, clock=mock_now_ns)
    async with running(driver):
        await trio.sleep(1)
        driver.post(ProcessEnded("earlier", 2))
        await trio.sleep(9)
        driver.post(ProcessEnded("later", 30))
        await trio.sleep(90)
    passed = [
        time
        for time, event in zip(machine.times_ns, machine.events, strict=True)
        if event == DeadlinePassed()
    ]
    assert [round(time / 1e9, 3) for time in passed] == [2, 7, 30]


async def test_a_deadline_that_has_passed_is_told_at_once(
    recorder: type, autojump_clock: trio.testing.MockClock
) -> None:
    def clear(event: Event, now_ns: int) -> list[Effect]:
        machine.deadline_ns = None
        return []

    machine = recorder(clear)
    machine.deadline_ns = 0
    async with running(a_driver(machine, clock=mock_now_ns)):
        await trio.sleep(10)
    assert machine.events == [DeadlinePassed()]


async def test_a_busy_link_does_not_keep_others_waiting(recorder: type) -> None:
    busy_near, busy_far = unix_pair()
    near, far = memory_pair()
    machine = recorder(echo)
    driver = a_driver(machine)
    driver.plug("busy", SocketStream(busy_near))
    driver.plug("quiet", near)
    busy, quiet = greeted(SocketStream(busy_far)), greeted(far)

    async def keep_busy() -> None:
        while True:
            busy.say(notes(1))
            await busy.hear()

    async with running(driver), trio.open_nursery() as nursery:
        nursery.start_soon(keep_busy)
        for number in range(20):
            quiet.say(notes(number))
            assert await quiet.hear_notes(1) == [number]
        nursery.cancel_scope.cancel()
    busy.stream.close()


async def test_a_flooding_link_lets_others_have_their_turns(recorder: type) -> None:
    flooding, quiet = memory_pair(), memory_pair()
    machine = recorder(echo)
    driver = a_driver(machine)
    driver.plug("flooding", flooding[0])
    driver.plug("quiet", quiet[0])
    flood, calm = greeted(flooding[1]), greeted(quiet[1])
    flood.say(notes(*range(3000)))
    calm.say(notes(-1))
    async with running(driver):
        await machine.until(lambda events: len(numbers_of(events)) == 3001)
    numbers = numbers_of(machine.events)
    assert [number for number in numbers if number >= 0] == list(range(3000))
    assert numbers.index(-1) <= 2 * MESSAGES_PER_TURN


async def test_a_link_that_the_machine_has_closed_is_not_listened_to(recorder: type) -> None:
    def close_it(event: Event, now_ns: int) -> list[Effect]:
        return [CloseLink(event.link, "no more")] if isinstance(event, Received) else []

    near, far = memory_pair()
    machine = recorder(close_it)
    driver = a_driver(machine)
    driver.plug("peer", near)
    greeted(far).say(notes(1, 2), notes(3), notes(4))
    async with running(driver):
        await machine.until(lambda events: any(isinstance(event, LinkClosed) for event in events))
    assert numbers_of(machine.events) == [1]


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
