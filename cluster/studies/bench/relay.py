"""The floor of the network's figures: a row of processes that hand on bytes, from socket pair to socket pair.

The first sends messages of one size, those between hand on whatever has come, the last counts; of requests
it sends each back the same way. Nothing is looked at, and nothing is written down.
Rules: the processes are forked before anything runs, and reaped.
"""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise

from actors.runtime.transport import unix_pair
from cluster.studies.bench.floors import child

CHUNK_BYTES = 64 * 1024


def relayed_bits(processes: int, total_bytes: int) -> float:
    """Bits a second that come through so many processes, in messages of 64 KiB."""
    messages = -(-total_bytes // CHUNK_BYTES)
    return relayed_messages(processes, CHUNK_BYTES, messages) * CHUNK_BYTES * 8


def relayed_messages(processes: int, size: int, count: int) -> float:
    """Messages of `size` bytes a second that come through so many processes, each sent by itself."""
    message = bytes(size)
    with _row(processes, echo=False, wanted=count * size) as first:
        began = time.perf_counter()
        for _ in range(count):
            first.sendall(message)
        _take(first, 1)
        return count / (time.perf_counter() - began)


def relayed_round_trip_us(processes: int, size: int, count: int) -> float:
    """Microseconds for a message of `size` bytes to the last of so many processes and back."""
    message = bytes(size)
    with _row(processes, echo=True, wanted=0) as first:
        began = time.perf_counter()
        for _ in range(count):
            first.sendall(message)
            _take(first, size)
        return (time.perf_counter() - began) / count * 1e6


@contextmanager
def _row(processes: int, *, echo: bool, wanted: int) -> Iterator[socket.socket]:
    """The socket of the first, this process; the last sends everything back, or one byte after `wanted`."""
    with ExitStack() as everything:
        pairs = [unix_pair() for _ in range(processes - 1)]
        for each in (each for pair in pairs for each in pair):
            each.setblocking(True)
            everything.enter_context(each)
        for (_, left), (right, _) in pairwise(pairs):
            everything.enter_context(child(partial(_hand_on, left, right)))
        last = pairs[-1][1]
        everything.enter_context(child(partial(_echo, last) if echo else partial(_count, last, wanted)))
        yield pairs[0][0]


def _hand_on(left: socket.socket, right: socket.socket) -> None:
    others = {left: right, right: left}
    while True:
        for each in select.select([left, right], [], [])[0]:
            others[each].sendall(each.recv(CHUNK_BYTES))


def _echo(end: socket.socket) -> None:
    while data := end.recv(CHUNK_BYTES):
        end.sendall(data)


def _count(end: socket.socket, wanted: int) -> None:
    while wanted > 0 and (data := end.recv(CHUNK_BYTES)):
        wanted -= len(data)
    end.sendall(b"!")


def _take(end: socket.socket, size: int) -> None:
    while size > 0:
        data = end.recv(size)
        assert data, "a row of processes has ended"
        size -= len(data)
