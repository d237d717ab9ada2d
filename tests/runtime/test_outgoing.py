"""What a live actor sends: by which way, in one piece for each turn, and what becomes of it with its link."""

from collections.abc import AsyncIterator

import pytest
import trio

from actors.messages import CODEC
from actors.messages import ConsoleInput as Note
from actors.runtime.codec import MAX_FRAME_BYTES
from actors.runtime.framing import FrameReader
from actors.runtime.link import Link
from actors.runtime.link_rules import DELAY, DROP, LinkRule
from actors.runtime.outgoing import Outgoing
from actors.runtime.transport import ByteStream, memory_pair

LIMIT_BYTES = 1 << 20


class Bench:
    """The outgoing side of an actor with one open link, and the peer's end of it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.given_up: list[str] = []
        self.outgoing = Outgoing(lambda: 0, lambda link, reason: self.given_up.append(reason), LIMIT_BYTES)
        self.outgoing.start(nursery)
        near, self.far = memory_pair()
        self.link = Link("peer", near, MAX_FRAME_BYTES, CODEC.rows, CODEC.decode_frame)
        self.outgoing.open(self.link)
        self.reader = FrameReader()
        assert self.heard() == []  # the greeting

    def say(self, *texts: str) -> None:
        for text in texts:
            self.outgoing.ways["peer"].send(Note(text))

    def heard(self) -> list[list[str]]:
        """The texts of each frame that has come."""
        frames = list(self.reader.feed(memoryview(received(self.far))))
        return [[each.text for each in CODEC.decode_frame(frame)] for frame in frames]


def received(stream: ByteStream) -> bytes:
    buffer = memoryview(bytearray(LIMIT_BYTES))
    try:
        return bytes(buffer[: stream.receive_into(buffer)])
    except BlockingIOError:
        return b""


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        yield Bench(nursery)
        nursery.cancel_scope.cancel()


async def test_what_is_sent_in_a_turn_leaves_at_its_end_as_one_frame(bench: Bench) -> None:
    bench.say("one", "two")
    assert bench.heard() == []
    bench.outgoing.flush()
    assert bench.heard() == [["one", "two"]]
    bench.outgoing.flush()
    assert bench.heard() == []


async def test_the_way_to_a_peer_goes_through_the_rules_that_break_its_link(bench: Bench) -> None:
    bench.outgoing.set_rules("peer", [LinkRule(DROP)], "seed")
    bench.say("lost")
    bench.outgoing.set_rules("peer", [], "seed")
    bench.say("sound")
    bench.outgoing.flush()
    assert bench.heard() == [["sound"]]


async def test_what_is_late_stays_ahead_of_what_is_sent_when_the_link_is_sound_again(bench: Bench) -> None:
    bench.outgoing.set_rules("peer", [LinkRule(DELAY, delay_ns=10**18)], "seed")
    bench.say("late")
    bench.outgoing.set_rules("peer", [], "seed")
    bench.say("behind it")
    bench.outgoing.flush()
    assert bench.heard() == []


async def test_no_way_leads_to_a_peer_whose_link_has_ended(bench: Bench) -> None:
    bench.say("queued")
    bench.link.close()
    bench.outgoing.close(bench.link)
    bench.outgoing.flush()
    assert (bench.outgoing.ways, bench.given_up) == ({}, [])


async def test_a_peer_that_does_not_read_is_given_up(bench: Bench) -> None:
    text = "x" * 100_000
    while not bench.given_up:
        bench.say(text)
        bench.outgoing.flush()
        assert len(bench.link.backlog) < LIMIT_BYTES + 2 * len(text)
    (reason,) = bench.given_up
    assert reason == f"the peer does not read: {len(bench.link.backlog)} bytes wait for it"
