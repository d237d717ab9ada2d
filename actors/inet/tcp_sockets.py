"""TCP sockets of a stack: which connection or listener a segment is for, and whose timer is next."""

import errno
from collections.abc import Callable
from random import Random

from actors.inet.address import Endpoint
from actors.inet.connection import Connection, Notify, ignore
from actors.inet.control_messages import Unreachable
from actors.inet.deadlines import Deadlines
from actors.inet.drops import Drop
from actors.inet.ipv4 import HEADER_BYTES as IPV4_HEADER_BYTES
from actors.inet.ipv4 import PACKET_BYTES_MAX, TCP, Ipv4Packet
from actors.inet.listener import BACKLOG, Listener
from actors.inet.network import Network
from actors.inet.ports import PortPicker
from actors.inet.sequence import position_of
from actors.inet.states import State
from actors.inet.tcb import Tcb, TcpStatistics
from actors.inet.tcp_options import TIMESTAMPS_BYTES
from actors.inet.tcp_segment import ACK, HEADER_BYTES, RST, SYN, Segment, parse_tcp, tcp_header
from actors.inet.tcp_settings import TcpSettings

_HEADERS_BYTES = IPV4_HEADER_BYTES + HEADER_BYTES


class TcpSockets:
    """Connections by local port and remote end, listeners by port."""

    def __init__(self, network: Network, random: Random, ports: PortPicker, settings: TcpSettings) -> None:
        self.statistics = TcpStatistics()
        self.connections: dict[tuple[int, Endpoint], Connection] = {}
        self._network = network
        self._random = random
        self._ports = ports
        self._settings = settings
        self._listeners: dict[int, Listener] = {}
        self._deadlines = Deadlines()

    def connect(
        self,
        remote: Endpoint,
        notify: Notify,
        now_ns: int,
        *,
        port: int = 0,
        settings: TcpSettings | None = None,
    ) -> Connection:
        """Open a connection, from any port for 0. OSError: ENETUNREACH, EADDRINUSE, EADDRNOTAVAIL."""
        interface = self._network.interface
        if interface.next_hop(remote.address) is None or remote.address == interface.address:
            raise OSError(errno.ENETUNREACH, "there is no way to the destination")
        taken = {local for local, end in self.connections if end == remote} | self._listeners.keys()
        if port in taken:
            raise OSError(errno.EADDRINUSE, f"TCP port {port} is in use")
        local = Endpoint(interface.address, port or self._ports.pick(taken))
        connection = self._add(local, remote, notify, settings or self._settings)
        connection.connect(self._random.getrandbits(32), now_ns)
        return connection

    def listen(
        self,
        port: int,
        ready: Callable[[Listener, int], None],
        *,
        settings: TcpSettings | None = None,
        backlog: int = BACKLOG,
    ) -> Listener:
        """Take connections to a port. OSError: EADDRINUSE."""
        if port in self._listeners:
            raise OSError(errno.EADDRINUSE, f"TCP port {port} is in use")
        listener = self._listeners[port] = Listener(port, ready, settings or self._settings, backlog)
        return listener

    def unlisten(self, listener: Listener, now_ns: int) -> None:
        """Take no more; what was not accepted is reset."""
        self._listeners.pop(listener.port, None)
        listener.close(now_ns)

    def _add(self, local: Endpoint, remote: Endpoint, notify: Notify, settings: TcpSettings) -> Connection:
        interface = self._network.interface
        tcb = Tcb(
            local,
            remote,
            settings,
            lambda segment, cut, now_ns: self._emit(remote.address, segment, cut, now_ns),
            mss=interface.mtu - _HEADERS_BYTES,
            segment_bytes_max=PACKET_BYTES_MAX - _HEADERS_BYTES - TIMESTAMPS_BYTES
            if interface.segment_offload
            else 0,
        )
        tcb.outcome.statistics = self.statistics
        tcb.stamps.offset = self._random.getrandbits(32)
        connection = Connection(tcb, notify)
        connection.forget = self._forget
        self.connections[local.port, remote] = connection
        self._deadlines.add(connection)
        return connection

    def _emit(self, address: int, segment: Segment, cut: int, now_ns: int) -> None:
        interface = self._network.interface
        blank = interface.checksum_offload
        header = tcp_header(segment, interface.address, address, blank=blank)
        parts = (header, segment.payload, *segment.rest)
        self._network.send_packet(address, TCP, parts, now_ns, segment_bytes=cut, blank=blank)

    def receive(self, packet: Ipv4Packet, now_ns: int, *, checked: bool) -> None:
        """Give a segment to its connection or its listener, or refuse it by a reset."""
        segment = parse_tcp(packet.payload, packet.source, packet.destination, checked=checked)
        remote = Endpoint(packet.source, segment.source_port)
        connection = self.connections.get((segment.destination_port, remote))
        if connection is not None and self._is_anew(connection, segment):
            connection.tcb.end()
            self._forget(connection)
            connection = None
        if connection is not None:
            if connection.receive(segment, now_ns):
                self._refuse(packet.source, segment, now_ns)
            return
        listener = self._listeners.get(segment.destination_port)
        if listener is None or segment.flags & (SYN | ACK | RST) != SYN:
            self._network.drops[Drop.TCP_NO_SOCKET] += 1
            self._refuse(packet.source, segment, now_ns)
        elif listener.is_full:
            self._network.drops[Drop.TCP_BACKLOG] += 1
        else:
            local = Endpoint(packet.destination, segment.destination_port)
            connection = self._add(local, remote, ignore, listener.settings)
            listener.add(connection)
            connection.accept(segment, self._random.getrandbits(32), now_ns)

    def _is_anew(self, connection: Connection, segment: Segment) -> bool:
        """Whether a SYN opens again what is in TIME-WAIT (RFC 9293, 3.6.1; RFC 6191)."""
        receive = connection.tcb.receive
        return (
            connection.state is State.TIME_WAIT
            and segment.flags & (SYN | ACK | RST) == SYN
            and position_of(segment.sequence, receive.next) > receive.next
            and segment.destination_port in self._listeners
        )

    def _refuse(self, address: int, segment: Segment, now_ns: int) -> None:
        """A reset to what belongs to no connection (RFC 9293, 3.10.7.1); none to a reset."""
        if segment.flags & RST:
            return
        self.statistics.resets_out += 1
        ends = (segment.destination_port, segment.source_port)
        if segment.flags & ACK:
            answer = Segment(*ends, segment.acknowledgement, 0, RST)
        else:
            answer = Segment(*ends, 0, (segment.sequence + segment.length) & 0xFFFFFFFF, RST | ACK)
        self._emit(address, answer, 0, now_ns)

    def _forget(self, connection: Connection) -> None:
        """It has ended."""
        tcb = connection.tcb
        if self.connections.get((tcb.local.port, tcb.remote)) is connection:
            del self.connections[tcb.local.port, tcb.remote]

    def unreachable(self, news: Unreachable, now_ns: int) -> None:
        """A segment did not arrive; one that is not in flight was made up (RFC 5927, 4.1)."""
        quote = news.quote
        remote = Endpoint(quote.destination, quote.destination_port)
        connection = self.connections.get((quote.source_port, remote))
        if connection is not None:
            send = connection.tcb.send
            if send.una <= position_of(quote.sequence, send.una) <= send.nxt:
                connection.unreachable(news.error, now_ns, lasting=news.lasting)

    def next_deadline_ns(self) -> int | None:
        """When `deadline` is to be called."""
        first = self._deadlines.first()
        return first and first[0]

    def deadline(self, now_ns: int) -> None:
        """Do what connections were to do until now."""
        while (first := self._deadlines.first()) is not None and first[0] <= now_ns:
            first[1].deadline(now_ns)
