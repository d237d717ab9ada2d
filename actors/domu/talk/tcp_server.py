"""Takes connections, and has each of them served."""

from typing import Protocol

from actors.domu.talk.seat import Seat
from actors.inet.connection import Connection
from actors.inet.listener import Listener
from actors.notebook.journal_header import GuestState


class Served(Protocol):
    """One connection. Whoever has it tells the server when it has `ended`."""

    def begin(self) -> None:
        """Serve it."""
        ...

    def close(self) -> None:
        """Serve it no more."""
        ...


class TcpServer:
    """The end that listens, until it is stopped."""

    def __init__(self, seat: Seat) -> None:
        """OSError if the port is taken."""
        self._seat = seat
        self._connections: dict[Served, None] = {}
        self._listener = seat.stack.tcp.listen(seat.spec.port, self._ready, settings=seat.tcp)

    def start(self) -> None:
        """Connections are taken since it is there."""
        self._seat.journal.set_state(GuestState.running)

    def stop(self) -> None:
        """Take and answer nothing more."""
        if self._seat.finished.done:
            return
        self._seat.stack.tcp.unlisten(self._listener, self._seat.threads.now_ns)
        for each in list(self._connections):
            each.close()
        self._seat.journal.set_state(GuestState.finished)
        self._seat.finished.set(None)

    def serve(self, connection: Connection) -> Served:
        """Whoever is to serve a connection, and calls `ended`."""
        raise NotImplementedError

    def ended(self, served: Served) -> None:
        """A connection is gone."""
        self._connections.pop(served, None)

    def _ready(self, listener: Listener, _now_ns: int) -> None:
        while (connection := listener.accept()) is not None:
            served = self.serve(connection)
            self._connections[served] = None
            served.begin()
