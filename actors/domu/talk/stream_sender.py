"""One connection of a stream at the end that sends.

Rules: all that was given to TCP and for which there is no receipt yet is work; a receipt is progress.
"""

import errno
from typing import Protocol

from actors.domu.pace import Pace
from actors.domu.talk.content import Content
from actors.domu.talk.seat import Seat
from actors.domu.talk.stream_messages import RECEIPT_BYTES, Hello, read_receipt
from actors.inet.address import Endpoint
from actors.inet.connection import Connection, ignore
from actors.inet.tcb import TcpEvent
from actors.notebook.talk_pen import ConnectionPen

PIECES_PER_SECOND = 50
"""In how many pieces a second of a stream with a rate is given to TCP, at most."""


class SenderOwner(Protocol):
    """Who opens connections."""

    @property
    def busy(self) -> bool:
        """Whether anything is waited for on any of them."""
        ...

    def ended(self, sender: "StreamSender", error: int | None) -> None:
        """One is gone; no error says that all it had to send has arrived."""
        ...


class StreamSender:
    """Opens, sends what it is to send, and closes."""

    def __init__(self, seat: Seat, owner: SenderOwner) -> None:
        """OSError if there is no way to the other end."""
        spec, now_ns = seat.spec, seat.threads.now_ns
        self._seat = seat
        self._owner = owner
        self.outstanding = 0
        """Bytes for which there is no receipt."""
        self._name = seat.journal.name()
        self._content = Content(self._name, seat.guest_id, spec.peer_id, spec.block)
        self._rest = b""
        self._number = 0
        self._left = spec.bytes or None
        self._receipts = b""
        self._pace: Pace | None = None
        self._piece = max(1, min(spec.block, int(spec.rate / PIECES_PER_SECOND))) if spec.rate else spec.block
        self._closing = False
        remote = Endpoint(spec.address, spec.port)
        self._connection = seat.stack.tcp.connect(remote, self._hear, now_ns, settings=seat.tcp)
        local = self._connection.tcb.local
        self.pen = ConnectionPen(seat.journal, local, remote, now_ns, accepted=False)
        self.pen.introduce(self._name, seat.guest_id, spec.peer_id, spec.block)
        self.pen.begin_wait(now_ns)
        seat.journal.begin_wait(now_ns)

    def finish(self) -> None:
        """Send no more; what was sent is waited for."""
        if not self._closing and not self.pen.ended:
            self._closing = True
            self._connection.shutdown(self._seat.threads.now_ns)

    def abort(self) -> None:
        """Give up."""
        if not self.pen.ended:
            self._connection.abort(self._seat.threads.now_ns)

    def _hear(self, connection: Connection, event: TcpEvent, now_ns: int) -> None:
        if event is TcpEvent.CONNECTED:
            self._begin(connection, now_ns)
        elif event is TcpEvent.WRITABLE:
            self._push()
        elif event is TcpEvent.READABLE:
            self._take_receipts(connection, now_ns)
        elif event is TcpEvent.FINISHED:
            self._take_receipts(connection, now_ns)
            self._end(None, now_ns)
        elif event is TcpEvent.CLOSED:
            self._end(connection.error, now_ns)

    def _begin(self, connection: Connection, now_ns: int) -> None:
        spec = self._seat.spec
        self.pen.established(now_ns)
        self._progress(now_ns)
        if self._closing:
            return  # it was to finish before the other end had answered
        connection.send(Hello(self._name, self._seat.guest_id, spec.peer_id, spec.block).pack(), now_ns)
        if spec.rate:
            self._pace = Pace(spec.rate / self._piece, now_ns)
        self._push()

    def _push(self) -> None:
        """Give TCP what it takes, or what is due."""
        threads = self._seat.threads
        while not self._closing and not self.pen.ended:
            if self._pace is not None and not self._pace.take(threads.now_ns):
                threads.at(self._pace.due_ns).when_done(self._push)
                return
            piece = self._next_piece()
            if not piece:
                self.finish()
                return
            taken = self._connection.send(piece, threads.now_ns)
            self._count(taken, threads.now_ns)
            self._rest = self._rest[taken:]
            if taken < len(piece):
                return

    def _next_piece(self) -> bytes:
        if not self._rest:
            self._rest = self._content.make(self._number)
            self._number += 1
        size = self._piece if self._left is None else min(self._piece, self._left)
        return self._rest if size >= len(self._rest) else self._rest[:size]

    def _count(self, taken: int, now_ns: int) -> None:
        if taken:
            self.outstanding += taken
            self._left = None if self._left is None else self._left - taken
            self.pen.sent(taken)
            self.pen.begin_wait(now_ns)
            self._seat.journal.begin_wait(now_ns)

    def _take_receipts(self, connection: Connection, now_ns: int) -> None:
        data = self._receipts + connection.recv(1 << 20, now_ns)
        whole = len(data) // RECEIPT_BYTES * RECEIPT_BYTES
        self._receipts = data[whole:]
        if not whole:
            return
        total = read_receipt(memoryview(data)[whole - RECEIPT_BYTES : whole])
        sent = self.pen.sent_bytes
        if total is None or not sent - self.outstanding <= total <= sent:
            self.pen.bad_block(0, data)
            connection.abort(now_ns)
            return
        self.pen.receipted(total)
        self.outstanding = sent - total
        self._progress(now_ns)

    def _progress(self, now_ns: int) -> None:
        self.pen.progress(now_ns, busy=bool(self.outstanding))
        self._seat.journal.serve(now_ns, busy=self._owner.busy)

    def _end(self, error: int | None, now_ns: int) -> None:
        if self.pen.ended:
            return
        self.pen.end(error, now_ns)
        self._connection.notify = ignore
        self._connection.close(now_ns)
        is_whole = self._closing and not self.outstanding
        self._owner.ended(self, error if error is not None or is_whole else errno.EPIPE)
