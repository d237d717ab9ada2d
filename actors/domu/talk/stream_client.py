"""A number of connections that send, each a stream of its own, as fast as they can or at a rate."""

from actors.domu.talk.seat import FAREWELL_NS, Seat
from actors.domu.talk.stream_sender import StreamSender
from actors.notebook.journal_header import GuestState


class StreamClient:
    """The end that opens connections. One that died is followed by another, if the talk is to reconnect."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._senders: dict[StreamSender, None] = {}
        self._awaited = 0
        self._stopping = False

    def start(self) -> None:
        """Open all connections."""
        self._seat.journal.set_state(GuestState.running)
        self._seat.journal.set_wanted(wanted=True)
        for _ in range(self._seat.spec.connections):
            self._open()

    def stop(self) -> None:
        """Send no more; it is finished when all has arrived, or when that takes too long."""
        if self._stopping:
            return
        self._stopping = True
        for sender in list(self._senders):
            sender.finish()
        threads = self._seat.threads
        threads.at(threads.now_ns + FAREWELL_NS).when_done(self._give_up)
        self._finish_if_done()

    def _give_up(self) -> None:
        for sender in list(self._senders):
            sender.abort()

    def _open(self) -> None:
        try:
            self._senders[StreamSender(self._seat, self)] = None
        except OSError as error:
            self._again(error.errno)

    @property
    def busy(self) -> bool:
        """Whether anything that was sent is waited for."""
        return any(each.outstanding for each in self._senders)

    def ended(self, sender: StreamSender, error: int | None) -> None:
        """A connection is gone."""
        self._senders.pop(sender, None)
        self._again(error)

    def _again(self, error: int | None) -> None:
        spec, threads = self._seat.spec, self._seat.threads
        if self._stopping or spec.retry_ns is None or (error is None and spec.bytes):
            self._finish_if_done()
            return
        self._awaited += 1
        self._seat.journal.begin_wait(threads.now_ns)
        threads.at(threads.now_ns + spec.retry_ns).when_done(self._open_again)

    def _open_again(self) -> None:
        self._awaited -= 1
        if self._stopping:
            self._finish_if_done()
        else:
            self._open()

    def _finish_if_done(self) -> None:
        if self._senders or (self._awaited and not self._stopping) or self._seat.finished.done:
            return
        self._seat.journal.set_wanted(wanted=False)
        self._seat.journal.set_state(GuestState.finished)
        self._seat.finished.set(None)
