"""What two processes can do at best: the floors that the bench puts beside its figures.

An echo of null hypercalls between two processes over a Unix socket pair, the request and the reply
each a framed msgpack array, in three makes: `blocking` (sockets that block, nothing else),
`lowlevel` (a bare `trio.lowlevel` loop), and `actor` (the product's own driver with an echo machine
at each end, which is what is to be compared). `depth` requests are in flight.

Beside it: reads of a file, a fork, and what a process weighs that does nothing.

Rules: a measurement forks its peer before any trio loop runs, and reaps it.
"""

import os
import signal
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from statistics import median

import msgpack
import trio

from actors.messages import CODEC, Hypercall, HypercallReply
from actors.runtime.actor import ActorDriver
from actors.runtime.machine import Effect, Event, Exit, LinkClosed, LinkOpened, Machine, Received, Send
from actors.runtime.transport import SocketStream, unix_pair

NULL_HYPERCALL = 17
RECEIVE_BYTES = 64 * 1024
BLOCK_BYTES = 4096
FILE_BLOCKS = 4096
BATCHES = 101
SPAWNS = 9

_LENGTH = struct.Struct("<I")


def measure(make: str, depth: int, rounds: int, *, one_core: bool) -> float:
    """Seconds for `rounds` echoes with `depth` in flight; make is blocking, lowlevel or actor."""
    serve, call = _MAKES[make]
    here, there = unix_pair()
    with pinned(one_core=one_core), here, child(lambda: serve(there), here):
        there.close()
        return call(here, depth, rounds)


def read_us(count: int) -> float:
    """Microseconds in which `count` blocks of 4 KiB are read from places of a file, one `preadv2` each."""
    random, buffer = Random(count), memoryview(bytearray(BLOCK_BYTES))
    places = [random.randrange(FILE_BLOCKS) * BLOCK_BYTES for _ in range(count)]
    with tempfile.TemporaryFile(prefix="domzero-bench-") as file:
        file.write(bytes(FILE_BLOCKS * BLOCK_BYTES))
        file.flush()
        batches = []
        for _ in range(BATCHES):
            began_ns = time.perf_counter_ns()
            for place in places:
                os.preadv(file.fileno(), [buffer], place)
            batches.append((time.perf_counter_ns() - began_ns) / 1e3)
        return median(batches)


def spawn_ms() -> float:
    """Milliseconds to fork a process and have its first byte over a socket."""
    return median(_spawn_ms() for _ in range(SPAWNS))


def _spawn_ms() -> float:
    ours, theirs = unix_pair()
    ours.setblocking(True)
    theirs.setblocking(True)
    with ours, theirs:
        began_ns = time.perf_counter_ns()
        with child(lambda: theirs.sendall(b"!")):
            ours.recv(1)
            return (time.perf_counter_ns() - began_ns) / 1e6


def loop_megabytes(count: int) -> float:
    """Memory of one of `count` processes that wait in an event loop; shared pages count in proportion."""
    ours, theirs = unix_pair()
    ours.setblocking(True)
    theirs.setblocking(True)

    async def wait() -> None:
        theirs.sendall(b"!")
        await trio.sleep_forever()

    with ours, theirs, ExitStack() as children:
        pids = [children.enter_context(child(lambda: trio.run(wait))) for _ in range(count)]
        for _ in pids:
            ours.recv(1)
        return median(_proportional_bytes(pid) for pid in pids) / 1e6


def _proportional_bytes(pid: int) -> int:
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    (row,) = [each for each in rows if each.startswith("Pss:")]
    return int(row.split()[1]) * 1024


@contextmanager
def pinned(*, one_core: bool) -> Iterator[None]:
    """Run on one core (children inherit it), or on all that there are."""
    before = os.sched_getaffinity(0)
    if one_core:
        os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def child(body: Callable[[], object], *ours: socket.socket) -> Iterator[int]:
    """The id of a process that does this until it is killed; what is `ours` is closed there."""
    pid = os.fork()
    if pid == 0:
        try:
            for each in ours:
                each.close()
            body()
        finally:
            os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


class _Frames:
    """The least code that takes framed arrays out of received bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._unpacker = msgpack.Unpacker()

    def rows(self, data: memoryview) -> list[list[object]]:
        if self._rest:
            data = memoryview(self._rest + bytes(data))
        rows: list[list[object]] = []
        start, size = 0, len(data)
        feed, unpack = self._unpacker.feed, self._unpacker.unpack
        while size - start >= 4:
            end = start + 4 + _LENGTH.unpack_from(data, start)[0]
            if end > size:
                break
            feed(data[start + 4 : end])
            rows.append(unpack())
            start = end
        self._rest = bytes(data[start:])
        return rows


class _Server:
    def __init__(self) -> None:
        self._frames = _Frames()
        self._pack = msgpack.Packer().pack

    def answer(self, data: memoryview) -> bytes:
        replies: list[bytes] = []
        for _, sequence, _, _, _ in self._frames.rows(data):
            reply = self._pack([2, sequence, 0, None])
            replies += (_LENGTH.pack(len(reply)), reply)
        return b"".join(replies)


class _Client:
    """Keeps `depth` requests in flight until `rounds` have been answered."""

    def __init__(self, depth: int, rounds: int) -> None:
        self._frames = _Frames()
        self._pack = msgpack.Packer().pack
        self._depth = depth
        self._rounds = rounds
        self._issued = 0
        self.answered = 0

    def start(self) -> bytes:
        return b"".join(self._request() for _ in range(min(self._depth, self._rounds)))

    def take(self, data: memoryview) -> bytes:
        requests: list[bytes] = []
        for tag, _, ret, _ in self._frames.rows(data):
            assert (tag, ret) == (2, 0), "an echo that is not ours"
            self.answered += 1
            if self._issued < self._rounds:
                requests.append(self._request())
        return b"".join(requests)

    @property
    def finished(self) -> bool:
        return self.answered == self._rounds

    def _request(self) -> bytes:
        self._issued += 1
        request: bytes = self._pack([1, self._issued, NULL_HYPERCALL, 0, {}])
        return _LENGTH.pack(len(request)) + request


def _serve_blocking(sock: socket.socket) -> None:
    sock.setblocking(True)
    server, buffer = _Server(), memoryview(bytearray(RECEIVE_BYTES))
    while count := sock.recv_into(buffer):
        sock.sendall(server.answer(buffer[:count]))


def _call_blocking(sock: socket.socket, depth: int, rounds: int) -> float:
    sock.setblocking(True)
    client, buffer = _Client(depth, rounds), memoryview(bytearray(RECEIVE_BYTES))
    begin = time.perf_counter()
    sock.sendall(client.start())
    while not client.finished:
        count = sock.recv_into(buffer)
        if requests := client.take(buffer[:count]):
            sock.sendall(requests)
    return time.perf_counter() - begin


async def _receive(sock: socket.socket, buffer: memoryview) -> memoryview:
    while True:
        try:
            return buffer[: sock.recv_into(buffer)]
        except BlockingIOError:
            await trio.lowlevel.wait_readable(sock)


async def _send(sock: socket.socket, data: bytes) -> None:
    while data:
        try:
            data = data[sock.send(data) :]
        except BlockingIOError:
            await trio.lowlevel.wait_writable(sock)


async def _lowlevel_server(sock: socket.socket) -> None:
    server, buffer = _Server(), memoryview(bytearray(RECEIVE_BYTES))
    while data := await _receive(sock, buffer):
        await _send(sock, server.answer(data))


async def _lowlevel_client(sock: socket.socket, depth: int, rounds: int) -> float:
    client, buffer = _Client(depth, rounds), memoryview(bytearray(RECEIVE_BYTES))
    begin = time.perf_counter()
    await _send(sock, client.start())
    while not client.finished:
        await _send(sock, client.take(await _receive(sock, buffer)))
    return time.perf_counter() - begin


class EchoMachine(Machine):
    """Answers each hypercall with 0, and ends with its link."""

    def handle(self, event: Event, now_ns: int) -> list[Effect]:  # noqa: ARG002
        """Take one event."""
        if type(event) is Received:
            message = event.message
            assert type(message) is Hypercall, "callers make hypercalls"
            return [Send(event.link, HypercallReply(message.sequence, 0, None))]
        return [Exit("the caller has gone")] if isinstance(event, LinkClosed) else []


class CallerMachine(Machine):
    """Keeps `depth` null hypercalls in flight until `rounds` have been answered, then exits."""

    def __init__(self, depth: int, rounds: int) -> None:
        self._depth = depth
        self._rounds = rounds
        self._issued = 0
        self._answered = 0

    def handle(self, event: Event, now_ns: int) -> list[Effect]:  # noqa: ARG002
        """Take one event."""
        if type(event) is Received:
            message = event.message
            assert type(message) is HypercallReply, "the echo replies"
            self._answered += 1
            if self._issued < self._rounds:
                return [self._request()]
            return [Exit("done")] if self._answered == self._rounds else []
        if isinstance(event, LinkOpened):
            return [self._request() for _ in range(min(self._depth, self._rounds))]
        raise AssertionError(f"the echo has failed: {event}")

    def check(self) -> None:
        """No more is answered than was issued."""
        assert self._answered <= self._issued, "an answer to nothing"

    def statistics(self) -> object:
        """How much was answered."""
        return self._answered

    def _request(self) -> Send:
        self._issued += 1
        return Send("xen", Hypercall(self._issued, NULL_HYPERCALL, 0, {}))


async def _actor_server(sock: socket.socket) -> None:
    driver = ActorDriver("echo", EchoMachine(), CODEC, log=_ignore)
    driver.plug("dom", SocketStream(sock))
    await driver.run()


async def _actor_client(sock: socket.socket, depth: int, rounds: int) -> float:
    driver = ActorDriver("caller", CallerMachine(depth, rounds), CODEC, log=_ignore)
    driver.plug("xen", SocketStream(sock))
    begin = time.perf_counter()
    await driver.run()
    return time.perf_counter() - begin


def _ignore(line: str) -> None:
    """Nothing is logged in a measurement."""


_MAKES: dict[str, tuple[Callable[[socket.socket], None], Callable[[socket.socket, int, int], float]]] = {
    "blocking": (_serve_blocking, _call_blocking),
    "lowlevel": (
        lambda sock: trio.run(_lowlevel_server, sock),
        lambda *arguments: trio.run(_lowlevel_client, *arguments),
    ),
    "actor": (
        lambda sock: trio.run(_actor_server, sock),
        lambda *arguments: trio.run(_actor_client, *arguments),
    ),
}
