"""The socket for tools: each connection goes to the actor that keeps the store now, or ends at once."""

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from cluster.running.control.xenstore_socket import XenstoreSocket


class Live:
    """Notes what is plugged into what."""

    def __init__(self) -> None:
        self.plugged: list[tuple[str, str]] = []
        self.connections: list[socket.socket] = []

    def plug_raw(self, address: str, link: str, connection: socket.socket) -> None:
        self.plugged.append((address, link))
        self.connections.append(connection)


class Board:
    """A host whose store is kept in `store_home`; `running` are its domains by name."""

    def __init__(self, store_home: str) -> None:
        self.host = SimpleNamespace(architecture=SimpleNamespace(store_home=store_home))
        self.running: dict[str, SimpleNamespace] = {}
        self.domains = self

    def find(self, name: str) -> SimpleNamespace | None:
        return self.running.get(name)


class Tools:
    """Tools at the socket of a host."""

    def __init__(self, folder: Path, store_home: str) -> None:
        self.live, self.board, self.path = Live(), Board(store_home), folder / "socket"
        supervisor = SimpleNamespace(boards={"host0": self.board})
        self.served = XenstoreSocket(supervisor, self.live, "host0")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.setblocking(False)
        self.listener.bind(str(self.path))
        self.listener.listen()

    async def connect(self) -> socket.socket:
        """One more tool; whatever becomes of it has become of it."""
        tool = socket.socket(socket.AF_UNIX)
        tool.connect(str(self.path))
        tool.setblocking(False)
        await trio.testing.wait_all_tasks_blocked(0.01)
        return tool


@pytest.mark.parametrize("home", ["dom0", "xenstored"])
async def test_each_connection_is_handed_to_the_actor_that_keeps_the_store(
    home: str, tmp_path: Path, nursery: trio.Nursery
) -> None:
    tools = Tools(tmp_path, home)
    nursery.start_soon(tools.served.serve, tools.listener, tools.path)
    tools.board.running = {"dom0": SimpleNamespace(address="host0/dom0")}
    tools.board.running[home] = SimpleNamespace(address=f"host0/{home}")
    with await tools.connect() as first, await tools.connect():
        assert tools.live.plugged == [
            (f"host0/{home}", "xenstore-tool/1"),
            (f"host0/{home}", "xenstore-tool/2"),
        ]
        first.sendall(b"bytes")
        assert tools.live.connections[0].recv(16) == b"bytes"
        for each in tools.live.connections:
            each.close()
    nursery.cancel_scope.cancel()


async def test_while_no_daemon_runs_a_connection_is_closed_and_the_next_one_is_served(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    tools = Tools(tmp_path, "dom0")
    nursery.start_soon(tools.served.serve, tools.listener, tools.path)
    with await tools.connect() as early:
        assert early.recv(16) == b""
        assert tools.live.plugged == []
    tools.board.running = {"dom0": SimpleNamespace(address="host0/dom0")}
    with await tools.connect():
        assert tools.live.plugged == [("host0/dom0", "xenstore-tool/2")]
        tools.live.connections[0].close()
    nursery.cancel_scope.cancel()


async def test_the_path_is_gone_when_it_is_served_no_more(tmp_path: Path) -> None:
    tools = Tools(tmp_path, "dom0")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tools.served.serve, tools.listener, tools.path)
        await trio.testing.wait_all_tasks_blocked()
        assert tools.path.exists()
        nursery.cancel_scope.cancel()

    assert not tools.path.exists()
    assert tools.listener.fileno() == -1
