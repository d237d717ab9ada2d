"""The links of one actor under the live driver: what arrives, in which order, and how a link ends."""

import trio
import trio.testing

from actors.runtime.framing import frame, hello_frame
from actors.runtime.machine import (
    CloseLink,
    Effect,
    Event,
    LinkClosed,
    LinkOpened,
    Log,
    ProcessEnded,
    Received,
    Send,
)
from actors.runtime.transport import ByteStream, memory_pair
from tests.runtime.driven import Note, Peer, a_driver, echo, greeted, notes, numbers_of, running

Pair = tuple[ByteStream, ByteStream]


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


async def test_a_link_that_the_owner_cuts_is_closed_before_another_of_its_name_opens(recorder: type) -> None:
    machine = recorder()
    driver = a_driver(machine)
    (ours, theirs), (again, _theirs) = memory_pair(), memory_pair()
    driver.plug("peer", ours)
    peer = greeted(theirs)
    async with running(driver):
        await machine.until(len)
        driver.post(CloseLink("peer", "cut off"))
        driver.plug("peer", again)
        driver.post(CloseLink("nobody", "cut off"))
        assert await peer.hear() is None
        await machine.until(lambda events: len(events) == 3)
    assert machine.events == [LinkOpened("peer"), LinkClosed("peer", "cut off"), LinkOpened("peer")]


async def test_a_link_that_was_just_plugged_is_cut_too(recorder: type) -> None:
    machine = recorder()
    driver = a_driver(machine)
    driver.plug("peer", memory_pair()[0])
    driver.post(CloseLink("peer", "cut off"))
    async with running(driver):
        await machine.until(lambda events: len(events) == 2)
        assert driver.links == []
    assert machine.events == [LinkOpened("peer"), LinkClosed("peer", "cut off")]
