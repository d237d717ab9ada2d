"""One connection of a small HTTP server: requests one after the other, each answered before the next."""

from collections.abc import Callable, Iterator

from actors.domu.talk.documents import Document, find_document
from actors.domu.talk.http_message import (
    END,
    HEAD_BYTES_MAX,
    REASONS,
    Head,
    HttpError,
    find_range,
    parse_request,
)
from actors.domu.talk.seat import Seat
from actors.inet.connection import Connection, ignore
from actors.inet.tcb import TcpEvent
from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_pen import ConnectionPen


class HttpServing:
    """Answers until it is asked to close, or something is wrong. `ended(serving)` is called once."""

    def __init__(self, seat: Seat, connection: Connection, ended: Callable[["HttpServing"], None]) -> None:
        self._seat = seat
        self._connection = connection
        self._ended = ended
        tcb = connection.tcb
        now_ns = seat.threads.now_ns
        self.pen = ConnectionPen(seat.journal, tcb.local, tcb.remote, now_ns, accepted=True)
        self._asked = b""
        self._head = b""
        self._body: Iterator[bytes] = iter(())
        self._closing = False
        self._peer_is_done = False
        connection.notify = self._hear

    def begin(self) -> None:
        """Take what is there already."""
        self._work(self._connection, self._seat.threads.now_ns)

    def close(self) -> None:
        """Answer no more."""
        self._end(None, self._seat.threads.now_ns)

    def _hear(self, connection: Connection, event: TcpEvent, now_ns: int) -> None:
        if event is TcpEvent.CLOSED:
            self._end(connection.error, now_ns)
        else:
            self._peer_is_done = self._peer_is_done or event is TcpEvent.FINISHED
            self._work(connection, now_ns)

    def _work(self, connection: Connection, now_ns: int) -> None:
        """Send what is to be sent; then take the next request, if it is whole."""
        while not self.pen.ended:
            if not self._push(connection, now_ns):
                return
            if self._closing:
                self._end(None, now_ns)
                return
            if not self._next_request(connection, now_ns):
                if self._peer_is_done:
                    self._end(None, now_ns)
                return

    def _push(self, connection: Connection, now_ns: int) -> bool:
        """Give TCP what it takes; whether that was all."""
        while self._head or (piece := next(self._body, b"")):
            piece = self._head or piece
            try:
                taken = connection.send(piece, now_ns)
            except OSError:
                return False
            self.pen.sent(taken)
            self._head = piece[taken:]
            if self._head:
                return False
        return True

    def _next_request(self, connection: Connection, now_ns: int) -> bool:
        if END not in self._asked and (data := connection.recv(HEAD_BYTES_MAX, now_ns)):
            self._asked = (self._asked + data).lstrip(b"\r\n")
            self.pen.received(len(data), 0, now_ns)
            self.pen.progress(now_ns, busy=False)
        head, end, rest = self._asked.partition(END)
        if not end and len(head) <= HEAD_BYTES_MAX:
            return False
        self._asked = rest
        try:
            self._answer(parse_request(head + end))
        except HttpError as refused:
            self._closing = True
            self._refuse(refused.status, str(refused), {})
        return True

    def _answer(self, request: Head) -> None:
        self._closing = not request.keeps_alive
        with_body = request.method != "HEAD"
        if request.method not in {"GET", "HEAD"}:
            self._refuse(405, request.method, {"Allow": "GET, HEAD"})
            return
        document = find_document(request.target.partition("?")[0].removeprefix("/"))
        if document is None:
            self._refuse(404, request.target, {}, with_body=with_body)
            return
        fields = {"ETag": document.etag, "Accept-Ranges": "bytes"}
        if (
            document.etag in request.fields.get("if-none-match", "")
            or request.fields.get("if-none-match") == "*"
        ):
            self._respond(304, fields, None)
            return
        try:
            part = _asked_range(request, document)
        except HttpError as refused:
            self._refuse(416, request.target, {**fields, "Content-Range": str(refused)}, with_body=with_body)
            return
        start, end = part or (0, document.size)
        if part is not None:
            fields["Content-Range"] = f"bytes {start}-{end - 1}/{document.size}"
        fields["Content-Type"] = "application/octet-stream" if document.text is None else "text/plain"
        self._respond(206 if part else 200, fields, end - start)
        if with_body:
            self._body = document.blocks(start, end)

    def _refuse(self, status: int, text: str, fields: dict[str, str], *, with_body: bool = True) -> None:
        body = f"{status} {REASONS[status]}: {text}\n".encode("latin-1", "replace")
        self._respond(status, {**fields, "Content-Type": "text/plain"}, len(body))
        if with_body:
            self._body = iter((body,))

    def _respond(self, status: int, fields: dict[str, str], length: int | None) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", "Server: domzero"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        lines.append("Connection: close" if self._closing else "Connection: keep-alive")
        self._head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self._body = iter(())
        self._seat.journal.count(TalkWord.SENT)

    def _end(self, error: int | None, now_ns: int) -> None:
        if self.pen.ended:
            return
        self.pen.end(error, now_ns)
        self._connection.notify = ignore
        if self._connection.tcb.receive.buffer.ready:
            self._connection.recv(1 << 20, now_ns)
        self._connection.close(now_ns)
        self._ended(self)


def _asked_range(request: Head, document: Document) -> tuple[int, int] | None:
    """Which part is asked for, if it is that of the document as it is. HttpError 416."""
    if request.method != "GET" or request.fields.get("if-range", document.etag) != document.etag:
        return None
    return find_range(request.fields.get("range", ""), document.size)
