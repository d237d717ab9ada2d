"""IPv4 over one interface: which neighbour gets a packet, and what is asked of the link for it."""

from collections import Counter
from collections.abc import Callable
from random import Random

from actors.inet.address import LIMITED_BROADCAST, is_host
from actors.inet.arp import REPLY, REQUEST, ArpPacket, build_arp, parse_arp
from actors.inet.checksum import Buffer
from actors.inet.drops import Drop, MalformedError
from actors.inet.ethernet import ARP, BROADCAST, IPV4, frame_header
from actors.inet.interface import Interface, Outgoing
from actors.inet.ipv4 import Ipv4Packet, ipv4_header
from actors.inet.neighbours import NeighbourTable, Waiting


class Network:
    """What is below the transports; packets to the stack's own address have no way."""

    def __init__(self, interface: Interface, random: Random, send: Callable[[Outgoing], None]) -> None:
        self.interface = interface
        self.drops: Counter[Drop] = Counter()
        self.neighbours = NeighbourTable(random, self._ask)
        self._send = send
        self._broadcasts = (LIMITED_BROADCAST, interface.broadcast)
        self._identification = random.getrandbits(16)

    def send_packet(
        self,
        destination: int,
        protocol: int,
        parts: tuple[Buffer, ...],
        now_ns: int,
        *,
        segment_bytes: int = 0,
        blank: bool = False,
    ) -> bool:
        """Send a packet or keep it until the neighbour is known; False if there is no way."""
        self._identification = (self._identification + 1) & 0xFFFF
        header = ipv4_header(
            self.interface.address, destination, protocol, sum(map(len, parts)), self._identification
        )
        if destination in self._broadcasts:
            mac = BROADCAST
        else:
            hop = self.interface.next_hop(destination)
            if hop is None or destination == self.interface.address:
                self.drops[Drop.IP_UNREACHABLE] += 1
                return False
            known = self.neighbours.mac(hop, now_ns)
            if known is None:
                waiting = Waiting(b"".join((header, *parts)), segment_bytes, blank)
                if pushed := self.neighbours.wait(hop, waiting, now_ns):
                    self.drops[Drop.NEIGHBOUR_QUEUE] += pushed
                return True
            mac = known
        frame = b"".join((frame_header(mac, self.interface.mac, IPV4), header, *parts))
        self._send(Outgoing(frame, segment_bytes, blank))
        return True

    def accept(self, packet: Ipv4Packet) -> None:
        """Refuses packets from where none may come, and to others."""
        if not is_host(packet.source) or packet.source in (self.interface.address, self.interface.broadcast):
            raise MalformedError(Drop.IP_SOURCE)
        if packet.destination != self.interface.address and packet.destination not in self._broadcasts:
            raise MalformedError(Drop.IP_NOT_OURS)

    def is_broadcast(self, address: int) -> bool:
        """Whether a packet to it is for all."""
        return address in self._broadcasts

    def receive_arp(self, data: memoryview, now_ns: int) -> None:
        """Learn who sends, and answer who asks for us (RFC 826, packet reception)."""
        packet = parse_arp(data)
        ours = packet.target == self.interface.address
        if packet.sender == self.interface.address or not is_host(packet.sender):
            raise MalformedError(Drop.ARP_NOT_OURS)
        answer = packet.operation == REPLY and ours
        waiting = self.neighbours.heard(packet.sender, packet.sender_mac, now_ns, answer=answer, create=ours)
        if ours and packet.operation == REQUEST:
            self._send_arp(REPLY, packet.sender_mac, packet.sender)
        elif not ours and packet.target != packet.sender:
            self.drops[Drop.ARP_NOT_OURS] += 1
        header = frame_header(packet.sender_mac, self.interface.mac, IPV4)
        for each in waiting:
            self._send(Outgoing(header + each.packet, each.segment_bytes, each.blank))

    def announce(self) -> None:
        """Tell the link who has our address: a gratuitous request."""
        self._ask(self.interface.address, None)

    def _ask(self, address: int, mac: bytes | None) -> None:
        self._send_arp(REQUEST, mac or BROADCAST, address)

    def _send_arp(self, operation: int, mac: bytes, address: int) -> None:
        target = bytes(6) if operation == REQUEST else mac
        packet = ArpPacket(operation, self.interface.mac, self.interface.address, target, address)
        self._send(Outgoing(frame_header(mac, self.interface.mac, ARP) + build_arp(packet)))
