"""Answers to UDP requests: each intact one that is meant for this guest is answered once."""

from actors.domu.talk.datagram import answer_to
from actors.domu.talk.requests import note_datagram
from actors.domu.talk.seat import Seat
from actors.inet.address import Endpoint
from actors.notebook.journal_header import GuestState
from actors.notebook.talk_header import TalkWord


class UdpServer:
    """The end that answers, whoever asks, until it is stopped."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._socket = seat.stack.udp.bind(seat.spec.port, self._received)

    def start(self) -> None:
        """Requests are answered since it is there."""
        self._seat.journal.set_state(GuestState.running)

    def stop(self) -> None:
        """Answer no more."""
        if not self._seat.finished.done:
            self._seat.stack.udp.close(self._socket)
            self._seat.journal.set_state(GuestState.finished)
            self._seat.finished.set(None)

    def _received(self, remote: Endpoint, data: bytes, now_ns: int) -> None:
        seat = self._seat
        found = note_datagram(seat, remote, data, now_ns)
        if found is None:
            return
        if found.receiver != seat.guest_id:
            seat.journal.count(TalkWord.MISDELIVERED)
            return
        seat.journal.count(TalkWord.SENT)
        try:
            seat.stack.udp.send(self._socket, answer_to(data, seat.guest_id), remote, now_ns)
        except OSError:
            seat.journal.count(TalkWord.FAILED)
