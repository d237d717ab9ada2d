"""XenStore through the Unix socket of a running host, as a tool sees it: a plain blocking socket.

Rules: a host is started for each measurement, by the same command that people start one with; its one guest
hardly does anything. A floor is the same bytes to and fro between two processes that do nothing else.
Source: tools/tests/xenstore/test-xenstore.c (what is read and modified in one transaction).
"""

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from actors.abi.xs_wire import HEADER_BYTES, XsType, pack_message, unpack_header
from actors.runtime.transport import unix_pair
from cluster.lab.exit_codes import USAGE
from cluster.running.control.preflight import CannotStart

BATCHES = 5
READS = 1000
TRANSACTIONS = 300
NODES = 10_000
WATCHES = 1_000
LIMIT_S = 60

_CONFIG = """\
name: bench
run: {duration: 1s, settle: 5s}
hosts:
  - name: host0
    memory: 256MiB
    dom0: {memory: 64MiB}
    disks: [{name: sda}]
    guests:
      - {name: idle, memory: 16MiB, disks: [{vdev: xvda, size: 1MiB}], workload: {kind: random, rate: 1/s}}
"""
_PATH = b"/bench/value"
_VALUE = b"0123456789abcdef"
_READ_SIZES = [(HEADER_BYTES + len(_PATH) + 1, HEADER_BYTES + len(_VALUE))]
_OK_BYTES = HEADER_BYTES + 3
_TRANSACTION_SIZES = [
    (HEADER_BYTES + 1, _OK_BYTES),
    *_READ_SIZES,
    (HEADER_BYTES + len(_PATH) + 1 + len(_VALUE), _OK_BYTES),
    (HEADER_BYTES + 2, _OK_BYTES),
]
"""Bytes to and fro in TRANSACTION_START, READ, WRITE and TRANSACTION_END."""


class StoreConnection:
    """A client of a store: one request, then its answer."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(LIMIT_S)
        self._socket.connect(path)
        self._rest = b""

    def ask(self, kind: XsType, payload: bytes, tx_id: int = 0) -> bytes:
        """The payload of the answer; watch events before it are dropped. RuntimeError if refused."""
        self._socket.sendall(pack_message(kind, 0, tx_id, payload))
        answered = XsType.WATCH_EVENT
        while answered == XsType.WATCH_EVENT:
            answered, answer = self._message()
        if answered != kind:
            raise RuntimeError(f"XenStore answers {answer!r} to {kind.name} {payload!r}")
        return answer

    def close(self) -> None:
        """End the conversation."""
        self._socket.close()

    def _message(self) -> tuple[XsType, bytes]:
        data = self._rest
        while len(data) < HEADER_BYTES or len(data) < HEADER_BYTES + unpack_header(data)[3]:
            received = self._socket.recv(64 * 1024)
            if not received:
                raise RuntimeError("XenStore has closed the connection")
            data += received
        end = HEADER_BYTES + unpack_header(data)[3]
        self._rest = data[end:]
        return XsType(unpack_header(data)[0]), data[HEADER_BYTES:end]


def reads() -> float:
    """Microseconds of one READ."""
    with _client() as wire:
        return _reads(wire)


def transactions() -> float:
    """Microseconds of a transaction that reads a node, writes it and is committed."""
    with _client() as wire:
        return _each_us(lambda: _modify(wire), TRANSACTIONS)


class LoadedReads:
    """READ beside many nodes and watches; its floor is what the same host took before it had them."""

    def __init__(self) -> None:
        self._before_us = 0.0

    def measure(self) -> float:
        """Microseconds of one READ with `NODES` nodes and `WATCHES` watches in the store."""
        with _client() as wire:
            self._before_us = _reads(wire)
            for index in range(NODES):
                wire.ask(XsType.WRITE, b"/bench/load/%d/%d\0x" % divmod(index, 100))
            for index in range(WATCHES):
                wire.ask(XsType.WATCH, b"/bench/load/%d\0%d\0" % (index % 100, index))
            return _reads(wire)

    def floor(self) -> float:
        """Microseconds of one READ before that, in the last measurement."""
        return self._before_us


def read_floor() -> float:
    """Microseconds of a READ's bytes to and fro."""
    return _echo_us(_READ_SIZES, READS)


def transaction_floor() -> float:
    """Microseconds of a transaction's bytes to and fro."""
    return _echo_us(_TRANSACTION_SIZES, TRANSACTIONS)


def _reads(wire: StoreConnection) -> float:
    return _each_us(lambda: wire.ask(XsType.READ, _PATH + b"\0"), READS)


def _modify(wire: StoreConnection) -> None:
    tx_id = int(wire.ask(XsType.TRANSACTION_START, b"\0").rstrip(b"\0"))
    value = wire.ask(XsType.READ, _PATH + b"\0", tx_id)
    wire.ask(XsType.WRITE, _PATH + b"\0" + value, tx_id)
    wire.ask(XsType.TRANSACTION_END, b"T\0", tx_id)


def _each_us(body: Callable[[], object], rounds: int) -> float:
    """Microseconds of one call: the median batch of several."""
    batches = []
    for _ in range(BATCHES):
        began_ns = time.monotonic_ns()
        for _ in range(rounds):
            body()
        batches.append((time.monotonic_ns() - began_ns) / rounds / 1e3)
    return median(batches)


@contextmanager
def _client() -> Iterator[StoreConnection]:
    with tempfile.TemporaryDirectory(prefix="domzero-bench-") as folder:
        (Path(folder) / "bench.yaml").write_text(_CONFIG)
        _domzero(folder, "up", "bench.yaml", "-d", "--out", "out")
        try:
            line = _domzero(folder, "env", "host0")
            (_, variable) = shlex.split(line)
            wire = StoreConnection(variable.partition("=")[2])
            wire.ask(XsType.WRITE, _PATH + b"\0" + _VALUE)
            yield wire
            wire.close()
        finally:
            _domzero(folder, "down")


def _domzero(folder: str, *words: str) -> str:
    command = [sys.executable, "-m", "cluster.command.cli", *words]
    environment = {**os.environ, "XDG_RUNTIME_DIR": folder}
    done = subprocess.run(  # noqa: S603 (ourselves)
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    if done.returncode == USAGE:  # the folder for temporary files is no place for sockets
        raise CannotStart(done.stderr.strip().removeprefix("domzero: "))
    if done.returncode != 0:
        raise RuntimeError(f"domzero {' '.join(words)}: {done.stderr or done.stdout}")
    return done.stdout


def _echo_us(sizes: list[tuple[int, int]], rounds: int) -> float:
    """Microseconds of one round of exchanges (bytes there, bytes back) over a pair of blocking sockets."""
    ours, theirs = unix_pair()
    ours.setblocking(True)
    theirs.setblocking(True)
    pid = os.fork()
    if pid == 0:
        ours.close()
        _echo(theirs, sizes)
        os._exit(0)
    theirs.close()

    def exchange() -> None:
        for there, back in sizes:
            ours.sendall(bytes(there))
            ours.recv(back)

    try:
        return _each_us(exchange, rounds)
    finally:
        ours.close()
        os.waitpid(pid, 0)


def _echo(link: socket.socket, sizes: list[tuple[int, int]]) -> None:
    while True:
        for there, back in sizes:
            if not link.recv(there):
                return
            link.sendall(bytes(back))
