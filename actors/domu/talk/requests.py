"""Requests at a rate, each in a datagram of its own, and their answers: what `ping` and `udp` share.

Rules: nothing is sent again; what has no answer is lost, which networks may do. A request is in the journal
before it is sent, each answer as it came before anything is made of it.
"""

from collections.abc import Callable
from typing import Final

from actors.domu.pace import Pace
from actors.domu.talk.datagram import Datagram, Datagrams, read_datagram
from actors.domu.talk.seat import Seat
from actors.inet.address import Endpoint
from actors.kernel.threads import Future
from actors.notebook.journal_header import GuestState
from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_rows import ROW_BYTES, DatagramField, RequestField, RowKind, first_word, pair

Transmit = Callable[[bytes, int, int], bool]
"""Send the data of a request, with its number and the time; whether it was sent."""

PENDING_MAX: Final = 1 << 16
"""How many requests wait for an answer; one that comes for an older one is noted, but answers nothing."""
FAREWELL_NS: Final = 1_000_000_000
"""How long answers are waited for at the end."""


class Requests:
    """Those of one talk."""

    def __init__(self, seat: Seat, transmit: Transmit) -> None:
        self._seat = seat
        self._transmit = transmit
        self._datagrams = Datagrams(seat.spec.number, seat.guest_id, seat.spec.peer_id, seat.spec.size)
        self._pace: Pace | None = None
        self._stopping = False
        self._number = 0
        self._pending: dict[int, tuple[int, int]] = {}
        self._farewell: Future[None] | None = None
        self._remote = pair(seat.spec.address, seat.spec.port)

    def start(self) -> None:
        """Send the first one."""
        journal = self._seat.journal
        self._number = journal.word(TalkWord.SENT)
        journal.set_state(GuestState.running)
        journal.set_wanted(wanted=True)
        self._pace = Pace(self._seat.spec.rate or 1.0, self._seat.threads.now_ns)
        self._go_on()

    def stop(self) -> None:
        """Send no more; it is finished when all answers are there, or after a while."""
        if self._stopping:
            return
        self._stopping = True
        if not self._pending:
            self._finish()
            return
        threads = self._seat.threads
        threads.at(threads.now_ns + FAREWELL_NS).when_done(self._finish)

    def _finish(self) -> None:
        if self._seat.finished.done:
            return
        self._seat.journal.set_wanted(wanted=False)
        self._seat.journal.set_state(GuestState.finished)
        self._seat.finished.set(None)

    def _go_on(self) -> None:
        pace, threads, spec = self._pace, self._seat.threads, self._seat.spec
        while pace is not None and not self._stopping:
            if not pace.take(threads.now_ns):
                self._seat.journal.set_due(pace.due_ns)
                threads.at(pace.due_ns).when_done(self._go_on)
                return
            self._send(threads.now_ns)
            if spec.requests and self._number >= spec.requests:
                self.stop()

    def _send(self, now_ns: int) -> None:
        seat, journal = self._seat, self._seat.journal
        self._number += 1
        words = [0] * (ROW_BYTES // 8)
        words[RequestField.KIND] = first_word(RowKind.REQUEST)
        words[RequestField.NUMBER], words[RequestField.SENT_NS] = self._number, now_ns
        words[RequestField.SIZE] = seat.spec.size
        words[RequestField.ENDS] = pair(seat.guest_id, seat.spec.peer_id)
        words[RequestField.REMOTE] = self._remote
        words[RequestField.LOCAL] = pair(seat.stack.interface.address, 0)
        row = journal.append(tuple(words))
        journal.count(TalkWord.SENT)
        journal.begin_wait(now_ns)
        if len(self._pending) >= PENDING_MAX:
            del self._pending[next(iter(self._pending))]
        self._pending[self._number] = (row, now_ns)
        if not self._transmit(self._datagrams.make(self._number, now_ns), self._number, now_ns):
            journal.count(TalkWord.FAILED)

    def answered(self, remote: Endpoint, data: bytes, now_ns: int, *, by_peer: bool) -> None:
        """Something has come that could be an answer; `by_peer`: the other end has made it, not echoed it."""
        seat, journal = self._seat, self._seat.journal
        found = note_datagram(seat, remote, data, now_ns)
        if found is None:
            return
        ends = (found.sender, found.receiver)
        mine, peer = seat.guest_id, seat.spec.peer_id
        if ends != ((peer, mine) if by_peer else (mine, peer)) or found.talk != seat.spec.number:
            journal.count(TalkWord.MISDELIVERED)
            return
        pending = self._pending.pop(found.number, None)
        if pending is None:
            journal.count(TalkWord.DOUBLED)
            return
        row, sent_ns = pending
        journal.amend(row, RequestField.ANSWERED_NS, max(1, now_ns))
        journal.count(TalkWord.ANSWERED)
        journal.latency(now_ns - sent_ns)
        journal.serve(now_ns, busy=False)
        if self._stopping and not self._pending:
            self._finish()


def note_datagram(seat: Seat, remote: Endpoint, data: bytes, now_ns: int) -> Datagram | None:
    """Write down what has come, as it came; it, if it is intact."""
    journal = seat.journal
    found = read_datagram(data)
    words = [0] * (ROW_BYTES // 8)
    words[DatagramField.KIND] = first_word(RowKind.DATAGRAM, crc=found.crc if found else 0)
    words[DatagramField.RECEIVED_NS] = now_ns
    words[DatagramField.REMOTE] = pair(*remote)
    if found is not None:
        words[DatagramField.NUMBER], words[DatagramField.SENT_NS] = found.number, found.sent_ns
        words[DatagramField.TALK] = found.answer << 48 | found.size << 32 | found.talk
        words[DatagramField.ENDS] = pair(found.sender, found.receiver)
        words[DatagramField.TOLD] = pair(found.magic, found.told)
    row = journal.append(tuple(words))
    journal.count(TalkWord.RECEIVED)
    if found is None or not found.intact or found.size != len(data):
        journal.count(TalkWord.CORRUPT)
        if journal.word(TalkWord.CORRUPT) <= 16:
            journal.exhibit(row, 0, data)
        return None
    return found
