"""One link of a live actor: a byte stream, its frames in, and what waits to go out.

Rules: messages queued in a turn leave as one frame at its end, sent directly; only what the stream
does not take becomes a backlog, which a task of its own writes. A stream that fails on writing is
muted, not closed: what the peer sent before it died is still to be read.
A raw link speaks no protocol of ours: its messages are bytes, in whatever portions they come.
"""

from collections.abc import Callable, Mapping

import msgpack
import trio

from actors.runtime.arrivals import Arrivals, Decode
from actors.runtime.attention import Attention
from actors.runtime.codec import Buffer
from actors.runtime.framing import frame, hello_frame, join_frames, split_messages
from actors.runtime.machine import Received
from actors.runtime.transport import ByteStream

PACKER_BYTES = 4096
RAW_UNREAD_BYTES = 256 * 1024

Rows = Mapping[type, Callable[[object], object]]
RAW_ROWS: Rows = {bytes: lambda message: message}


class Link:
    """The driver's end of a link; `name` is the peer's identity."""

    __slots__ = (
        "_packer",
        "arrivals",
        "attention",
        "backlog",
        "drained",
        "frame_limit",
        "name",
        "open",
        "pack",
        "queued",
        "received",
        "rows",
        "stream",
        "take",
        "touched",
        "unread_limit",
    )

    def __init__(
        self,
        name: str,
        stream: ByteStream,
        frame_limit: int,
        rows: Rows,
        decode: Decode,
        *,
        unread_limit: int | None = None,
    ) -> None:
        """`rows` makes of a message, by its type, what `pack` takes; `decode` makes messages of a payload.

        While more than `unread_limit` bytes wait for the peer, it is `congested`.
        """
        self.name = name
        self.stream = stream
        self.attention = Attention(stream)
        self.frame_limit = frame_limit
        self.unread_limit = unread_limit
        self.arrivals = Arrivals(frame_limit, decode)
        # The messages of one turn out of what came.
        self.take: Callable[[memoryview], list[object]] = self.arrivals.take
        self.open = True
        self.rows = rows
        # One for all messages: a new one for each would cost a tenth of what a short message costs.
        self.received = Received(name, None)
        self._packer = msgpack.Packer(autoreset=False, buf_size=PACKER_BYTES)
        self.pack = self._packer.pack  # appends one message, given as its row, to what leaves next
        self.queued = False
        self.touched: list[Link] = []  # where it puts itself when it has something to send
        self.backlog = bytearray()
        self.drained: trio.Event | None = None

    def greet(self) -> int:
        """Send the hello, before anything else; how many bytes wait."""
        return self._send(hello_frame())

    def send(self, message: object) -> None:
        """Queue a message for the end of the turn."""
        if not self.queued:
            self.queued = True
            self.touched.append(self)
        self.pack(self.rows[type(message)](message))

    def flush(self) -> int:
        """Send what is queued, as far as the stream takes it now; how many bytes wait."""
        body: bytes = self._packer.bytes()
        self._packer.reset()
        self.queued = False
        if len(body) > self.frame_limit:
            return self._send(join_frames(split_messages(body), self.frame_limit))
        return self._send(frame(body))

    def mute(self) -> None:
        """Writing is over: the peer is gone, and its end will be read."""
        self.backlog.clear()

    def close(self) -> None:
        """End both directions; what waits is dropped."""
        self.open = False
        self.arrivals.drop()
        self.mute()
        self.stream.close()

    async def drain(self) -> None:
        """Write the backlog as the peer makes room, until it is empty or the link has ended.

        Whoever starts this task sets `drained` to a new event first: there is one such task at a time.
        """
        while self.open and self.backlog:
            await self._write_some()
        if self.drained is not None:
            self.drained.set()
            self.drained = None
        self.attention.soon()

    def _send(self, data: bytes) -> int:
        if self.backlog:
            self.backlog += data
            return len(self.backlog)
        try:
            sent = self.stream.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.mute()
            return 0
        if sent < len(data):
            self.backlog += data[sent:]
        return len(self.backlog)

    @property
    def congested(self) -> bool:
        """Whether nothing more is to be read before the peer has taken what waits for it."""
        return self.unread_limit is not None and len(self.backlog) > self.unread_limit

    async def _write_some(self) -> None:
        try:
            await self.stream.wait_writable()
            del self.backlog[: self.stream.send(self.backlog)]
        except BlockingIOError:
            return
        except (OSError, trio.ClosedResourceError):
            self.mute()


class RawLink(Link):
    """The driver's end of a link to somebody outside, who speaks no protocol of ours: messages are `bytes`.

    While the other end leaves too much unread nothing more is read from it.
    """

    __slots__ = ("_parts",)

    def __init__(self, name: str, stream: ByteStream) -> None:
        super().__init__(name, stream, 0, RAW_ROWS, _as_it_is, unread_limit=RAW_UNREAD_BYTES)
        self.take = _as_it_is
        self._parts: list[bytes] = []
        self.pack = self._parts.append

    def greet(self) -> int:
        """Nothing is said before the machine speaks."""
        return 0

    def flush(self) -> int:
        """Send what is queued, as far as the stream takes it now; how many bytes wait."""
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self.queued = False
        return self._send(data)


def _as_it_is(payload: Buffer) -> list[object]:
    return [bytes(payload)]
