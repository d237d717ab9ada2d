"""UDP sockets of a stack."""

import errno
from collections.abc import Callable
from dataclasses import dataclass

from actors.inet.address import Endpoint
from actors.inet.control_messages import Unreachable
from actors.inet.drops import Drop
from actors.inet.ipv4 import HEADER_BYTES as IPV4_HEADER_BYTES
from actors.inet.ipv4 import PACKET_BYTES_MAX, UDP, Ipv4Packet
from actors.inet.network import Network
from actors.inet.ports import PortPicker
from actors.inet.udp import HEADER_BYTES, Datagram, parse_udp, udp_header


@dataclass(slots=True)
class UdpSocket:
    """A port that is bound."""

    port: int
    received: Callable[[Endpoint, bytes, int], None]
    """Told of a datagram's sender, its data, and the time."""
    refused: Callable[[Endpoint, int], None] | None = None
    """Told that nobody has a datagram's destination, with an errno."""


class UdpSockets:
    """By port."""

    def __init__(self, network: Network, ports: PortPicker) -> None:
        self._network = network
        self._ports = ports
        self._sockets: dict[int, UdpSocket] = {}

    def bind(self, port: int, received: Callable[[Endpoint, bytes, int], None]) -> UdpSocket:
        """Bind a port, or any for 0. OSError: EADDRINUSE."""
        port = port or self._ports.pick(self._sockets)
        if port in self._sockets:
            raise OSError(errno.EADDRINUSE, f"UDP port {port} is bound")
        socket = self._sockets[port] = UdpSocket(port, received)
        return socket

    def close(self, socket: UdpSocket) -> None:
        """Unbind."""
        self._sockets.pop(socket.port, None)

    def send(self, socket: UdpSocket, data: bytes, remote: Endpoint, now_ns: int) -> None:
        """Send a datagram. OSError: EMSGSIZE beyond the MTU, as nothing is fragmented; ENETUNREACH."""
        interface = self._network.interface
        most = min(interface.mtu, PACKET_BYTES_MAX) - IPV4_HEADER_BYTES - HEADER_BYTES
        if len(data) > most:
            raise OSError(errno.EMSGSIZE, f"{len(data)} bytes are more than the {most} of a packet")
        datagram = Datagram(socket.port, remote.port, data)
        blank = interface.checksum_offload
        header = udp_header(datagram, interface.address, remote.address, blank=blank)
        if not self._network.send_packet(remote.address, UDP, (header, data), now_ns, blank=blank):
            raise OSError(errno.ENETUNREACH, "there is no way to the destination")

    def receive(self, packet: Ipv4Packet, now_ns: int, *, checked: bool) -> bool:
        """Give a datagram to its socket; False if there is none."""
        datagram = parse_udp(packet.payload, packet.source, packet.destination, checked=checked)
        socket = self._sockets.get(datagram.destination_port)
        if socket is None:
            self._network.drops[Drop.UDP_NO_SOCKET] += 1
            return False
        socket.received(Endpoint(packet.source, datagram.source_port), bytes(datagram.payload), now_ns)
        return True

    def unreachable(self, news: Unreachable) -> None:
        """A datagram did not arrive."""
        quote = news.quote
        socket = self._sockets.get(quote.source_port)
        if socket is not None and socket.refused is not None:
            socket.refused(Endpoint(quote.destination, quote.destination_port), news.error)
