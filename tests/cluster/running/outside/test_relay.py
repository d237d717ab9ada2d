"""Real clients and a guest's TCP: relay and gateway, with real sockets between them."""

import socket
import struct
from contextlib import asynccontextmanager

import pytest
import trio

from actors.devices.gateway import FORWARD, Gateway
from actors.messages import CODEC
from actors.runtime.actor import ActorDriver
from actors.runtime.transport import SocketStream, unix_pair
from cluster.running.outside.relay import Relay
from tests.cluster.running.outside.station import DATA, DOWNLOAD, ECHO, RESET, SINK, Station

ARGUMENT = {
    "networks": [{"mac": "02:00:5e:00:00:00", "address": "10.0.0.254", "prefix": 24}],
    "guests": [{"name": "web", "address": "10.0.0.2"}],
}


class World:
    """A gateway and a station that run; clients are connected to relays of their own."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.machine = Gateway(ARGUMENT)
        self.gateway = ActorDriver("gateway", self.machine, CODEC, log=lambda _line: None)
        self.station = ActorDriver("station", Station(), CODEC, log=print)
        here, there = unix_pair()
        self.gateway.plug("wire", SocketStream(here))
        self.station.plug("wire", SocketStream(there))
        self.clients: list[trio.SocketStream] = []
        self.over: list[trio.Event] = []

    async def client(self, port: int) -> trio.SocketStream:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with listener:
            client = await trio.open_tcp_stream(*listener.socket.getsockname())
            accepted = await listener.accept()
        ours, theirs = socket.socketpair()
        self.clients.append(client)
        self.gateway.plug_raw(f"{FORWARD}web:{port}/{len(self.clients)}", SocketStream(theirs))
        over = trio.Event()
        self.over.append(over)
        self._nursery.start_soon(
            self._relay, accepted, trio.SocketStream(trio.socket.from_stdlib_socket(ours)), over
        )
        return client

    async def _relay(self, client, session, over) -> None:
        await Relay(client, session).run()
        over.set()


@asynccontextmanager
async def world():
    with trio.fail_after(15):
        async with trio.open_nursery() as nursery:
            found = World(nursery)
            nursery.start_soon(found.gateway.run)
            nursery.start_soon(found.station.run)
            yield found
            for each in found.clients:
                each.socket.close()
            found.gateway.kill()
            found.station.kill()
            nursery.cancel_scope.cancel()


async def all_of(stream: trio.SocketStream) -> bytes:
    found = bytearray()
    while data := await stream.receive_some(1 << 16):
        found += data
    return bytes(found)


async def test_a_download_comes_whole_and_both_ends_end():
    async with world() as here:
        client = await here.client(DOWNLOAD)
        assert await all_of(client) == DATA
        await client.send_eof()
        await here.over[0].wait()
        await trio.testing.wait_all_tasks_blocked()
        assert here.machine.statistics().clients == 0


async def test_what_is_echoed_comes_whole_after_the_client_has_ended_its_direction():
    async with world() as here, trio.open_nursery() as nursery:
        client = await here.client(ECHO)

        async def speak() -> None:
            await client.send_all(DATA)
            await client.send_eof()

        nursery.start_soon(speak)
        assert await all_of(client) == DATA
        await here.over[0].wait()


async def test_many_clients_at_once():
    async with world() as here:
        clients = [await here.client(ECHO) for _ in range(20)]
        for number, client in enumerate(clients):
            await client.send_all(b"%d" % number)
            await client.send_eof()
        assert [await all_of(each) for each in clients] == [b"%d" % number for number in range(20)]


async def test_a_client_that_reads_nothing_holds_up_nobody_and_gets_everything_later():
    async with world() as here:
        deaf = await here.client(DOWNLOAD)
        assert await all_of(await here.client(DOWNLOAD)) == DATA
        assert await all_of(deaf) == DATA


async def test_a_guest_that_reads_nothing_stops_its_client():
    async with world() as here, trio.open_nursery() as nursery:
        client = await here.client(SINK)
        nursery.start_soon(client.send_all, bytes(64 << 20))
        assert await all_of(await here.client(DOWNLOAD)) == DATA
        assert len(nursery.child_tasks) == 1, "it still sends"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("port", [RESET, 4242])
async def test_a_reset_of_the_guest_and_a_port_that_nobody_has_are_resets_of_the_client(port):
    async with world() as here:
        client = await here.client(port)
        await client.send_all(b"hello")
        await here.over[0].wait()
        with pytest.raises(trio.BrokenResourceError):
            await all_of(client)


async def test_a_client_that_resets_ends_the_connection_to_its_guest():
    async with world() as here:
        client = await here.client(DOWNLOAD)
        await client.receive_some(10)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
        await here.over[0].wait()
        await trio.testing.wait_all_tasks_blocked()
        assert here.machine.statistics().clients == 0


async def test_the_end_of_the_gateway_is_a_reset_of_its_clients():
    async with world() as here:
        client = await here.client(DOWNLOAD)
        await client.receive_some(10)
        here.gateway.kill()
        with pytest.raises(trio.BrokenResourceError):
            await all_of(client)
