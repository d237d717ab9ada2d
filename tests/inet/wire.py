"""Two stacks on a wire whose time is a number, for the tests of the stack."""

import heapq
from collections.abc import Callable
from random import Random

from actors.inet.address import Endpoint, ipv4
from actors.inet.connection import Connection
from actors.inet.interface import Interface, Outgoing
from actors.inet.listener import Listener
from actors.inet.stack import Stack
from actors.inet.tcb import TcpEvent
from actors.inet.tcp_settings import TcpSettings
from actors.network.mac_address import parse_mac

MILLISECOND = 1_000_000
SECOND = 1000 * MILLISECOND
Fate = Callable[[int, Outgoing], list[int]]
"""After how many nanoseconds each copy of a frame arrives, by its sender and itself."""


class Wire:
    """`stacks` 0 and 1, at 10.0.0.1 and 10.0.0.2."""

    def __init__(
        self,
        seed: int = 1,
        settings: TcpSettings | None = None,
        fate: Fate | None = None,
        *,
        offload: bool = False,
        mtu: int = 1500,
    ) -> None:
        self.now_ns = 0
        self.fate: Fate = fate or (lambda _, __: [0])
        self.frames: list[tuple[int, int, Outgoing]] = []
        self.keep = False
        self._events: list[tuple[int, int, int, Outgoing]] = []
        self._count = 0
        self.stacks = [
            Stack(
                Interface(
                    parse_mac(f"02:00:00:00:00:0{side + 1}"),
                    ipv4(f"10.0.0.{side + 1}"),
                    mtu=mtu,
                    checksum_offload=offload,
                    segment_offload=offload,
                ),
                Random(f"{seed}:{side}"),
                lambda outgoing, side=side: self._send(side, outgoing),
                settings,
            )
            for side in (0, 1)
        ]

    def _send(self, side: int, outgoing: Outgoing) -> None:
        if self.keep:
            self.frames.append((self.now_ns, side, outgoing))
        for delay_ns in self.fate(side, outgoing):
            self._count += 1
            heapq.heappush(self._events, (self.now_ns + delay_ns, self._count, 1 - side, outgoing))

    def next_ns(self) -> int | None:
        times = [each for stack in self.stacks if (each := stack.next_deadline_ns()) is not None]
        if self._events:
            times.append(self._events[0][0])
        return min(times, default=None)

    def step(self, until_ns: int | None = None) -> bool:
        """Do what comes next; False if nothing does, or not until then."""
        when_ns = self.next_ns()
        if when_ns is None or (until_ns is not None and when_ns > until_ns):
            return False
        self.now_ns = max(self.now_ns, when_ns)
        if self._events and self._events[0][0] <= self.now_ns:
            _, _, side, outgoing = heapq.heappop(self._events)
            self.stacks[side].receive(outgoing.frame, self.now_ns, checked=outgoing.blank)
        else:
            for stack in self.stacks:
                stack.deadline(self.now_ns)
        return True

    def run(self, until_ns: int | None = None, steps: int = 1_000_000) -> None:
        """Until nothing happens any more, or until then."""
        while self.step(until_ns):
            steps -= 1
            assert steps, "the wire is never quiet"
        if until_ns is not None:
            self.now_ns = max(self.now_ns, until_ns)

    def check(self) -> None:
        for stack in self.stacks:
            stack.check()


class Peer:
    """A user that sends what it has, and keeps what it gets and hears."""

    def __init__(self, data: bytes = b"", *, closes: bool = True, piece: int = 1 << 20) -> None:
        self.data = memoryview(data)
        self.closes = closes
        self.piece = piece
        self.got = bytearray()
        self.heard: list[TcpEvent] = []
        self.connection: Connection | None = None

    def __call__(self, connection: Connection, event: TcpEvent, now_ns: int) -> None:
        self.heard.append(event)
        self.take(connection, now_ns)
        if event in (TcpEvent.CONNECTED, TcpEvent.WRITABLE):
            self.push(connection, now_ns)

    def take(self, connection: Connection, now_ns: int) -> None:
        while data := connection.recv(1 << 20, now_ns):
            self.got += data

    def push(self, connection: Connection, now_ns: int) -> None:
        while self.data:
            taken = connection.send(bytes(self.data[: self.piece]), now_ns)
            self.data = self.data[taken:]
            if not taken:
                return
        if self.closes:
            connection.shutdown(now_ns)

    def accept(self, listener: Listener, now_ns: int) -> None:
        connection = listener.accept()
        assert connection is not None
        self.connection = connection
        connection.notify = self
        self(connection, TcpEvent.CONNECTED, now_ns)


def joined(wire: Wire, client: Peer, server: Peer, port: int = 80) -> None:
    """The first stack's user opens a connection to the second's."""
    wire.stacks[1].tcp.listen(port, server.accept)
    remote = Endpoint(wire.stacks[1].interface.address, port)
    client.connection = wire.stacks[0].tcp.connect(remote, client, wire.now_ns)
