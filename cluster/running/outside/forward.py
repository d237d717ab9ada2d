"""A port of 127.0.0.1 that leads to a TCP port of a guest, for as long as the command runs.

Rules: each client has a session of its own; a client that comes while there is none to be had is reset, and
nobody else notices. When the cluster has ended, so does the command.
"""

import errno
from collections.abc import Callable

import trio

from cluster.lab.config.errors import reason_of
from cluster.running.control.client import NotRunning
from cluster.running.control.preflight import LOCALHOST, CannotStart
from cluster.running.outside.relay import Relay
from cluster.running.outside.session import open_session

CLIENTS_MAX = 256
"""More wait to be accepted."""


class Forward:
    """`target`: the interface and port of a guest, as the cluster calls it."""

    def __init__(self, cluster: str, target: str) -> None:
        self._cluster = cluster
        self._target = target
        self._room = trio.Semaphore(CLIENTS_MAX)
        self._over: NotRunning | None = None

    async def run(self, port: int, listening: Callable[[int], None]) -> None:
        """Until cancelled; `listening` is told of the port, any free one for 0.

        CannotStart if the port cannot be had, NotRunning when the cluster has ended.
        """
        try:
            (listener,) = await trio.open_tcp_listeners(port, host=LOCALHOST)
        except OSError as error:
            other = "; 0 takes any free port" if error.errno == errno.EADDRINUSE else ""
            raise CannotStart(f"port {port} of {LOCALHOST}: {reason_of(error)}{other}") from error
        async with listener:
            listening(listener.socket.getsockname()[1])
            async with trio.open_nursery() as nursery:
                while self._over is None:
                    await self._room.acquire()
                    client = await listener.accept()
                    nursery.start_soon(self._serve, client, nursery.cancel_scope)
        if self._over is not None:
            raise self._over

    async def _serve(self, client: trio.SocketStream, all_of_it: trio.CancelScope) -> None:
        try:
            session = await open_session(self._cluster, "forward-client", {"target": self._target})
            await Relay(client, session).run()
        except NotRunning as error:
            self._over = error
            all_of_it.cancel()
        finally:
            client.socket.close()
            self._room.release()
