"""A small HTTP/1.1 server of documents whose bytes follow from their names, for guests and real clients."""

from actors.domu.talk.http_serving import HttpServing
from actors.domu.talk.seat import Seat
from actors.inet.listener import Listener
from actors.notebook.journal_header import GuestState


class HttpServer:
    """The end that listens, until it is stopped."""

    def __init__(self, seat: Seat) -> None:
        """OSError if the port is taken."""
        self._seat = seat
        self._servings: dict[HttpServing, None] = {}
        self._listener = seat.stack.tcp.listen(seat.spec.port, self._ready, settings=seat.tcp)

    def start(self) -> None:
        """Connections are taken since it is there."""
        self._seat.journal.set_state(GuestState.running)

    def stop(self) -> None:
        """Answer no more."""
        if self._seat.finished.done:
            return
        self._seat.stack.tcp.unlisten(self._listener, self._seat.threads.now_ns)
        for serving in list(self._servings):
            serving.close()
        self._seat.journal.set_state(GuestState.finished)
        self._seat.finished.set(None)

    def _ready(self, listener: Listener, _now_ns: int) -> None:
        while (connection := listener.accept()) is not None:
            serving = HttpServing(self._seat, connection, self._ended)
            self._servings[serving] = None
            serving.begin()

    def _ended(self, serving: HttpServing) -> None:
        self._servings.pop(serving, None)
