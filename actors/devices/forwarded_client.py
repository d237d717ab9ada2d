"""One client from outside, and the TCP connection to a guest that was opened for it.

Rules: both directions end by themselves. Who takes nothing makes the other wait: what the client sends waits
here, up to its window, and what the guest sends waits in the receive window of TCP.
"""

from collections.abc import Callable

from actors.inet.connection import Connection
from actors.inet.states import WRITABLE
from actors.inet.tcb import TcpEvent
from actors.network.client_records import (
    DATA_BYTES_MAX,
    END,
    OVER,
    WINDOW_BYTES,
    Kind,
    Record,
    RecordReader,
    data_records,
    written,
)


class ForwardedClient:
    """`send` is called with bytes for the client, `close` with why its link is to be closed."""

    def __init__(self, send: Callable[[bytes], None], close: Callable[[str], None]) -> None:
        self._send = send
        self._close = close
        self._reader = RecordReader()
        self._connection: Connection | None = None
        self._to_guest = bytearray()
        self._client_ended = self._guest_ended = self._end_told = self._over = False
        self._credit = WINDOW_BYTES
        self.bytes_in = self.bytes_out = 0

    def connected_by(self, connection: Connection) -> None:
        """The connection that was opened for it."""
        self._connection = connection

    def received(self, data: bytes, now_ns: int) -> None:
        """The client has sent something; what breaks the rules costs it its link."""
        try:
            for each in self._reader.feed(data):
                self._take(each, now_ns)
        except ValueError as error:
            self._close(str(error))
        self._pump(now_ns)

    def closed(self, now_ns: int) -> None:
        """The client's link is gone: its connection ends in order if everything was said, else by a reset."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._over:
            connection.close(now_ns)
        else:
            connection.abort(now_ns)

    def notify(self, connection: Connection, event: TcpEvent, now_ns: int) -> None:
        """Something has happened to the connection; a client that is told of a reset closes its link."""
        if self._connection is None:
            return
        if event is TcpEvent.FINISHED:
            self._guest_ended = True
        elif event is TcpEvent.CLOSED and connection.error is not None:
            self._connection = None
            self._send(written(Record(Kind.reset, connection.error)))
        self._pump(now_ns)

    def check(self) -> None:
        """What waits is bounded."""
        assert len(self._to_guest) <= WINDOW_BYTES, "more waits than the client may send"
        assert 0 <= self._credit <= WINDOW_BYTES, "a window that is none"

    def _take(self, record: Record, now_ns: int) -> None:
        match record.kind:
            case Kind.data:
                if self._client_ended or len(self._to_guest) + len(record.data) > WINDOW_BYTES:
                    raise ValueError("data beyond its end or its window")
                self._to_guest += record.data
            case Kind.end:
                self._client_ended = True
            case Kind.taken:
                if record.number > WINDOW_BYTES - self._credit:
                    raise ValueError(f"{record.number} bytes were taken that nobody has sent")
                self._credit += record.number
            case Kind.reset:
                self.closed(now_ns)
                self._close("the client has reset its connection")
            case Kind.over:
                raise ValueError("it is the gateway that says when all is over")

    def _pump(self, now_ns: int) -> None:
        """Move what can be moved, both ways."""
        connection = self._connection
        if connection is None or self._over:
            return
        self._pump_to_guest(connection, now_ns)
        self._pump_to_client(connection, now_ns)
        if self._client_ended and not self._to_guest and self._end_told:
            self._over = True
            self._send(written(OVER))

    def _pump_to_guest(self, connection: Connection, now_ns: int) -> None:
        if connection.state not in WRITABLE or connection.tcb.send.closing:
            return
        while self._to_guest:
            taken = connection.send(bytes(self._to_guest[:DATA_BYTES_MAX]), now_ns)
            if not taken:
                return
            del self._to_guest[:taken]
            self.bytes_in += taken
            self._send(written(Record(Kind.taken, taken)))
        if self._client_ended:
            connection.shutdown(now_ns)

    def _pump_to_client(self, connection: Connection, now_ns: int) -> None:
        while self._credit:
            data = connection.recv(min(self._credit, DATA_BYTES_MAX), now_ns)
            if not data:
                break
            self._credit -= len(data)
            self.bytes_out += len(data)
            for each in data_records(data):
                self._send(written(each))
        if self._guest_ended and not self._end_told and not connection.tcb.receive.buffer.ready:
            self._end_told = True
            self._send(written(END))
