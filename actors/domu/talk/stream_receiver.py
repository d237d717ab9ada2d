"""One connection of a stream at the end that takes it.

Rules: what has come is noted as it came, with the checksum of what came; receipts tell the sender how far it
has got, by every so many bytes and at least every so often.
"""

from collections.abc import Callable
from typing import Final
from zlib import crc32

from actors.domu.talk.content import LABEL_BYTES, Content
from actors.domu.talk.seat import Seat
from actors.domu.talk.stream_messages import HELLO_BYTES, Hello, pack_receipt, read_hello
from actors.inet.connection import Connection, ignore
from actors.inet.tcb import TcpEvent
from actors.notebook.talk_header import TalkWord
from actors.notebook.talk_pen import ConnectionPen
from actors.notebook.talk_rows import pair

RECEIPT_EVERY_BYTES: Final = 32768
RECEIPT_EVERY_NS: Final = 10_000_000


class StreamReceiver:
    """Takes all that comes. `ended(receiver)` is called once."""

    def __init__(self, seat: Seat, connection: Connection, ended: Callable[["StreamReceiver"], None]) -> None:
        self._seat = seat
        self._connection = connection
        self._ended = ended
        tcb = connection.tcb
        now_ns = seat.threads.now_ns
        self.pen = ConnectionPen(seat.journal, tcb.local, tcb.remote, now_ns, accepted=True)
        self._content: Content | None = None
        self._head = b""
        self._pieces: list[bytes] = []
        self._partial = 0
        self._missing = 0
        self._number = 0
        self._received = self._receipted = 0
        self._receipted_ns = 0
        self._receipt_due = False
        connection.notify = self._hear

    def begin(self) -> None:
        """Take what is there already."""
        self._take(self._connection, self._seat.threads.now_ns)

    def close(self) -> None:
        """Take no more."""
        now_ns = self._seat.threads.now_ns
        self._end(None, now_ns)

    def _hear(self, connection: Connection, event: TcpEvent, now_ns: int) -> None:
        if event is TcpEvent.READABLE:
            self._take(connection, now_ns)
        elif event is TcpEvent.FINISHED:
            self._take(connection, now_ns)
            self.pen.finished()
            self._receipt(now_ns)
            self._end(None, now_ns)
        elif event is TcpEvent.CLOSED:
            self._end(connection.error, now_ns)

    def _take(self, connection: Connection, now_ns: int) -> None:
        if self._content is None and not self._greet(connection, now_ns):
            return
        before = self._received
        while not self.pen.ended and (data := connection.recv(self._missing, now_ns)):
            self._partial = crc32(data, self._partial)
            self._pieces.append(data)
            self._missing -= len(data)
            self._received += len(data)
            if not self._missing:
                self._complete(now_ns)
        if self._received != before:
            self.pen.received(self._received - before, self._partial, now_ns)
            self.pen.progress(now_ns, busy=False)
            self._seat.journal.serve(now_ns, busy=False)
            self._receipt_if_due(now_ns)

    def _greet(self, connection: Connection, now_ns: int) -> bool:
        """Take the hello; whether it is there and makes sense."""
        self._head += connection.recv(HELLO_BYTES - len(self._head), now_ns)
        if len(self._head) < HELLO_BYTES:
            return False
        hello = read_hello(self._head)
        if hello is None:
            self._seat.journal.count(TalkWord.STRAYS)
            self._seat.journal.exhibit(self.pen.row, 0, self._head)
            connection.abort(now_ns)
            return False
        self._expect(hello)
        return True

    def _expect(self, hello: Hello) -> None:
        self.pen.introduce(hello.name, hello.sender, hello.receiver, hello.block)
        if hello.receiver != self._seat.guest_id:
            self._seat.journal.count(TalkWord.MISDELIVERED)
        self._content = Content(hello.name, hello.sender, hello.receiver, hello.block)
        self._missing = hello.block

    def _complete(self, now_ns: int) -> None:
        content, pieces = self._content, self._pieces
        assert content is not None, "blocks come after the hello"
        block = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        name, sender, receiver, offset, magic = _label_words(block)
        self.pen.block(self._number, (name, pair(sender, receiver), offset, magic), self._partial, now_ns)
        if self._partial != content.checksum(self._number):
            self.pen.bad_block(self._number * content.block, block)
        self._number += 1
        self._partial, self._missing = 0, content.block
        pieces.clear()

    def _receipt_if_due(self, now_ns: int) -> None:
        unsaid = self._received - self._receipted
        if unsaid >= RECEIPT_EVERY_BYTES or now_ns - self._receipted_ns >= RECEIPT_EVERY_NS:
            self._receipt(now_ns)
        elif not self._receipt_due:
            self._receipt_due = True
            self._seat.threads.at(self._receipted_ns + RECEIPT_EVERY_NS).when_done(self._receipt_late)

    def _receipt_late(self) -> None:
        self._receipt_due = False
        if self._received > self._receipted:
            self._receipt(self._seat.threads.now_ns)

    def _receipt(self, now_ns: int) -> None:
        """Say how much has come, if TCP takes it; a later receipt says it, too."""
        if self.pen.ended or self._connection.tcb.send.buffer.room < 64:
            return
        try:
            self._connection.send(pack_receipt(self._received, self._partial), now_ns)
        except OSError:
            return
        self._receipted, self._receipted_ns = self._received, now_ns

    def _end(self, error: int | None, now_ns: int) -> None:
        if self.pen.ended:
            return
        self.pen.end(error, now_ns)
        self._connection.notify = ignore
        self._connection.close(now_ns)
        self._ended(self)


def _label_words(block: bytes) -> tuple[int, int, int, int, int]:
    """The words of what should be a label: name, sender, receiver, offset, and its size and magic in one."""
    view = memoryview(block)[-LABEL_BYTES:]
    magic, name, ends, offset = view.cast("Q")
    return name, ends & 0xFFFFFFFF, ends >> 32, offset, magic
