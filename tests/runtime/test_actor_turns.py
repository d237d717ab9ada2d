"""The turns of one actor under the live driver: deadlines, and that no link keeps another waiting."""

import pytest
import trio
import trio.testing

from actors.runtime.arrivals import MESSAGES_PER_TURN
from actors.runtime.machine import (
    DeadlinePassed,
    Effect,
    Event,
    ProcessEnded,
    Received,
    Send,
)
from actors.runtime.transport import SocketStream, memory_pair, unix_pair
from tests.runtime.driven import Note, a_driver, echo, greeted, mock_now_ns, notes, numbers_of, running


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


async def test_a_deadline_that_passes_while_it_is_frozen_is_told_when_it_thaws(
    recorder: type, autojump_clock: trio.testing.MockClock
) -> None:
    def clear(event: Event, now_ns: int) -> list[Effect]:
        machine.deadline_ns = None
        return []

    machine = recorder(clear)
    machine.deadline_ns = 5 * 10**9
    driver = a_driver(machine, clock=mock_now_ns)
    async with running(driver):
        driver.freezer.freeze()
        await trio.sleep(10)
        assert machine.events == []
        driver.freezer.thaw()
        await trio.sleep(1)
    assert machine.events == [DeadlinePassed()]
    assert [round(each / 1e9) for each in machine.times_ns] == [10]


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
