"""A process of packed actors and its plug socket."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
import trio.testing

from actors.runtime.codec import Codec, ProtocolViolation, wire
from actors.runtime.framing import hello_frame
from actors.runtime.machine import Effect, Event, Exit, LinkClosed, LinkOpened, Log, Received, Send
from actors.runtime.plug import (
    Ended,
    FreezeActor,
    KillActor,
    Plug,
    PlugMessage,
    PlugPair,
    plug_codec,
    plug_pair,
    receive_packet,
    send_packet,
)
from actors.runtime.process import run_process
from actors.runtime.transport import unix_pair


@wire(1)
@dataclass(slots=True)
class Note:
    number: int


CODEC = Codec(Note)
PLUG = plug_codec()


class Owner:
    """The supervisor's end of a plug socket."""

    def __init__(self) -> None:
        self.socket, self.given = plug_pair()
        self.lines: list[tuple[str, str]] = []
        self.status: int | None = None

    def tell(self, message: PlugMessage, fd: int | None = None) -> None:
        send_packet(self.socket, PLUG, message, fd)

    async def hear(self) -> PlugMessage | None:
        with trio.fail_after(10):
            await trio.lowlevel.wait_readable(self.socket)
        packet = receive_packet(self.socket, PLUG)
        return packet[0] if packet is not None else None

    async def run(self, actors: dict[str, object]) -> None:
        self.status = await run_process(
            actors, self.given, CODEC, log=lambda address, line: self.lines.append((address, line))
        )


@asynccontextmanager
async def running(actors: dict[str, object]) -> AsyncIterator[Owner]:
    owner = Owner()
    with owner.socket, trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.run, actors)
            yield owner
            owner.socket.shutdown(socket.SHUT_RDWR)


def greet(event: Event, now_ns: int) -> list[Effect]:
    return [Send(event.link, Note(5)), Log("hello")] if isinstance(event, LinkOpened) else []


async def test_a_plugged_socket_becomes_a_link(recorder: type) -> None:
    machine = recorder(greet)
    async with running({"host0/a": machine}) as owner:
        near, far = unix_pair()
        with near, far:
            owner.tell(Plug("host0/a", "peer"), near.fileno())
            near.close()
            await machine.until(len)
            far.send(hello_frame())
            far.close()
            await machine.until(lambda events: len(events) == 2)
    assert [type(event) for event in machine.events] == [LinkOpened, LinkClosed]
    assert owner.lines == [("host0/a", "hello")]
    assert owner.status == 0


async def test_actors_of_one_process_are_linked_in_memory(recorder: type) -> None:
    one, other = recorder(greet), recorder(greet)
    async with running({"a": one, "b": other}) as owner:
        owner.tell(PlugPair("a", "to b", "b", "to a"))
        await one.until(lambda events: Received("to b", Note(5)) in events)
        await other.until(lambda events: Received("to a", Note(5)) in events)


async def test_one_actor_is_killed_alone(recorder: type) -> None:
    one, other = recorder(), recorder()
    async with running({"a": one, "b": other}) as owner:
        owner.tell(PlugPair("a", "to b", "b", "to a"))
        await other.until(len)
        owner.tell(KillActor("a"))
        assert await owner.hear() == Ended("a", 9, "killed")
        await other.until(lambda events: isinstance(events[-1], LinkClosed))
        assert owner.status is None


async def test_a_failing_machine_fails_alone_and_loudly(recorder: type) -> None:
    def fail(event: Event, now_ns: int) -> list[Effect]:
        raise AssertionError("we are wrong")

    one, other = recorder(fail), recorder()
    async with running({"a": one, "b": other}) as owner:
        owner.tell(PlugPair("a", "to b", "b", "to a"))
        assert await owner.hear() == Ended("a", 256, "AssertionError: we are wrong")
        await other.until(lambda events: isinstance(events[-1], LinkClosed))
    assert ("a", "Traceback (most recent call last):") in [
        (who, line.strip(" |+")) for who, line in owner.lines
    ]
    assert owner.status == 1


async def test_the_process_ends_with_its_last_actor(recorder: type) -> None:
    machine = recorder(lambda event, now_ns: [Exit("off")])
    owner = Owner()
    with owner.socket:
        near, far = unix_pair()
        with near, far:
            owner.tell(Plug("a", "peer"), near.fileno())
            await owner.run({"a": machine})
        assert owner.status == 0
        assert await owner.hear() == Ended("a", 0, "off")
        assert await owner.hear() is None


async def test_a_frozen_actor_hears_nothing_until_it_is_let_go(recorder: type) -> None:
    one, other = recorder(greet), recorder()
    async with running({"a": one, "b": other}) as owner:
        owner.tell(FreezeActor("b", frozen=True))
        owner.tell(PlugPair("a", "to b", "b", "to a"))
        await one.until(len)
        await trio.testing.wait_all_tasks_blocked()
        assert other.events == []
        owner.tell(FreezeActor("b", frozen=False))
        await other.until(lambda events: len(events) == 2)


async def test_a_plug_for_an_actor_that_is_gone_closes_the_socket(recorder: type) -> None:
    near, far = unix_pair()
    with near, far:
        async with running({"a": recorder()}) as owner:
            owner.tell(Plug("b", "peer"), near.fileno())
            near.close()
            await trio.lowlevel.wait_readable(far)
            assert far.recv(1) == b""
    assert "not in this process" in owner.lines[0][1]


async def test_a_pair_with_an_actor_that_is_gone_is_a_closed_link(recorder: type) -> None:
    machine = recorder()
    async with running({"a": machine}) as owner:
        owner.tell(PlugPair("a", "to b", "b", "to a"))
        await machine.until(lambda events: len(events) == 2)
    assert machine.events[0] == LinkOpened("to b")
    assert isinstance(machine.events[1], LinkClosed)


NONSENSE = {
    "not msgpack": (b"\xc1", 0),
    "an unknown tag": (b"\x91\x63", 0),
    "a plug without a descriptor": (PLUG.encode(Plug("a", "x")), 0),
    "a kill with a descriptor": (PLUG.encode(KillActor("a")), 1),
    "a plug with two": (PLUG.encode(Plug("a", "x")), 2),
    "a plug with more than fit": (PLUG.encode(Plug("a", "x")), 9),
    "two messages": (PLUG.encode(KillActor("a")) * 2, 0),
    "too long": (PLUG.encode(KillActor("a" * 5000)), 0),
}


@pytest.mark.parametrize(("data", "nr_fds"), NONSENSE.values(), ids=list(NONSENSE))
def test_a_packet_that_makes_no_sense_is_refused_and_its_descriptors_closed(data: bytes, nr_fds: int) -> None:
    one, other = plug_pair()
    near, far = unix_pair()
    with one, other, near, far:
        socket.send_fds(one, [data], [near.fileno()] * nr_fds)
        near.close()
        with pytest.raises(ProtocolViolation):
            receive_packet(other, PLUG)
        assert far.recv(1) == b""


async def test_nonsense_on_the_plug_socket_does_not_end_the_process(recorder: type) -> None:
    machine = recorder()
    async with running({"a": machine, "b": recorder()}) as owner:
        owner.socket.send(b"\xc1")
        owner.tell(PlugPair("a", "x", "b", "y"))
        await machine.until(len)
    assert "plug socket" in owner.lines[0][1]
