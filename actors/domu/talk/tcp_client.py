"""Opens a number of connections, and others in place of those that died."""

from typing import Generic, Protocol, TypeVar

from actors.domu.talk.seat import FAREWELL_NS, Seat
from actors.notebook.journal_header import GuestState


class Opened(Protocol):
    """One connection. Whoever has it tells the client when it has ended."""

    def finish(self) -> None:
        """End when all that was begun is done."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...


Each = TypeVar("Each", bound=Opened)


class TcpClient(Generic[Each]):
    """The end that opens connections."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._connections: dict[Each, None] = {}
        self._awaited = 0
        self._stopping = False

    def start(self) -> None:
        """Open all connections."""
        self._seat.journal.set_state(GuestState.running)
        self._seat.journal.set_wanted(wanted=True)
        for _ in range(self._seat.spec.connections):
            self._open()

    def stop(self) -> None:
        """Begin nothing more; it is finished when all is done that was begun, or when that takes too long."""
        if self._stopping:
            return
        self._stopping = True
        for each in list(self._connections):
            each.finish()
        threads = self._seat.threads
        threads.at(threads.now_ns + FAREWELL_NS).when_done(self._give_up)
        self._finish_if_done()

    def connect(self) -> Each:
        """One more connection. OSError if it cannot be opened."""
        raise NotImplementedError

    def _open(self) -> None:
        try:
            self._connections[self.connect()] = None
        except OSError:
            self._again(self._seat.spec.retry_ns)

    def _again(self, after_ns: int | None) -> None:
        """Open another one after so long; never if that is None, or if it is to stop."""
        threads = self._seat.threads
        if self._stopping or after_ns is None:
            self._finish_if_done()
            return
        self._awaited += 1
        self._seat.journal.begin_wait(threads.now_ns)
        threads.at(threads.now_ns + after_ns).when_done(self._open_again)

    def _open_again(self) -> None:
        self._awaited -= 1
        if self._stopping:
            self._finish_if_done()
        else:
            self._open()

    def _give_up(self) -> None:
        for each in list(self._connections):
            each.abort()

    def _finish_if_done(self) -> None:
        if self._connections or (self._awaited and not self._stopping) or self._seat.finished.done:
            return
        self._seat.journal.set_wanted(wanted=False)
        self._seat.journal.set_state(GuestState.finished)
        self._seat.finished.set(None)
