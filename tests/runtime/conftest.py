"""Streams of each transport, and a machine that remembers what it was told."""

import socket
from collections.abc import AsyncIterator, Callable
from copy import copy
from dataclasses import dataclass, field

import pytest
import trio

from actors.runtime.machine import Effect, Event, Machine
from actors.runtime.transport import ByteStream, SocketStream, memory_pair, tcp_pair, unix_pair

Reaction = Callable[[Event, int], list[Effect]]


def _nothing(event: Event, now_ns: int) -> list[Effect]:
    return []


@dataclass
class Recorder(Machine):
    """A machine that keeps every event and reacts as it is told to."""

    react: Reaction = _nothing
    deadline_ns: int | None = None
    events: list[Event] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    lot: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        self.events.append(copy(event))  # a driver may use a Received again
        self.times_ns.append(now_ns)
        self.lot.unpark_all()
        return self.react(event, now_ns)

    def next_deadline_ns(self) -> int | None:
        return self.deadline_ns

    def check(self) -> None:
        assert len(self.events) == len(self.times_ns)

    def statistics(self) -> object:
        return len(self.events)

    async def until(self, predicate: Callable[[list[Event]], object]) -> None:
        """Wait for the events to be as wanted; fails loudly if they never are."""
        with trio.fail_after(10):
            while not predicate(self.events):
                await self.lot.park()


@pytest.fixture
def recorder() -> type[Recorder]:
    return Recorder


def _sockets(pair: tuple[socket.socket, socket.socket]) -> tuple[ByteStream, ByteStream]:
    return SocketStream(pair[0]), SocketStream(pair[1])


_PAIRS = {
    "memory": memory_pair,
    "unix": lambda: _sockets(unix_pair()),
    "tcp": lambda: _sockets(tcp_pair()),
}


@pytest.fixture(params=list(_PAIRS))
async def stream_pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[ByteStream, ByteStream]]:
    one, other = _PAIRS[request.param]()
    yield one, other
    one.close()
    other.close()
