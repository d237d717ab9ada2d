"""Takes streams from whoever opens a connection."""

from actors.domu.talk.seat import Seat
from actors.domu.talk.stream_receiver import StreamReceiver
from actors.inet.listener import Listener
from actors.notebook.journal_header import GuestState


class StreamServer:
    """The end that listens, until it is stopped."""

    def __init__(self, seat: Seat) -> None:
        """OSError if the port is taken."""
        self._seat = seat
        self._receivers: dict[StreamReceiver, None] = {}
        self._listener = seat.stack.tcp.listen(seat.spec.port, self._ready, settings=seat.tcp)

    def start(self) -> None:
        """Connections are taken since it is there."""
        self._seat.journal.set_state(GuestState.running)

    def stop(self) -> None:
        """Take nothing more."""
        if self._seat.finished.done:
            return
        self._seat.stack.tcp.unlisten(self._listener, self._seat.threads.now_ns)
        for receiver in list(self._receivers):
            receiver.close()
        self._seat.journal.set_state(GuestState.finished)
        self._seat.finished.set(None)

    def _ready(self, listener: Listener, _now_ns: int) -> None:
        while (connection := listener.accept()) is not None:
            receiver = StreamReceiver(self._seat, connection, self._ended)
            self._receivers[receiver] = None
            receiver.begin()

    def _ended(self, receiver: StreamReceiver) -> None:
        self._receivers.pop(receiver, None)
