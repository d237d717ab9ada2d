"""ICMP of a stack: echoes are answered, what has no taker is told to its sender, and such news is passed on.

Source: Linux's icmp_msgs_per_sec 1000 and icmp_msgs_burst 50 bound the errors that are sent; RFC 1122,
3.2.2 says what none is sent for. Fragmentation needed is kept as an error of the connection: the path MTU
is not discovered.
"""

import errno
from collections.abc import Callable
from typing import NamedTuple

from actors.inet.drops import Drop, MalformedError
from actors.inet.durations import SECOND
from actors.inet.icmp import (
    ECHO,
    ECHO_REPLY,
    FRAGMENTATION_NEEDED,
    QUOTED_BYTES,
    UNREACHABLE,
    UNREACHABLE_HOST,
    UNREACHABLE_NET,
    UNREACHABLE_PORT,
    UNREACHABLE_PROTOCOL,
    IcmpMessage,
    Quote,
    build_icmp,
    parse_icmp,
    parse_quote,
)
from actors.inet.ipv4 import ICMP, Ipv4Packet
from actors.inet.network import Network

PER_SECOND = 1000
BURST = 50
_LASTING = {UNREACHABLE_PROTOCOL: errno.ENOPROTOOPT, UNREACHABLE_PORT: errno.ECONNREFUSED}
_PASSING = {
    UNREACHABLE_NET: errno.ENETUNREACH,
    UNREACHABLE_HOST: errno.EHOSTUNREACH,
    FRAGMENTATION_NEEDED: errno.EMSGSIZE,
}


class EchoReply(NamedTuple):
    """The answer to an echo that was sent."""

    source: int
    identifier: int
    sequence: int
    data: bytes


class Unreachable(NamedTuple):
    """A packet of ours did not arrive: which, why as an errno, and whether that is to last."""

    quote: Quote
    error: int
    lasting: bool


class ControlMessages:
    """Sent and received."""

    def __init__(self, network: Network, unreachable: Callable[[Unreachable, int], None]) -> None:
        """`unreachable` is told of packets that did not arrive, with the time."""
        self.replied: Callable[[EchoReply, int], None] | None = None
        """Told of replies to `echo`, with the time."""
        self._network = network
        self._unreachable = unreachable
        self._credit_ns = BURST * SECOND // PER_SECOND
        self._credited_ns = 0

    def echo(self, destination: int, identifier: int, sequence: int, data: bytes, now_ns: int) -> bool:
        """Ask for an echo; False if there is no way to the destination."""
        message = IcmpMessage(ECHO, 0, identifier << 16 | sequence, data)
        return self._network.send_packet(destination, ICMP, (build_icmp(message),), now_ns)

    def receive(self, packet: Ipv4Packet, now_ns: int) -> None:
        """Answer an echo, pass on a reply or an error."""
        message = parse_icmp(packet.payload)
        if message.kind == ECHO and message.code == 0 and not self._network.is_broadcast(packet.destination):
            reply = build_icmp(message._replace(kind=ECHO_REPLY))
            self._network.send_packet(packet.source, ICMP, (reply,), now_ns)
        elif message.kind == ECHO_REPLY and self.replied is not None:
            identifier, sequence = message.rest >> 16, message.rest & 0xFFFF
            self.replied(EchoReply(packet.source, identifier, sequence, bytes(message.payload)), now_ns)
        elif message.kind == UNREACHABLE:
            quote = parse_quote(message.payload)
            lasting = message.code in _LASTING
            error = _LASTING.get(message.code) or _PASSING.get(message.code, errno.EHOSTUNREACH)
            self._unreachable(Unreachable(quote, error, lasting), now_ns)
        else:
            raise MalformedError(Drop.ICMP_IGNORED)

    def refuse(self, packet: Ipv4Packet, header: memoryview, code: int, now_ns: int) -> None:
        """Tell the sender of a packet, of which `header` is the head, that nobody takes it."""
        if self._network.is_broadcast(packet.destination) or not self._may_send(now_ns):
            return
        quoted = bytes(header[:QUOTED_BYTES])
        message = build_icmp(IcmpMessage(UNREACHABLE, code, 0, quoted))
        self._network.send_packet(packet.source, ICMP, (message,), now_ns)

    def _may_send(self, now_ns: int) -> bool:
        cost = SECOND // PER_SECOND
        earned = now_ns - self._credited_ns
        self._credit_ns = min(self._credit_ns + earned, BURST * cost)
        self._credited_ns = now_ns
        if self._credit_ns < cost:
            return False
        self._credit_ns -= cost
        return True
