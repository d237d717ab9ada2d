"""A peer that sends nonsense loses its link; its neighbour does not notice."""

import struct
from dataclasses import dataclass

import msgpack
import pytest
import trio

from actors.runtime.actor import ActorDriver
from actors.runtime.codec import Codec, wire
from actors.runtime.framing import frame, hello_frame
from actors.runtime.machine import Effect, Event, LinkClosed, Received, Send
from actors.runtime.transport import ByteStream, memory_pair


@wire(1)
@dataclass(slots=True)
class Note:
    text: str


CODEC = Codec(Note)
GOOD = frame(CODEC.encode(Note("good")))

HOSTILE = {
    "no hello": GOOD,
    "a hello of another version": hello_frame(version=99),
    "nonsense from the start": b"GET / HTTP/1.1\r\n\r\n",
    "a frame of no length": hello_frame() + GOOD + bytes(4),
    "a frame too large": hello_frame() + GOOD + struct.pack("<I", 256 * 1024 + 1),
    "the largest length": hello_frame() + b"\xff\xff\xff\xff",
    "an unknown tag": hello_frame() + frame(msgpack.packb([77, "x"])),
    "a wrong type": hello_frame() + frame(msgpack.packb([1, 5])),
    "too many fields": hello_frame() + frame(msgpack.packb([1, "x", "y"])),
    "a truncated message": hello_frame() + frame(CODEC.encode(Note("good"))[:-1]),
    "junk behind a message": hello_frame() + frame(CODEC.encode(Note("good")) + b"\xc1"),
    "nested 1000 deep": hello_frame() + frame(b"\x91" * 1000 + b"\xc0"),
    "nested 200000 deep": hello_frame() + frame(b"\x91" * 200_000),
    "a huge array claimed": hello_frame() + frame(b"\x92\x01\xdd\xff\xff\xff\xff"),
    "a huge text claimed": hello_frame() + frame(b"\x92\x01\xdb\xff\xff\xff\xff"),
    "an ext type": hello_frame() + frame(b"\x92\x01" + msgpack.packb(msgpack.ExtType(1, b"x"))),
    "bad UTF-8": hello_frame() + frame(b"\x92\x01\xa1\xff"),
}


def echo(event: Event, now_ns: int) -> list[Effect]:
    return [Send(event.link, event.message)] if isinstance(event, Received) else []


@pytest.mark.parametrize("data", HOSTILE.values(), ids=list(HOSTILE))
async def test_nonsense_closes_that_link_only(
    data: bytes, recorder: type, stream_pair: tuple[ByteStream, ByteStream]
) -> None:
    machine, lines = recorder(echo), list[str]()
    driver = ActorDriver("actor", machine, CODEC, log=lines.append)
    near, far = memory_pair()
    driver.plug("good", near)
    driver.plug("bad", stream_pair[0])
    sender = stream_pair[1]
    far.send(hello_frame())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(driver.run)

        async def send_all(data: bytes) -> None:
            while data:
                try:
                    data = data[sender.send(data) :]
                except BlockingIOError:
                    await sender.wait_writable()
                except ConnectionError:
                    return

        nursery.start_soon(send_all, data)
        await machine.until(lambda events: any(isinstance(event, LinkClosed) for event in events))
        far.send(GOOD)
        await machine.until(lambda events: events[-1] == Received("good", Note("good")))
        assert driver.links == ["good"]
        driver.kill()
    (closed,) = (event for event in machine.events if isinstance(event, LinkClosed))
    assert closed.link == "bad"
    assert lines == [f"link bad: {closed.reason}"]
    before = [event for event in machine.events if isinstance(event, Received) and event.link == "bad"]
    assert before == [Received("bad", Note("good"))] * (
        data.count(GOOD) if data.startswith(hello_frame()) else 0
    )
