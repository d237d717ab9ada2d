"""Run inside a network namespace of its own: this stack and Linux's TCP on the two ends of a TAP device.

Every line that it prints is a case that came out as it had to.
"""

import errno
import fcntl
import os
import select
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from random import Random

from actors.inet.address import Endpoint, ipv4
from actors.inet.connection import Connection
from actors.inet.interface import Interface, Outgoing
from actors.inet.stack import Stack
from actors.inet.states import State
from actors.inet.tcb import TcpEvent
from actors.network.mac_address import parse_mac
from tests.inet.wire import Peer

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 2, 0x1000
LINUX, OURS = "10.99.0.1", "10.99.0.2"
LIMIT_S = 60
BYTES = 3_000_000


class Tap:
    """The stack on one end of `tap0`; frames are lost in both directions with a probability."""

    def __init__(self) -> None:
        self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.device, TUNSETIFF, struct.pack("16sH22x", b"tap0", IFF_TAP | IFF_NO_PI))
        for command in (f"ip addr add {LINUX}/24 dev tap0", "ip link set tap0 up", "ip link set lo up"):
            subprocess.run(command.split(), check=True)
        self.loss = 0.0
        self.random = Random(1)
        self.stack = Stack(Interface(parse_mac("02:00:00:00:00:02"), ipv4(OURS)), Random(2), self._send)

    def _send(self, outgoing: Outgoing) -> None:
        if self.random.random() >= self.loss:
            os.write(self.device, outgoing.frame)

    def pump(self, done: Callable[[], bool], user: Callable[[], None] = lambda: None) -> None:
        """Until that is so; `user` is what the Linux side does meanwhile."""
        end = time.monotonic() + LIMIT_S
        while not done():
            assert time.monotonic() < end, "it takes too long"
            user()
            now_ns = time.monotonic_ns()
            due_ns = self.stack.next_deadline_ns()
            wait = 0.002 if due_ns is None else min(max(due_ns - now_ns, 0) / 1e9, 0.002)
            if select.select([self.device], [], [], wait)[0]:
                frame = os.read(self.device, 65536)
                if self.random.random() >= self.loss:
                    self.stack.receive(frame, time.monotonic_ns())
            now_ns = time.monotonic_ns()
            if due_ns is not None and due_ns <= now_ns:
                self.stack.deadline(now_ns)
            self.stack.check()


class LinuxUser:
    """A socket of Linux's that sends and takes without waiting."""

    def __init__(self, end: socket.socket, data: bytes) -> None:
        self.end = end
        self.data = memoryview(data)
        self.got = bytearray()
        self.finished = False
        end.setblocking(False)

    def __call__(self) -> None:
        try:
            while self.data:
                self.data = self.data[self.end.send(self.data) :]
                if not self.data:
                    self.end.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        try:
            while not self.finished:
                got = self.end.recv(1 << 20)
                self.got += got
                self.finished = not got
        except BlockingIOError:
            pass


def linux_connects(tap: Tap, port: int) -> None:
    to_us, to_linux = Random(port).randbytes(BYTES), Random(port + 1).randbytes(BYTES)
    ours = Peer(to_linux)
    tap.stack.tcp.listen(port, ours.accept)
    end = socket.socket()
    end.setblocking(False)
    assert end.connect_ex((OURS, port)) == errno.EINPROGRESS
    tap.pump(lambda: ours.connection is not None and bool(select.select([], [end], [], 0)[1]))
    exchange(tap, ours, end, to_us, to_linux)


def we_connect(tap: Tap, port: int) -> None:
    to_us, to_linux = Random(port).randbytes(BYTES), Random(port + 1).randbytes(BYTES)
    listening = socket.create_server((LINUX, port))
    ours = Peer(to_linux)
    ours.connection = tap.stack.tcp.connect(Endpoint(ipv4(LINUX), port), ours, time.monotonic_ns())
    tap.pump(lambda: bool(select.select([listening], [], [], 0)[0]))
    end, _ = listening.accept()
    exchange(tap, ours, end, to_us, to_linux)


def exchange(tap: Tap, ours: Peer, end: socket.socket, to_us: bytes, to_linux: bytes) -> None:
    linux = LinuxUser(end, to_us)
    connection = ours.connection
    assert connection is not None
    over = (State.CLOSED, State.TIME_WAIT)
    tap.pump(lambda: linux.finished and connection.state in over, linux)
    assert bytes(ours.got) == to_us
    assert bytes(linux.got) == to_linux
    assert connection.error is None
    assert connection.tcb.sack
    assert connection.tcb.stamps.enabled
    assert connection.tcb.send.scaled
    end.close()


def linux_is_refused(tap: Tap) -> None:
    end = socket.socket()
    end.setblocking(False)
    end.connect_ex((OURS, 9))
    tap.pump(lambda: bool(select.select([], [end], [], 0)[1]))
    assert end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def we_are_refused(tap: Tap) -> None:
    ours = Peer()
    connection = tap.stack.tcp.connect(Endpoint(ipv4(LINUX), 9), ours, time.monotonic_ns())
    tap.pump(lambda: connection.state is State.CLOSED)
    assert connection.error == errno.ECONNREFUSED


def linux_resets(tap: Tap, port: int) -> None:
    listening = socket.create_server((LINUX, port))
    ours = Peer(closes=False)
    connection = tap.stack.tcp.connect(Endpoint(ipv4(LINUX), port), ours, time.monotonic_ns())
    tap.pump(lambda: connection.state is State.ESTABLISHED)
    end, _ = listening.accept()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
    tap.pump(lambda: connection.state is State.CLOSED)
    assert connection.error == errno.ECONNRESET


def linux_reads_slowly(tap: Tap, port: int) -> None:
    """Its window closes, is asked about, and opens again."""
    listening = socket.create_server((LINUX, port))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
    data = Random(port).randbytes(400_000)
    ours = Peer(data)
    connection: Connection = tap.stack.tcp.connect(Endpoint(ipv4(LINUX), port), ours, time.monotonic_ns())
    tap.pump(lambda: bool(select.select([listening], [], [], 0)[0]))
    end, _ = listening.accept()
    probes = tap.stack.tcp.statistics.probes
    tap.pump(lambda: tap.stack.tcp.statistics.probes > probes)
    linux = LinuxUser(end, b"")
    tap.pump(lambda: linux.finished, linux)
    assert bytes(linux.got) == data
    end.close()
    tap.pump(lambda: connection.state in (State.CLOSED, State.TIME_WAIT))
    assert TcpEvent.FINISHED in ours.heard


def ping(tap: Tap) -> None:
    heard: list[int] = []
    tap.stack.icmp.replied = lambda reply, now_ns: heard.append(reply.sequence)
    tap.stack.icmp.echo(ipv4(LINUX), 1, 5, b"data", time.monotonic_ns())
    tap.pump(lambda: heard == [5])


def main() -> None:
    tap = Tap()
    ping(tap)
    print("ping")
    for loss, port in ((0.0, 1000), (0.01, 2000), (0.05, 3000)):
        tap.loss = loss
        linux_connects(tap, port)
        print(f"linux connects, loss {loss}")
        we_connect(tap, port + 1)
        print(f"we connect, loss {loss}")
    tap.loss = 0
    linux_is_refused(tap)
    we_are_refused(tap)
    print("refusals")
    linux_resets(tap, 4000)
    print("reset")
    linux_reads_slowly(tap, 5000)
    print("closed window")
    wrong = [reason for reason in tap.stack.network.drops if "checksum" in reason or "truncated" in reason]
    assert not wrong, wrong
    print("done")


if __name__ == "__main__":
    main()
