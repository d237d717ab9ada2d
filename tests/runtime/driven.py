"""A live driver with a machine that records, and a peer that speaks bytes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio
import trio.testing

from actors.runtime.actor import ActorDriver
from actors.runtime.codec import Codec, wire
from actors.runtime.framing import FrameReader, frame, hello_frame
from actors.runtime.machine import (
    Effect,
    Event,
    Received,
    Send,
)
from actors.runtime.transport import ByteStream


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


def mock_now_ns() -> int:
    return round(trio.current_time() * 1e9)
