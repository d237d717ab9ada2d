"""A socket that listens: connections that open, and those that wait to be accepted."""

from collections import deque
from collections.abc import Callable

from actors.inet.connection import Connection, ignore
from actors.inet.tcb import TcpEvent
from actors.inet.tcp_settings import TcpSettings

BACKLOG = 128


class Listener:
    """On one port. Both kinds count against the backlog; a SYN beyond it is dropped, and comes again."""

    def __init__(
        self,
        port: int,
        ready: Callable[["Listener", int], None],
        settings: TcpSettings,
        backlog: int = BACKLOG,
    ) -> None:
        """`ready` is called whenever there is one more to accept, with the time."""
        self.port = port
        self.settings = settings
        self.backlog = backlog
        self._ready = ready
        self._opening: dict[Connection, None] = {}
        self._waiting: deque[Connection] = deque()

    @property
    def is_full(self) -> bool:
        """Whether a SYN is dropped."""
        return len(self._opening) + len(self._waiting) >= self.backlog

    def add(self, connection: Connection) -> None:
        """It was sent a SYN."""
        self._opening[connection] = None
        connection.notify = self._hear

    def _hear(self, connection: Connection, event: TcpEvent, now_ns: int) -> None:
        if event is TcpEvent.CONNECTED:
            del self._opening[connection]
            self._waiting.append(connection)
            self._ready(self, now_ns)
        elif event is TcpEvent.CLOSED:
            self._opening.pop(connection, None)
            if connection in self._waiting:
                self._waiting.remove(connection)

    def accept(self) -> Connection | None:
        """The one that has waited longest; its `notify` is to be set."""
        if not self._waiting:
            return None
        connection = self._waiting.popleft()
        connection.notify = ignore
        return connection

    def close(self, now_ns: int) -> None:
        """End all that nobody has accepted."""
        for connection in [*self._opening, *self._waiting]:
            connection.notify = ignore
            connection.abort(now_ns)
        self._opening.clear()
        self._waiting.clear()
