"""One end of a capture, played by this stack: it gets what Linux got, and when; what it sends is kept."""

from collections import deque
from dataclasses import replace
from random import Random

from actors.inet.address import Endpoint, ipv4
from actors.inet.arp import REPLY, REQUEST, ArpPacket, build_arp, parse_arp
from actors.inet.connection import Connection
from actors.inet.durations import MILLISECOND
from actors.inet.ethernet import ARP, frame_header, parse_frame
from actors.inet.interface import Interface, Outgoing
from actors.inet.ipv4 import parse_ipv4
from actors.inet.listener import Listener
from actors.inet.stack import Stack
from actors.inet.tcb import TcpEvent
from actors.inet.tcp_segment import SYN, Segment, parse_tcp
from actors.inet.tcp_settings import TcpSettings
from actors.network.mac_address import parse_mac
from tests.inet.captured import LINK, PORT, Captured, pattern

MTU = 576
US, THEM = (parse_mac(end.mac) for end in LINK)
OUR_ADDRESS, THEIR_ADDRESS = (ipv4(end.address) for end in LINK)
LINUX = TcpSettings(receive_buffer=4 << 20)
"""Whose window scale is that of the captures."""


class Known(Random):
    """Its 32-bit numbers are what Linux had chosen: where timestamps start, and sequence numbers."""

    numbers: deque[int] = deque()

    def getrandbits(self, k: int, /) -> int:
        return self.numbers.popleft() if k == 32 and self.numbers else super().getrandbits(k)


class Replay:
    """Runs when it is made."""

    def __init__(self, captured: Captured) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.heard: list[TcpEvent] = []
        self._replies: deque[bytes] = deque()
        self._given = 0
        self._connection: Connection | None = None
        random = Known(1)
        random.numbers = deque(chosen(captured))
        interface = Interface(US, OUR_ADDRESS, mtu=MTU)
        self._settings = replace(LINUX, **captured.settings)
        self.stack = Stack(interface, random, self._send, self._settings)
        self.now_ns = 0
        reply = ArpPacket(REPLY, THEM, THEIR_ADDRESS, US, OUR_ADDRESS)
        self.stack.network.neighbours.heard(THEIR_ADDRESS, THEM, 0, answer=True, create=True)
        self._reply = frame_header(US, THEM, ARP) + build_arp(reply)
        self._run(captured)

    def _run(self, captured: Captured) -> None:
        events: list[tuple[int, int, bytes | tuple[str, int]]] = [
            (at_ns, 1, frame) for at_ns, frame in captured.frames if is_incoming(frame)
        ]
        events += [(at_ns, 0, (call, size)) for at_ns, call, size in captured.calls]
        for at_ns, _, event in sorted(events, key=lambda event: event[:2]):
            self._until(at_ns)
            if isinstance(event, bytes):
                self.stack.receive(event, at_ns)
            else:
                self._call(*event)
        self._until(max(at_ns for at_ns, _ in captured.frames))

    def _until(self, at_ns: int) -> None:
        while (due_ns := self.stack.next_deadline_ns()) is not None and due_ns <= at_ns:
            self.now_ns = max(due_ns, self.now_ns)
            self.stack.deadline(self.now_ns)
            while self._replies:
                self.stack.receive(self._replies.popleft(), self.now_ns)
            self.stack.check()
        self.now_ns = at_ns

    def _send(self, outgoing: Outgoing) -> None:
        frame = parse_frame(outgoing.frame)
        if frame.ethertype == ARP:
            if parse_arp(frame.payload).operation == REQUEST:
                self._replies.append(self._reply)
        else:
            self.sent.append((self.now_ns, outgoing.frame))

    @property
    def error(self) -> int | None:
        """With which the connection ended."""
        return self._connection.error if self._connection is not None else None

    def _hear(self, _: Connection, event: TcpEvent, __: int) -> None:
        self.heard.append(event)

    def _accept(self, listener: Listener, _: int) -> None:
        self._connection = listener.accept()
        assert self._connection is not None
        self._connection.notify = self._hear

    def _call(self, call: str, size: int) -> None:
        now_ns, connection = self.now_ns, self._connection
        if call == "listen":
            self.stack.tcp.listen(PORT, self._accept)
        elif call == "connect":
            remote = Endpoint(THEIR_ADDRESS, PORT)
            self._connection = self.stack.tcp.connect(remote, self._hear, now_ns, port=PORT + 1)
        else:
            assert connection is not None
            match call:
                case "send":
                    assert connection.send(pattern(self._given, size), now_ns) == size
                    self._given += size
                case "recv":
                    assert len(connection.recv(size, now_ns)) == size
                case "shutdown":
                    connection.shutdown(now_ns)
                case "close":
                    connection.close(now_ns)
                case "abort":
                    connection.abort(now_ns)


def is_incoming(frame: bytes) -> bool:
    return frame[:6] == US


def segment_of(frame: bytes) -> Segment:
    packet = parse_ipv4(parse_frame(frame).payload)
    return parse_tcp(packet.payload, packet.source, packet.destination)


def chosen(captured: Captured) -> list[int]:
    """Where Linux's timestamps and sequence numbers began, by its SYN."""
    for at_ns, frame in captured.frames:
        segment = segment_of(frame)
        if not is_incoming(frame) and segment.flags & SYN:
            stamp, _ = segment.options.timestamps or (0, 0)
            return [(stamp - at_ns // MILLISECOND) & 0xFFFFFFFF, segment.sequence]
    return []
