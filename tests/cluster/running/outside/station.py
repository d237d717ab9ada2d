"""A guest as a machine: an IP stack on a wire, and servers whose behaviour is easily told."""

from random import Random

from actors.inet.address import ipv4
from actors.inet.interface import Interface
from actors.inet.stack import Stack
from actors.inet.tcb import TcpEvent
from actors.messages import EthernetFrame
from actors.network.mac_address import parse_mac
from actors.runtime.machine import Machine, Received, Send

DATA = Random(7).randbytes(5_000_000)
ECHO, DOWNLOAD, RESET, SINK = 7, 80, 81, 9


class Station(Machine):
    """At 10.0.0.2: ECHO gives back what it gets, DOWNLOAD sends DATA, RESET resets, SINK reads nothing."""

    def __init__(self) -> None:
        self._effects = []
        interface = Interface(parse_mac("00:16:3e:00:00:02"), ipv4("10.0.0.2"))
        self.stack = Stack(interface, Random(3), self._send)
        self._left: dict[int, bytearray] = {}
        for port in (ECHO, DOWNLOAD, RESET, SINK):
            self.stack.tcp.listen(port, self._ready)

    def _send(self, outgoing) -> None:
        self._effects.append(Send("wire", EthernetFrame(outgoing.frame)))

    def handle(self, event, now_ns):
        if isinstance(event, Received):
            self.stack.receive(event.message.data, now_ns)
        self.stack.deadline(now_ns)
        effects, self._effects = self._effects, []
        return effects

    def next_deadline_ns(self):
        return self.stack.next_deadline_ns()

    def _ready(self, listener, now_ns) -> None:
        connection = listener.accept()
        connection.notify = self._notify
        left = DATA if connection.tcb.local.port == DOWNLOAD else b""
        self._left[id(connection)] = bytearray(left)
        self._go_on(connection, now_ns)

    def _notify(self, connection, event, now_ns) -> None:
        if event is not TcpEvent.CLOSED:
            self._go_on(connection, now_ns)

    def _go_on(self, connection, now_ns) -> None:
        port, left = connection.tcb.local.port, self._left[id(connection)]
        if port == SINK:
            return
        while data := connection.recv(1 << 16, now_ns):
            if port == RESET:
                connection.abort(now_ns)
                return
            if port == ECHO:
                left += data
        while left and (taken := connection.send(bytes(left[: 1 << 17]), now_ns)):
            del left[:taken]
        peer_ended = connection.state.value == "close-wait"
        if not left and (port == DOWNLOAD or peer_ended):
            connection.shutdown(now_ns)
