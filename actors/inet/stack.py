"""An IP stack of one interface: a machine without I/O.

Frames and times go in by `receive` and `deadline`, frames come out by the `send` that it is given, and
users hear by callbacks. What is random comes from the `Random` that it is given, so that a seed says all.
"""

import errno
from collections import Counter
from collections.abc import Callable
from random import Random

from actors.inet.control_messages import ControlMessages, Unreachable
from actors.inet.drops import Drop, MalformedError
from actors.inet.ethernet import ARP, BROADCAST, IPV4, parse_frame
from actors.inet.icmp import UNREACHABLE_PORT, UNREACHABLE_PROTOCOL, parse_quote
from actors.inet.interface import Interface, Outgoing
from actors.inet.ipv4 import ICMP, TCP, UDP, parse_ipv4
from actors.inet.network import Network
from actors.inet.ports import PortPicker
from actors.inet.stack_statistics import StackStatistics
from actors.inet.states import State
from actors.inet.tcp_settings import TcpSettings
from actors.inet.tcp_sockets import TcpSockets
from actors.inet.udp_sockets import UdpSockets


class Stack:
    """Joins the layers; `tcp`, `udp` and `icmp` are what users call."""

    def __init__(
        self,
        interface: Interface,
        random: Random,
        send: Callable[[Outgoing], None],
        settings: TcpSettings | None = None,
    ) -> None:
        """`send` is called with frames in order; it must not call back."""
        ports = PortPicker(random)
        self.interface = interface
        self.network = Network(interface, random, send)
        self.icmp = ControlMessages(self.network, self._unreachable)
        self.udp = UdpSockets(self.network, ports)
        self.tcp = TcpSockets(self.network, random, ports, settings or TcpSettings())

    def receive(self, frame: bytes, now_ns: int, *, checked: bool = False) -> None:
        """A frame has come; it is kept, so nobody may change it. What is wrong with it is counted.

        `checked` says that the interface vouches for the checksum of TCP or UDP, which may be blank.
        """
        try:
            self._receive(frame, now_ns, checked=checked)
        except MalformedError as refused:
            self.network.drops[refused.reason] += 1

    def _receive(self, data: bytes, now_ns: int, *, checked: bool) -> None:
        frame = parse_frame(data)
        if frame.destination not in (self.interface.mac, BROADCAST):
            raise MalformedError(Drop.FRAME_NOT_OURS)
        if frame.ethertype == IPV4:
            self._receive_packet(frame.payload, now_ns, checked=checked)
        elif frame.ethertype == ARP:
            self.network.receive_arp(frame.payload, now_ns)
        else:
            raise MalformedError(Drop.ETHERTYPE)

    def _receive_packet(self, data: memoryview, now_ns: int, *, checked: bool) -> None:
        packet = parse_ipv4(data)
        self.network.accept(packet)
        if packet.protocol == TCP:
            if self.network.is_broadcast(packet.destination):
                raise MalformedError(Drop.IP_NOT_OURS)
            self.tcp.receive(packet, now_ns, checked=checked)
        elif packet.protocol == UDP:
            if not self.udp.receive(packet, now_ns, checked=checked):
                self.icmp.refuse(packet, data, UNREACHABLE_PORT, now_ns)
        elif packet.protocol == ICMP:
            self.icmp.receive(packet, now_ns)
        else:
            self.icmp.refuse(packet, data, UNREACHABLE_PROTOCOL, now_ns)
            raise MalformedError(Drop.IP_PROTOCOL)

    def _unreachable(self, news: Unreachable, now_ns: int) -> None:
        if news.quote.source != self.interface.address:
            raise MalformedError(Drop.ICMP_IGNORED)
        if news.quote.protocol == TCP:
            self.tcp.unreachable(news, now_ns)
        elif news.quote.protocol == UDP:
            self.udp.unreachable(news)

    def next_deadline_ns(self) -> int | None:
        """When `deadline` is to be called; None while no timer runs."""
        found = self.tcp.next_deadline_ns()
        asked = self.network.neighbours.next_deadline_ns()
        if asked is None:
            return found
        return asked if found is None else min(asked, found)

    def deadline(self, now_ns: int) -> None:
        """Do all that was to be done until now."""
        for _, waiting in self.network.neighbours.deadline(now_ns):
            self.network.drops[Drop.NEIGHBOUR_FAILED] += len(waiting)
            for each in waiting:
                quote = parse_quote(each.packet)
                self._unreachable(Unreachable(quote, errno.EHOSTUNREACH, lasting=True), now_ns)
        self.tcp.deadline(now_ns)

    def check(self) -> None:
        """What always holds."""
        for (port, remote), connection in self.tcp.connections.items():
            assert (port, remote) == (connection.tcb.local.port, connection.tcb.remote)
            connection.check()

    def statistics(self) -> StackStatistics:
        """What it has done so far, and the connections that there are."""
        counted, states = self.tcp.statistics, Counter(each.state for each in self.tcp.connections.values())
        return StackStatistics(
            segments_in=counted.segments_in,
            segments_out=counted.segments_out,
            retransmitted=counted.retransmitted,
            fast_retransmits=counted.fast_retransmits,
            timeouts=counted.timeouts,
            resets_in=counted.resets_in,
            resets_out=counted.resets_out,
            aborted=counted.aborted,
            connections={each.value: states[each] for each in State},
            drops={each.value: self.network.drops[each] for each in Drop},
        )
