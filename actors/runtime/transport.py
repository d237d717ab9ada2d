"""Byte streams behind one interface: Unix and TCP sockets, and pairs within one process.

Rules: every stream is non-blocking: `receive_into` and `send` raise BlockingIOError when they would
wait, other OSErrors when the peer is gone; 0 received is the end. What was sent before a close still
arrives. TCP listens on 127.0.0.1 unless told otherwise, and never delays small frames.
"""

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import trio

from actors.runtime.waiting import Call, Waiting

MAX_UNIX_PATH_BYTES = 107
MEMORY_PIPE_BYTES = 256 * 1024

Bytes = bytes | bytearray | memoryview


class ByteStream(Protocol):
    """One end of a two-way stream of bytes."""

    def receive_into(self, buffer: memoryview, /) -> int:
        """Bytes now at the start of the buffer; 0 at the end of the stream."""
        ...

    def send(self, data: Bytes, /) -> int:
        """How many bytes were taken, 1 or more."""
        ...

    def watch(self, waiting: Waiting, call: Call, /) -> None:
        """Have it called in each round in which `receive_into` would not wait, until `unwatch` or `close`."""
        ...

    def unwatch(self) -> None:
        """Have nothing called."""
        ...

    async def wait_readable(self) -> None:
        """Until `receive_into` would not wait. trio.ClosedResourceError if closed meanwhile."""
        ...

    async def wait_writable(self) -> None:
        """Until `send` would not wait. trio.ClosedResourceError if closed meanwhile."""
        ...

    def close(self) -> None:
        """End both directions; closing twice is allowed."""
        ...


class SocketStream:
    """A connected stream socket, which this owns."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        if sock.family in {socket.AF_INET, socket.AF_INET6}:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        self.receive_into = sock.recv_into
        self.send = sock.send
        self._waiting: Waiting | None = None

    def watch(self, waiting: Waiting, call: Call, /) -> None:
        """Have it called as long as there is something to receive."""
        self._waiting = waiting
        waiting.register(self.socket.fileno(), call)

    def unwatch(self) -> None:
        """Have nothing called."""
        if self._waiting is not None:
            self._waiting.unregister(self.socket.fileno())
            self._waiting = None

    async def wait_readable(self) -> None:
        """Until there is something to receive."""
        await trio.lowlevel.wait_readable(self.socket)

    async def wait_writable(self) -> None:
        """Until there is room to send."""
        await trio.lowlevel.wait_writable(self.socket)

    def close(self) -> None:
        """Close the socket and wake who waits for it."""
        if self.socket.fileno() >= 0:
            self.unwatch()
            trio.lowlevel.notify_closing(self.socket)
            self.socket.close()


class _Pipe:
    """One direction of a memory pair: at most `capacity` bytes wait in it."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.data = bytearray()
        self.ended = False
        self.lot = trio.lowlevel.ParkingLot()
        self.readable: Callable[[], object] | None = None

    def changed(self) -> None:
        """Wake who waits, at either end."""
        self.lot.unpark_all()
        if self.readable is not None and (self.data or self.ended):
            self.readable()

    def end(self) -> None:
        self.ended = True
        self.changed()


class MemoryStream:
    """One end of a pair within this process, with the flow control of a socket."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False

    def receive_into(self, buffer: memoryview, /) -> int:
        """Take what the peer has sent."""
        pipe = self._incoming
        if not pipe.data:
            if pipe.ended:
                return 0
            raise BlockingIOError
        count = min(len(buffer), len(pipe.data))
        with memoryview(pipe.data) as waiting:
            buffer[:count] = waiting[:count]
        del pipe.data[:count]
        pipe.changed()
        return count

    def send(self, data: Bytes, /) -> int:
        """Give to the peer as much as there is room for."""
        pipe = self._outgoing
        if pipe.ended:
            raise BrokenPipeError("the peer has closed")
        room = pipe.capacity - len(pipe.data)
        if room <= 0:
            raise BlockingIOError
        with memoryview(data) as view:
            pipe.data += view[:room]
            count = min(room, len(view))
        pipe.changed()
        return count

    def watch(self, waiting: Waiting, call: Call, /) -> None:
        """Have it called as long as there is something to receive."""
        self._incoming.readable = partial(waiting.soon, call)
        self._incoming.changed()

    def unwatch(self) -> None:
        """Have nothing called."""
        self._incoming.readable = None

    async def wait_readable(self) -> None:
        """Until there is something to receive."""
        while not (self._incoming.data or self._incoming.ended):
            await self._incoming.lot.park()
        self._refuse_if_closed()

    async def wait_writable(self) -> None:
        """Until there is room to send, or nobody to send to."""
        pipe = self._outgoing
        while not pipe.ended and len(pipe.data) >= pipe.capacity:
            await pipe.lot.park()
        self._refuse_if_closed()

    def close(self) -> None:
        """End both directions: the peer reads what is left, then the end."""
        self._closed = True
        self.unwatch()
        self._incoming.end()
        self._outgoing.end()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this end is closed")


def memory_pair(capacity: int = MEMORY_PIPE_BYTES) -> tuple[MemoryStream, MemoryStream]:
    """Two connected ends within this process; `capacity` bytes may wait in each direction."""
    one, other = _Pipe(capacity), _Pipe(capacity)
    return MemoryStream(one, other), MemoryStream(other, one)


def unix_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected Unix stream sockets, non-blocking."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    one.setblocking(False)
    other.setblocking(False)
    return one, other


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two TCP sockets connected through a listener on 127.0.0.1, non-blocking."""
    with listen_tcp(0) as listener:
        listener.setblocking(True)
        one = connect_tcp(*listener.getsockname())
        other, peer = listener.accept()
        while peer != one.getsockname():  # a stranger was faster
            other.close()
            other, peer = listener.accept()
    other.setblocking(False)
    other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one, other


def listen_unix(path: str | Path, backlog: int = 128) -> socket.socket:
    """A non-blocking listener that only this user can reach.

    ValueError for a path over 107 bytes, OSError if it exists already.
    """
    listener = bind_unix(path, socket.SOCK_STREAM)
    listener.listen(backlog)
    listener.setblocking(False)
    return listener


def bind_unix(path: str | Path, kind: socket.SocketKind) -> socket.socket:
    """A socket at a path that only this user can reach, from its first moment on.

    ValueError for a path over 107 bytes, OSError if it exists already.
    """
    _check_path(path)
    bound = socket.socket(socket.AF_UNIX, kind)
    try:
        os.fchmod(bound.fileno(), 0o600)  # the mode the bound path is made with, before anyone sees it
        bound.bind(str(path))
        Path(path).chmod(0o600)
    except OSError:
        bound.close()
        raise
    return bound


def listen_tcp(port: int, address: str = "127.0.0.1", backlog: int = 128) -> socket.socket:
    """A non-blocking listener; port 0 takes a free one."""
    listener = socket.create_server((address, port), backlog=backlog)
    listener.setblocking(False)
    return listener


def connect_unix(path: str | Path) -> socket.socket:
    """A non-blocking socket connected to a listener of this machine. ValueError for a path over 107 bytes."""
    _check_path(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def connect_tcp(address: str, port: int, timeout_s: float = 5.0) -> socket.socket:
    """A non-blocking socket connected to a listener; OSError if nobody answers in time."""
    sock = socket.create_connection((address, port), timeout=timeout_s)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _check_path(path: str | Path) -> None:
    length = len(os.fsencode(path))
    if length > MAX_UNIX_PATH_BYTES:
        raise ValueError(
            f"a Unix socket's path may have {MAX_UNIX_PATH_BYTES} bytes, this one has {length}: {path}"
        )
