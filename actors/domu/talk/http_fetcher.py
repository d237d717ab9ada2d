"""One connection of an HTTP client: documents one after the other, each noted as it came."""

import errno
from typing import Final, Protocol
from zlib import crc32

from actors.domu.talk.documents import document_checksum, find_document
from actors.domu.talk.http_message import END, HEAD_BYTES_MAX, Head, HttpError, parse_response
from actors.domu.talk.seat import Seat
from actors.inet.address import Endpoint
from actors.inet.connection import Connection, ignore
from actors.inet.tcb import TcpEvent
from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_pen import ConnectionPen
from actors.notebook.talk_rows import FETCH_ROWS, ROW_BYTES, FetchField, RowKind, first_word, pair

_NAME_AT: Final = len(FetchField)


class FetcherOwner(Protocol):
    """Who opens connections and says what is to be fetched."""

    def ready(self, fetcher: "HttpFetcher") -> None:
        """It could fetch something."""
        ...

    def ended(self, fetcher: "HttpFetcher", error: int | None) -> None:
        """Its connection is gone."""
        ...


class HttpFetcher:
    """Opens, fetches what it is told to, and closes."""

    def __init__(self, seat: Seat, owner: FetcherOwner) -> None:
        """OSError if there is no way to the other end."""
        spec, now_ns = seat.spec, seat.threads.now_ns
        self._seat = seat
        self._owner = owner
        remote = Endpoint(spec.address, spec.port)
        self._connection = seat.stack.tcp.connect(remote, self._hear, now_ns, settings=seat.tcp)
        self.pen = ConnectionPen(seat.journal, self._connection.tcb.local, remote, now_ns, accepted=False)
        self.pen.introduce(seat.journal.name(), seat.guest_id, spec.peer_id, 0)
        self.pen.begin_wait(now_ns)
        seat.journal.begin_wait(now_ns)
        self._document = ""
        self._row = 0
        self._begun_ns = 0
        self._heard = b""
        self._head: Head | None = None
        self._received = 0
        self._crc = 0

    @property
    def busy(self) -> bool:
        """Whether a document is being fetched."""
        return bool(self._document)

    def fetch(self, name: str) -> None:
        """Ask for a document."""
        seat, now_ns = self._seat, self._seat.threads.now_ns
        words = [0] * (FETCH_ROWS * ROW_BYTES // 8)
        words[FetchField.KIND] = first_word(RowKind.FETCH, FETCH_ROWS)
        words[FetchField.ROW], words[FetchField.BEGUN_NS] = self.pen.row, now_ns
        tcb = self._connection.tcb
        words[FetchField.LOCAL], words[FetchField.REMOTE] = pair(*tcb.local), pair(*tcb.remote)
        text = name.encode()
        words[_NAME_AT:] = memoryview(text.ljust((len(words) - _NAME_AT) * 8, b"\0")).cast("Q").tolist()
        self._row = seat.journal.append(tuple(words))
        self._document, self._begun_ns = name, now_ns
        self._head, self._heard = None, b""
        self._received = self._crc = 0
        seat.journal.count(TalkWord.SENT)
        seat.journal.begin_wait(now_ns)
        self.pen.begin_wait(now_ns)
        host = ".".join(str(each) for each in seat.spec.address.to_bytes(4, "big"))
        request = f"GET /{name} HTTP/1.1\r\nHost: {host}:{seat.spec.port}\r\n\r\n".encode()
        try:
            self.pen.sent(self._connection.send(request, now_ns))
        except OSError as error:
            self._end(error.errno, now_ns)

    def finish(self) -> None:
        """Fetch no more; what is on its way is waited for."""
        if not self.busy:
            self._end(None, self._seat.threads.now_ns)

    def abort(self) -> None:
        """Give up."""
        if not self.pen.ended:
            self._connection.abort(self._seat.threads.now_ns)

    def _hear(self, connection: Connection, event: TcpEvent, now_ns: int) -> None:
        if event is TcpEvent.CONNECTED:
            self.pen.established(now_ns)
            self._live(now_ns, busy=False)
            self._owner.ready(self)
        elif event is TcpEvent.READABLE:
            self._take(connection, now_ns)
        elif event is TcpEvent.FINISHED:
            self._take(connection, now_ns)
            self._end(errno.ECONNRESET if self.busy else None, now_ns)
        elif event is TcpEvent.CLOSED:
            self._end(connection.error, now_ns)

    def _live(self, now_ns: int, *, busy: bool) -> None:
        self.pen.progress(now_ns, busy=busy)
        self._seat.journal.serve(now_ns, busy=busy)

    def _take(self, connection: Connection, now_ns: int) -> None:
        while not self.pen.ended and (data := connection.recv(1 << 18, now_ns)):
            self.pen.received(len(data), 0, now_ns)
            self._live(now_ns, busy=self.busy)
            if not self.busy:
                self._wrong(data, now_ns)
            elif self._head is None:
                self._take_head(data, now_ns)
            else:
                self._take_body(data, now_ns)

    def _take_head(self, data: bytes, now_ns: int) -> None:
        self._heard += data
        head, end, body = self._heard.partition(END)
        if not end and len(head) <= HEAD_BYTES_MAX:
            return
        try:
            found = parse_response(head + end)
        except HttpError:
            self._wrong(self._heard, now_ns)
            return
        if not end or found.length is None:
            self._wrong(self._heard, now_ns)
            return
        self._head = found
        journal = self._seat.journal
        journal.amend(self._row, FetchField.STATUS, found.status)
        journal.amend(self._row, FetchField.EXPECTED, found.length)
        self._take_body(body, now_ns)

    def _take_body(self, data: bytes, now_ns: int) -> None:
        assert self._head is not None, "the body follows the head"
        missing = (self._head.length or 0) - self._received
        body, rest = data[:missing], data[missing:]
        self._crc = crc32(body, self._crc)
        self._received += len(body)
        journal = self._seat.journal
        journal.amend(self._row, FetchField.RECEIVED, self._received)
        journal.amend(self._row, FetchField.KIND, first_word(RowKind.FETCH, FETCH_ROWS, self._crc))
        if rest:
            self._wrong(rest, now_ns)
        elif len(body) == missing:
            self._complete(self._head, now_ns)

    def _complete(self, head: Head, now_ns: int) -> None:
        journal = self._seat.journal
        journal.amend(self._row, FetchField.ENDED_NS, max(1, now_ns))
        journal.latency(now_ns - self._begun_ns)
        journal.count(TalkWord.ANSWERED)
        self._live(now_ns, busy=False)
        self._check(head)
        self._document = ""
        if head.keeps_alive:
            self._owner.ready(self)
        else:
            self._end(None, now_ns)

    def _check(self, head: Head) -> None:
        document = find_document(self._document)
        if head.status != 200:
            self._seat.journal.count(TalkWord.FAILED)
        elif document is not None:
            found = (self._received, self._crc)
            if found != (document.size, document_checksum(self._document)):
                self._seat.journal.count(TalkWord.CORRUPT)

    def _wrong(self, data: bytes, now_ns: int) -> None:
        """Something has come that is no answer."""
        self._seat.journal.count(TalkWord.STRAYS)
        self._seat.journal.exhibit(self.pen.row, 0, data)
        self._connection.abort(now_ns)

    def _end(self, error: int | None, now_ns: int) -> None:
        if self.pen.ended:
            return
        if self.busy:
            self._seat.journal.count(TalkWord.FAILED)
        self.pen.end(error, now_ns)
        self._connection.notify = ignore
        self._connection.close(now_ns)
        self._owner.ended(self, error)
