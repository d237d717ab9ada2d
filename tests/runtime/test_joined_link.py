"""A link between two live actors of one process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from actors.runtime import joined_link
from actors.runtime.actor import ActorDriver
from actors.runtime.joined_link import joined_ends
from actors.runtime.link_rules import DELAY, DROP, LinkRule
from actors.runtime.machine import CloseLink, Effect, Event, Exit, LinkClosed, LinkOpened, Received, Send
from actors.runtime.waiting import Waiting
from tests.runtime.driven import Note, a_driver, mock_now_ns, numbers_of


def say(*numbers: int) -> list[Effect]:
    return [Send("peer", Note(number)) for number in numbers]


def when_opened(*effects: Effect) -> Callable[[Event, int], list[Effect]]:
    return lambda event, _now_ns: list(effects) if isinstance(event, LinkOpened) else []


def nothing(_event: Event, _now_ns: int) -> list[Effect]:
    return []


class Two:
    """Two actors of one process; `order` has the numbers that one and other were given, as they came."""

    def __init__(self, recorder: type, one: object, other: object) -> None:
        self.one, self.other = recorder(one), recorder(other)
        self.waiting = Waiting()
        self.logs: list[str] = []
        self.failures: list[BaseException] = []
        self.drivers = [
            a_driver(machine, self.logs.append, waiting=self.waiting, clock=mock_now_ns)
            for machine in (self.one, self.other)
        ]

    def join(self) -> None:
        for driver, end in zip(self.drivers, joined_ends(), strict=True):
            driver.plug("peer", end)

    async def run_one(self, driver: ActorDriver) -> None:
        try:
            await driver.run()
        except BaseExceptionGroup as group:
            self.failures += group.exceptions


@asynccontextmanager
async def two(recorder: type, one: object, other: object) -> AsyncIterator[Two]:
    both = Two(recorder, one, other)
    async with trio.open_nursery() as nursery:
        both.waiting.start(nursery)
        for driver in both.drivers:
            nursery.start_soon(both.run_one, driver)
        both.join()
        await trio.testing.wait_all_tasks_blocked()
        yield both
        for driver in both.drivers:
            driver.kill()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_what_a_turn_sends_is_the_next_turn_of_the_other_and_the_very_messages(recorder: type) -> None:
    sent = Note(1)
    async with two(recorder, when_opened(Send("peer", sent), Send("peer", Note(2))), nothing) as both:
        assert numbers_of(both.other.events) == [1, 2]
        assert both.other.events[1].message is sent


async def test_two_who_answer_each_other_take_turns_and_others_have_theirs(recorder: type) -> None:
    def answer(event: Event, _now_ns: int) -> list[Effect]:
        return say(event.message.number + 1) if isinstance(event, Received) else []

    def begin(event: Event, now_ns: int) -> list[Effect]:
        return say(0) if isinstance(event, LinkOpened) else answer(event, now_ns)

    passes = 0
    both = Two(recorder, begin, answer)
    async with trio.open_nursery() as nursery:
        both.waiting.start(nursery)
        for driver in both.drivers:
            nursery.start_soon(driver.run)
        both.join()
        while not both.one.events or max(numbers_of(both.one.events), default=0) < 1000:
            passes += 1
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert passes > 50
    heard = numbers_of(both.one.events)
    assert heard == list(range(1, 2 * len(heard), 2))


async def test_more_than_a_turn_is_taken_in_several_and_in_order(recorder: type) -> None:
    async with two(recorder, when_opened(*say(*range(1000))), nothing) as both:
        assert numbers_of(both.other.events) == list(range(1000))


async def test_the_last_words_of_one_who_ends_are_heard_before_the_end(recorder: type) -> None:
    async with two(recorder, when_opened(*say(*range(300)), Exit("done")), nothing) as both:
        await trio.testing.wait_all_tasks_blocked()
        assert numbers_of(both.other.events) == list(range(300))
        assert both.other.events[-1] == LinkClosed("peer", "closed by the peer")


async def test_what_is_sent_to_one_who_is_killed_is_no_matter(recorder: type) -> None:
    async with two(recorder, lambda _event, _now_ns: say(1), nothing) as both:
        both.drivers[1].kill()
        await trio.testing.wait_all_tasks_blocked()
        assert both.one.events == [LinkOpened("peer"), LinkClosed("peer", "closed by the peer")]


async def test_who_is_frozen_has_what_was_sent_when_it_thaws(recorder: type) -> None:
    async with two(recorder, lambda _event, _now_ns: say(1), nothing) as both:
        both.other.events.clear()
        both.drivers[1].freezer.freeze()
        both.drivers[0].post(LinkOpened("nobody"))
        await trio.testing.wait_all_tasks_blocked()
        assert both.other.events == []
        both.drivers[1].freezer.thaw()
        await trio.testing.wait_all_tasks_blocked()
        assert numbers_of(both.other.events) == [1]


async def test_rules_break_it_as_any_link(recorder: type, autojump_clock: object) -> None:
    async with two(recorder, lambda _event, _now_ns: say(1), nothing) as both:
        both.other.events.clear()
        both.drivers[0].set_rules("peer", [LinkRule(DROP)], "1")
        both.drivers[0].post(LinkOpened("nobody"))
        await trio.testing.wait_all_tasks_blocked()
        assert both.other.events == []
        both.drivers[0].set_rules("peer", [LinkRule(DELAY, delay_ns=50_000_000)], "1")
        both.drivers[0].post(LinkOpened("nobody"))
        await trio.testing.wait_all_tasks_blocked()
        assert both.other.events == []
        await trio.sleep(0.06)
        assert numbers_of(both.other.events) == [1]


async def test_an_exception_of_the_called_is_its_own(recorder: type) -> None:
    def fail(event: Event, _now_ns: int) -> list[Effect]:
        assert not isinstance(event, Received), "we are wrong"
        return []

    async with two(recorder, when_opened(*say(1)), fail) as both:
        await trio.testing.wait_all_tasks_blocked()
        assert [str(each).partition("\n")[0] for each in both.failures] == ["we are wrong"]
        assert both.one.events == [LinkOpened("peer"), LinkClosed("peer", "closed by the peer")]


async def test_who_takes_nothing_loses_the_link(recorder: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined_link, "MESSAGES_MAX", 3)
    async with two(recorder, lambda _event, _now_ns: say(1, 2), nothing) as both:
        both.drivers[1].freezer.freeze()
        for _ in range(2):
            both.drivers[0].post(LinkOpened("nobody"))
        await trio.testing.wait_all_tasks_blocked()
        assert "the peer does not read" in both.one.events[-1].reason


async def test_a_link_that_a_machine_closes_ends_at_both(recorder: type) -> None:
    close = [*say(1), CloseLink("peer", "bad manners"), *say(2)]
    async with two(recorder, when_opened(*close), nothing) as both:
        assert numbers_of(both.other.events) == [1]
        assert both.other.events[-1] == LinkClosed("peer", "closed by the peer")
        assert both.one.events[-1] == LinkClosed("peer", "bad manners")


async def test_a_new_link_of_the_name_follows_all_that_the_old_one_carried(recorder: type) -> None:
    async with two(recorder, when_opened(*say(1)), nothing) as both:
        both.join()
        await trio.testing.wait_all_tasks_blocked()
        kinds = [type(event) for event in both.other.events]
        assert kinds == [LinkOpened, Received, LinkClosed, LinkOpened, Received]
