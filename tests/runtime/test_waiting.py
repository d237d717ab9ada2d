"""What actors wait for, in trio and, where alone, in the epoll itself: what wakes them, and who has turns."""

import contextlib
import select
import socket
import time
from collections.abc import Callable

import pytest
import trio
import trio.testing

from actors.runtime.alarm import Alarm
from actors.runtime.machine import Exit, LinkClosed, LinkOpened, ProcessEnded
from actors.runtime.transport import ByteStream, SocketStream, memory_pair, unix_pair
from actors.runtime.waiting import LONGEST_S, Waiting
from tests.runtime.driven import Peer, a_driver, echo, greeted, notes, numbers_of, running

MANY = 100
MOST_WAITS = 1000
SOON_NS = 2_000_000


class Epoll:
    """An epoll that notes how long it may wait, after something has been done; it does not wait for ever."""

    def __init__(self, first: Callable[[], object] = lambda: None) -> None:
        epoll = select.epoll()
        self._poll, self._first = epoll.poll, first
        self.fileno, self.close = epoll.fileno, epoll.close
        self.register, self.unregister = epoll.register, epoll.unregister
        self.waits: list[float] = []

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        if timeout:
            self._first()
            self.waits.append(timeout)
            assert len(self.waits) < MOST_WAITS, "nothing ends this"
        return self._poll(timeout)


def alone(first: Callable[[], object] = lambda: None) -> tuple[Waiting, Epoll]:
    waiting, epoll = Waiting(alone=True), Epoll(first)
    waiting._epoll = epoll
    return waiting, epoll


class Rally:
    """A link that is answered with what wakes it again, `rounds` times; then all ends."""

    def __init__(self, rounds: int) -> None:
        self.near, self.far = socket.socketpair()
        self.left = rounds
        self.waiting, self.epoll = alone(self._first)
        self.waiting.register(self.near.fileno(), self._serve)

    def run(self, *beside: Callable[[], object]) -> list[float]:
        """How long the epoll might wait, with some tasks beside it."""
        with self.near, self.far:
            trio.run(self._run, *beside)
        return self.epoll.waits

    async def _run(self, *beside: Callable[[], object]) -> None:
        async with trio.open_nursery() as self.nursery:
            self.waiting.start(self.nursery)
            for each in beside:
                self.nursery.start_soon(each)
            self.far.send(b"first")

    def _first(self) -> None:
        self.far.send(b"again")

    def _serve(self) -> None:
        self.near.recv(100)
        self.left -= 1
        if not self.left:
            self.waiting.give_way()
            self.nursery.cancel_scope.cancel()


def test_who_is_alone_waits_in_the_epoll_itself() -> None:
    waits = Rally(50).run()
    assert len(waits) >= 40
    assert set(waits) == {LONGEST_S}


def test_a_task_that_only_waits_for_others_keeps_nobody_from_waiting_in_the_epoll() -> None:
    assert len(Rally(50).run(trio.sleep_forever, trio.Event().wait)) >= 40


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_a_task_that_runs_or_waits_for_a_time_has_its_turns(seconds: float) -> None:
    turns = 0

    async def run() -> None:
        nonlocal turns
        while turns < 20:
            await trio.sleep(seconds)
            turns += 1
        rally.waiting.give_way()
        rally.nursery.cancel_scope.cancel()

    rally = Rally(1 << 30)
    assert rally.run(run) == []
    assert turns == 20


@pytest.mark.parametrize("wait", ["wait_readable", "wait_writable"])
def test_a_task_that_waits_for_io_keeps_the_wait_in_trio(wait: str) -> None:
    ours, theirs = unix_pair()
    woken: list[bool] = []

    async def run() -> None:
        await getattr(trio.lowlevel, wait)(ours)
        woken.append(True)
        rally.nursery.cancel_scope.cancel()

    def begin_to_wait_in_trio() -> int:
        theirs.send(b"x") if wait == "wait_readable" else theirs.recv(1 << 20)
        return fileno()

    if wait == "wait_writable":
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(4096))
    rally = Rally(1 << 30)
    fileno, rally.epoll.fileno = rally.epoll.fileno, begin_to_wait_in_trio
    with ours, theirs:
        assert rally.run(run) == []
    assert woken == [True]


def test_a_task_that_a_call_wakes_has_its_turn_before_the_next_wait_in_the_epoll() -> None:
    rally, event, order = Rally(1 << 30), trio.Event(), list[str]()

    async def run() -> None:
        await event.wait()
        order.append("task")
        rally.nursery.cancel_scope.cancel()

    def wake() -> None:
        if len(rally.epoll.waits) == 5:
            event.set()

    def note() -> None:
        order.append("wait")
        if len(rally.epoll.waits) == 4:
            rally.waiting.soon(wake)
        rally.far.send(b"again")

    rally.epoll._first = note
    rally.run(run)
    assert order == ["wait"] * 5 + ["task"]


def test_a_signal_handler_that_speaks_to_trio_is_heard_when_the_longest_wait_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actors.runtime.waiting.LONGEST_S", 0.001)

    async def main() -> None:
        token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as nursery:
            waiting, epoll = alone(
                lambda: len(epoll.waits) == 3 and token.run_sync_soon(nursery.cancel_scope.cancel)
            )
            waiting.start(nursery)
        assert len(epoll.waits) == 4

    trio.run(main)


def test_an_alarm_ends_the_wait_in_the_epoll() -> None:
    rung: list[int] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            waiting, epoll = alone()

            def ring() -> None:
                rung.append(time.monotonic_ns())
                alarm.due_ns = None
                if len(rung) == 3:
                    waiting.give_way()
                    nursery.cancel_scope.cancel()
                else:
                    alarm.set()

            alarm = Alarm(lambda: time.monotonic_ns() + SOON_NS, time.monotonic_ns, ring)
            alarm.set()
            waiting.alarms.append(alarm)
            waiting.start(nursery)
        assert all(each <= SOON_NS / 1e9 for each in epoll.waits)
        assert epoll.waits

    trio.run(main)
    assert len(rung) == 3


async def test_the_earliest_alarm_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    waiting, rung = Waiting(), list[tuple[str, float]]()

    def clock() -> int:
        return round(trio.current_time() * 1e9)

    def alarm(name: str, due_s: float) -> Alarm:
        def ring() -> None:
            rung.append((name, round(trio.current_time(), 3)))
            new.stop()

        new = Alarm(lambda: round(due_s * 1e9), clock, ring)
        new.set()
        return new

    waiting.alarms += [alarm("late", 9), alarm("never", 1000), alarm("early", 4), alarm("past", -1)]
    async with trio.open_nursery() as nursery:
        waiting.start(nursery)
        await trio.sleep(20)
        nursery.cancel_scope.cancel()
    assert rung == [("past", 0), ("early", 4), ("late", 9)]


async def test_a_call_that_is_to_come_after_passes_comes_after_those_of_others() -> None:
    waiting, passes, seen = Waiting(), 0, list[int]()
    async with trio.open_nursery() as nursery:
        waiting.start(nursery)
        waiting.soon(lambda: seen.append(passes), passes=10)
        for _ in range(20):
            await trio.lowlevel.checkpoint()
            passes += 1
        nursery.cancel_scope.cancel()
    assert len(seen) == 1
    assert abs(seen[0] - 10) <= 2


async def pass_by() -> None:
    """Let others come to rest; trio's own tool for this needs a trio that waits."""
    for _ in range(20):
        await trio.lowlevel.checkpoint()


@pytest.fixture(params=[False, True], ids=["in_trio", "alone"])
def waiting(request: pytest.FixtureRequest) -> Waiting:
    return Waiting(alone=request.param)


async def test_a_posted_event_and_a_plugged_link_wake_who_waits(waiting: Waiting, recorder: type) -> None:
    machine = recorder(echo)
    driver = a_driver(machine, waiting=waiting)
    near, far = memory_pair()
    async with running(driver):
        await pass_by()
        driver.post(ProcessEnded("x", 0))
        await machine.until(len)
        await pass_by()
        driver.plug("peer", near)
        await machine.until(lambda events: len(events) == 2)
        peer = greeted(far)
        peer.say(notes(7))
        assert await peer.hear_notes(1) == [7]
    assert machine.events[:2] == [ProcessEnded("x", 0), LinkOpened("peer")]


async def test_a_link_that_is_closed_while_others_are_waited_for_is_waited_for_no_more(
    waiting: Waiting, recorder: type, stream_pair: tuple[ByteStream, ByteStream]
) -> None:
    machine = recorder(echo)
    driver = a_driver(machine, waiting=waiting)
    near, far = unix_pair()
    driver.plug("gone", stream_pair[0])
    driver.plug("stays", SocketStream(near))
    async with running(driver):
        await machine.until(lambda events: len(events) == 2)
        stream_pair[1].close()
        await machine.until(lambda events: any(isinstance(each, LinkClosed) for each in events))
        peer = greeted(SocketStream(far))
        peer.say(notes(1))
        assert await peer.hear_notes(1) == [1]
        assert len(waiting._calls) == 1
    assert waiting._calls == {}
    peer.stream.close()


async def test_many_links_are_served_in_one_wait(waiting: Waiting, recorder: type) -> None:
    machine = recorder(echo)
    driver = a_driver(machine, waiting=waiting)
    peers: list[Peer] = []
    for number in range(MANY):
        near, far = unix_pair()
        driver.plug(f"peer{number}", SocketStream(near))
        peers.append(greeted(SocketStream(far)))
    async with running(driver):
        for number, peer in enumerate(peers):
            peer.say(notes(number))
        for number, peer in enumerate(peers):
            assert await peer.hear_notes(1) == [number]
    assert sorted(numbers_of(machine.events)) == list(range(MANY))
    for peer in peers:
        peer.stream.close()


async def test_actors_that_wait_together_end_one_by_one(waiting: Waiting, recorder: type) -> None:
    drivers = [a_driver(recorder(lambda event, _: [Exit("done")]), waiting=waiting) for _ in range(2)]
    near, far = unix_pair()
    failing = a_driver(recorder(lambda event, _: {}["wrong"]), waiting=waiting)
    failing.plug("peer", SocketStream(near))
    ended: list[int] = []

    async def run(number: int) -> None:
        assert await drivers[number].run() == "done"
        ended.append(number)

    async with trio.open_nursery() as nursery:
        waiting.start(nursery)
        for number in range(2):
            nursery.start_soon(run, number)
        with pytest.RaisesGroup(KeyError):
            await failing.run()
        assert await Peer(SocketStream(far)).hear() is None
        for number in (1, 0):
            drivers[number].post(ProcessEnded("x", 0))
            await pass_by()
        nursery.cancel_scope.cancel()
    assert ended == [1, 0]
    far.close()
