"""Raw links: bytes as they come, and who does not read waits for itself."""

from contextlib import asynccontextmanager

import pytest
import trio

from actors.runtime.actor import ActorDriver
from actors.runtime.codec import Codec
from actors.runtime.link import RAW_UNREAD_BYTES
from actors.runtime.machine import CloseLink, LinkClosed, LinkOpened, Received, Send
from actors.runtime.transport import memory_pair

CODEC = Codec()
DATA = bytes(range(256)) * 4
LOUD = 100_000


def echo(event, now_ns):
    return [Send(event.link, event.message)] if isinstance(event, Received) else []


@asynccontextmanager
async def running(driver):
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(driver.run)
            yield
            driver.kill()


async def send(stream, data):
    while data:
        try:
            data = data[stream.send(data) :]
        except BlockingIOError:
            await stream.wait_writable()


async def receive(stream, count):
    buffer, found = memoryview(bytearray(65536)), bytearray()
    while len(found) < count:
        try:
            got = stream.receive_into(buffer)
        except BlockingIOError:
            await stream.wait_readable()
            continue
        if not got:
            break
        found += buffer[:got]
    return bytes(found)


def heard(machine, link):
    return b"".join(
        each.message for each in machine.events if isinstance(each, Received) and each.link == link
    )


async def test_bytes_come_as_they_are_and_nobody_greets(recorder, stream_pair):
    machine = recorder(echo)
    driver = ActorDriver("store", machine, CODEC, log=print)
    driver.plug_raw("tool", stream_pair[0])
    async with running(driver):
        await send(stream_pair[1], DATA)
        assert await receive(stream_pair[1], len(DATA)) == DATA
    assert machine.events[0] == LinkOpened("tool")
    assert heard(machine, "tool") == DATA


async def test_portions_cut_at_every_byte_lose_nothing(recorder, stream_pair):
    driver = ActorDriver("store", recorder(echo), CODEC, log=print)
    driver.plug_raw("tool", stream_pair[0])
    async with running(driver):
        for cut in range(0, len(DATA), 7):
            await send(stream_pair[1], DATA[:cut])
            await trio.testing.wait_all_tasks_blocked()
            await send(stream_pair[1], DATA[cut:])
            assert await receive(stream_pair[1], len(DATA)) == DATA


async def test_who_never_reads_a_raw_link_waits_for_itself_and_others_are_served(recorder, stream_pair):
    def shout(event, now_ns):
        if not isinstance(event, Received):
            return []
        return [Send(event.link, bytes(LOUD) if event.link == "deaf" else event.message)]

    machine = recorder(shout)
    driver = ActorDriver("store", machine, CODEC, log=print)
    driver.plug_raw("deaf", stream_pair[0])
    near, far = memory_pair()
    driver.plug_raw("good", near)
    async with running(driver):
        for _ in range(150):
            await send(stream_pair[1], b"x")
            await trio.testing.wait_all_tasks_blocked()
        taken = len(heard(machine, "deaf"))
        assert 2 < taken < 120
        assert len(driver._outgoing.links["deaf"].backlog) < RAW_UNREAD_BYTES + 2 * LOUD
        await send(far, DATA)
        assert await receive(far, len(DATA)) == DATA
        await receive(stream_pair[1], taken * LOUD)
        await trio.testing.wait_all_tasks_blocked()
        assert len(heard(machine, "deaf")) > taken
        assert driver.links == ["deaf", "good"]


@pytest.mark.parametrize("how", ["the other end", "the machine"])
async def test_the_end_of_a_link_is_told_once_and_others_go_on(recorder, stream_pair, how):
    def part(event, now_ns):
        if isinstance(event, Received) and event.message == b"garbage":
            return [CloseLink(event.link, "nonsense")]
        return echo(event, now_ns)

    machine = recorder(part)
    driver = ActorDriver("store", machine, CODEC, log=lambda _line: None)
    driver.plug_raw("bad", stream_pair[0])
    near, far = memory_pair()
    driver.plug_raw("good", near)
    async with running(driver):
        if how == "the other end":
            stream_pair[1].close()
        else:
            await send(stream_pair[1], b"garbage")
            assert await receive(stream_pair[1], 1) == b""
        await machine.until(lambda events: any(isinstance(each, LinkClosed) for each in events))
        await send(far, DATA)
        assert await receive(far, len(DATA)) == DATA
    ends = [each for each in machine.events if isinstance(each, LinkClosed)]
    assert [each.link for each in ends] == ["bad"]
