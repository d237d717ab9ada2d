"""One client of a forwarded port, and the session that carries its bytes to the gateway.

Rules: `client_records.py` says what is on the session. Each direction ends by itself; a reset, or the end of
the cluster, ends both, and the client sees a reset. Nothing is read from the client beyond its window.
"""

import contextlib
import errno
import socket
import struct
from collections.abc import Awaitable, Callable

import trio

from actors.network.client_records import (
    DATA_BYTES_MAX,
    END,
    WINDOW_BYTES,
    Kind,
    Record,
    RecordReader,
    written,
)


class Relay:
    """Between the two, which end with it."""

    def __init__(self, client: trio.SocketStream, session: trio.SocketStream) -> None:
        self._client = client
        self._session = session
        self._turn = trio.Lock()
        self._credit = WINDOW_BYTES
        self._credited = trio.Event()
        self._sound = False

    async def run(self) -> None:
        """Until both directions have ended, or one was reset."""
        try:
            async with trio.open_nursery() as nursery:
                for direction in (self._from_client, self._from_session):
                    nursery.start_soon(self._go, direction, nursery.cancel_scope)
        finally:
            if not self._sound:
                self._reset_client()
            self._client.socket.close()
            self._session.socket.close()

    async def _go(self, direction: Callable[[], Awaitable[bool]], both: trio.CancelScope) -> None:
        """One direction; whether the other one is to go on is what it says, and not if it fails."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError, ValueError):
            if await direction():
                return
        both.cancel()

    async def _from_client(self) -> bool:
        while True:
            while not self._credit:
                await self._credited.wait()
                self._credited = trio.Event()
            try:
                data = await self._client.receive_some(min(self._credit, DATA_BYTES_MAX))
            except trio.BrokenResourceError:
                await self._say(Record(Kind.reset, errno.ECONNRESET))
                return False
            self._credit -= len(data)
            await self._say(Record(Kind.data, len(data), data) if data else END)
            if not data:
                return True

    async def _from_session(self) -> bool:
        reader = RecordReader()
        while data := await self._session.receive_some(DATA_BYTES_MAX):
            for each in reader.feed(data):
                if not await self._take(each):
                    return False
        return False

    async def _take(self, record: Record) -> bool:
        """Whether the session goes on."""
        match record.kind:
            case Kind.data:
                await self._give_client(record.data)
            case Kind.taken:
                self._credit += record.number
                self._credited.set()
            case Kind.end:
                await self._client.send_eof()
            case Kind.reset:
                return False
            case Kind.over:
                self._sound = True
                return False
        return True

    async def _give_client(self, data: bytes) -> None:
        try:
            await self._client.send_all(data)
        except trio.BrokenResourceError:
            await self._say(Record(Kind.reset, errno.EPIPE))
            raise
        await self._say(Record(Kind.taken, len(data)))

    async def _say(self, record: Record) -> None:
        async with self._turn:
            await self._session.send_all(written(record))

    def _reset_client(self) -> None:
        with contextlib.suppress(OSError):
            self._client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
