"""The socket by which tools outside reach a simulated host's xenstored, as they reach a real one.

A connection is handed as it is to the actor in which xenstored lives, as a raw link (`xenstore-tool/N`):
the bytes on it are that daemon's business. The path outlives every daemon; a connection ends with the
one that it was handed to, and while none runs a new one is closed at once.
Source: tools/libs/store/xs.c (XENSTORED_PATH names the socket).
"""

import socket
from pathlib import Path

from actors.xenstore.tool_clients import TOOL
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.listener import accept, close
from cluster.running.drivers.live import LiveCluster


class XenstoreSocket:
    """The tools' way to the xenstored of one host."""

    def __init__(self, supervisor: Supervisor, live: LiveCluster, host: str) -> None:
        self._board = supervisor.boards[host]
        self._live = live
        self._home = self._board.host.architecture.store_home
        self._accepted = 0

    async def serve(self, listener: socket.socket, path: Path) -> None:
        """Serve until cancelled; the socket's path is removed then."""
        try:
            while True:
                self._hand_over(await accept(listener))
        finally:
            close(listener, path)

    def _hand_over(self, connection: socket.socket) -> None:
        self._accepted += 1
        domain = self._board.domains.find(self._home)
        if domain is None:
            connection.close()
        else:
            self._live.plug_raw(domain.address, f"{TOOL}{self._accepted}", connection)
