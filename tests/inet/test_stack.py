"""The stack as a whole: who is answered how, and what is dropped for which reason."""

import errno
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.inet.address import Endpoint, ipv4
from actors.inet.arp import REPLY, REQUEST, ArpPacket, build_arp
from actors.inet.control_messages import EchoReply
from actors.inet.drops import Drop
from actors.inet.ethernet import ARP, BROADCAST, IPV4, frame_header, parse_frame
from actors.inet.icmp import IcmpMessage, build_icmp, parse_icmp
from actors.inet.interface import Interface, Outgoing
from actors.inet.ipv4 import ICMP, TCP, UDP, ipv4_header, parse_ipv4
from actors.inet.listener import Listener
from actors.inet.stack import Stack
from actors.inet.states import State
from actors.inet.tcb import TcpEvent
from actors.inet.tcp_segment import ACK, FIN, RST, SYN, Segment, parse_tcp, tcp_header
from actors.inet.udp import Datagram, udp_header
from actors.network.mac_address import parse_mac
from tests.inet.wire import SECOND, Peer, Wire, joined

US, THEM = ipv4("10.0.0.1"), ipv4("10.0.0.2")
OUR_MAC, THEIR_MAC = parse_mac("02:00:00:00:00:01"), parse_mac("02:00:00:00:00:02")


class Alone:
    """A stack whose link is the test."""

    def __init__(self, **chosen: object) -> None:
        self.out: list[Outgoing] = []
        self.stack = Stack(Interface(OUR_MAC, US, **chosen), Random(1), self.out.append)
        self.arp(REQUEST, US)

    def arp(self, operation: int, target: int) -> None:
        packet = build_arp(ArpPacket(operation, THEIR_MAC, THEM, OUR_MAC, target))
        self.stack.receive(frame_header(OUR_MAC, THEIR_MAC, ARP) + packet, 0)

    def packet(
        self, protocol: int, transport: bytes, *, source: int = THEM, destination: int = US
    ) -> list[Outgoing]:
        self.out.clear()
        header = ipv4_header(source, destination, protocol, len(transport), 1)
        self.stack.receive(frame_header(OUR_MAC, THEIR_MAC, IPV4) + header + transport, 0)
        return list(self.out)

    def segment(self, segment: Segment) -> list[Segment]:
        answers = self.packet(TCP, tcp_header(segment, THEM, US) + bytes(segment.payload))
        return [parse_tcp(parse_ipv4(parse_frame(each.frame).payload).payload, US, THEM) for each in answers]

    @property
    def drops(self) -> dict[Drop, int]:
        return dict(self.stack.network.drops)


def test_who_asks_for_us_is_answered_and_known() -> None:
    alone = Alone()
    frame = parse_frame(alone.out[0].frame)
    assert (frame.destination, frame.ethertype) == (THEIR_MAC, ARP)
    assert frame.payload == build_arp(ArpPacket(REPLY, OUR_MAC, US, THEIR_MAC, THEM))
    alone.out.clear()
    alone.stack.icmp.echo(THEM, 1, 2, b"data", 0)
    assert parse_frame(alone.out[0].frame).ethertype == IPV4


def test_an_announcement_is_a_request_for_oneself() -> None:
    alone = Alone()
    alone.out.clear()
    alone.stack.network.announce()
    frame = parse_frame(alone.out[0].frame)
    assert frame.destination == BROADCAST
    assert frame.payload == build_arp(ArpPacket(REQUEST, OUR_MAC, US, bytes(6), US))


def test_ping() -> None:
    wire = Wire()
    replies: list[tuple[EchoReply, int]] = []
    wire.stacks[0].icmp.replied = lambda reply, now_ns: replies.append((reply, now_ns))
    wire.fate = lambda _side, _outgoing: [1000]
    wire.stacks[0].icmp.echo(THEM, 7, 9, b"x" * 100, 0)
    wire.run()
    assert replies == [(EchoReply(THEM, 7, 9, b"x" * 100), 4000)]


def test_datagrams_and_nobody_for_them() -> None:
    wire = Wire(offload=True)
    got: list[tuple[Endpoint, bytes]] = []
    server = wire.stacks[1].udp.bind(53, lambda end, data, now_ns: got.append((end, data)))
    client = wire.stacks[0].udp.bind(0, lambda end, data, now_ns: got.append((end, data)))
    refused: list[tuple[Endpoint, int]] = []
    client.refused = lambda end, error: refused.append((end, error))
    wire.stacks[0].udp.send(client, b"ask", Endpoint(THEM, 53), 0)
    wire.run()
    wire.stacks[1].udp.send(server, b"", got[0][0], 0)
    wire.stacks[0].udp.send(client, b"ask", Endpoint(THEM, 54), 0)
    wire.run()
    assert got == [(Endpoint(US, client.port), b"ask"), (Endpoint(THEM, 53), b"")]
    assert refused == [(Endpoint(THEM, 54), errno.ECONNREFUSED)]
    with pytest.raises(OSError, match="1472") as too_long:
        wire.stacks[0].udp.send(client, bytes(1473), Endpoint(THEM, 53), 0)
    assert too_long.value.errno == errno.EMSGSIZE
    with pytest.raises(OSError, match="no way"):
        wire.stacks[0].udp.send(client, b"", Endpoint(ipv4("192.0.2.1"), 53), 0)
    with pytest.raises(OSError, match="is bound"):
        wire.stacks[1].udp.bind(53, lambda end, data, now_ns: None)
    wire.stacks[1].udp.close(server)
    wire.stacks[1].udp.bind(53, lambda end, data, now_ns: None)


def test_nobody_there_is_no_route_to_host_after_three_seconds() -> None:
    wire = Wire(fate=lambda _side, _outgoing: [])
    client = Peer()
    joined(wire, client, Peer())
    wire.run()
    assert client.connection is not None
    assert (client.connection.error, wire.now_ns) == (errno.EHOSTUNREACH, 3 * SECOND)
    assert wire.stacks[0].network.drops == {Drop.NEIGHBOUR_FAILED: 2}


def test_a_gateway_gets_what_is_not_on_the_link() -> None:
    alone = Alone(gateway=THEM)
    alone.out.clear()
    assert alone.stack.icmp.echo(ipv4("192.0.2.1"), 1, 1, b"", 0)
    assert parse_frame(alone.out[0].frame).destination == THEIR_MAC
    alone = Alone()
    assert not alone.stack.icmp.echo(ipv4("192.0.2.1"), 1, 1, b"", 0)
    assert alone.drops == {Drop.IP_UNREACHABLE: 1}


def test_a_closed_port_resets() -> None:
    alone = Alone()
    assert alone.segment(Segment(9, 80, 100, 0, SYN)) == [Segment(80, 9, 0, 101, RST | ACK)]
    assert alone.segment(Segment(9, 80, 100, 55, ACK, payload=b"x")) == [Segment(80, 9, 55, 0, RST)]
    assert alone.segment(Segment(9, 80, 100, 55, RST | ACK)) == []
    assert alone.drops == {Drop.TCP_NO_SOCKET: 3}


def test_a_connection_to_a_closed_port_is_refused() -> None:
    wire = Wire()
    client = Peer()
    client.connection = wire.stacks[0].tcp.connect(Endpoint(THEM, 81), client, 0)
    wire.run()
    assert client.connection.error == errno.ECONNREFUSED
    assert client.heard == [TcpEvent.CLOSED]
    assert not wire.stacks[0].tcp.connections


def test_a_full_backlog_drops_and_the_peer_tries_again() -> None:
    wire = Wire()
    listeners: list[Listener] = []
    listeners.append(wire.stacks[1].tcp.listen(80, lambda listener, now_ns: None, backlog=1))
    clients = [Peer(), Peer()]
    for client in clients:
        client.connection = wire.stacks[0].tcp.connect(Endpoint(THEM, 80), client, 0)
    wire.run(SECOND // 2)
    assert [client.connection and client.connection.state for client in clients] == [
        State.FIN_WAIT_2,
        State.SYN_SENT,
    ]
    assert wire.stacks[1].network.drops == {Drop.TCP_BACKLOG: 1}
    assert listeners[0].accept() is not None
    assert listeners[0].accept() is None
    wire.run(2 * SECOND)
    assert listeners[0].is_full
    wire.stacks[1].tcp.unlisten(listeners[0], wire.now_ns)
    wire.run(3 * SECOND)
    assert clients[1].connection is not None
    assert clients[1].connection.error == errno.ECONNRESET


def test_a_syn_opens_again_what_is_in_time_wait() -> None:
    alone = Alone()
    accepted: list[Listener] = []
    alone.stack.tcp.listen(80, lambda listener, now_ns: accepted.append(listener))
    first = alone.segment(Segment(9, 80, 100, 0, SYN))[0].sequence
    alone.segment(Segment(9, 80, 101, first + 1, ACK, 1000))
    connection = accepted[0].accept()
    assert connection is not None
    connection.shutdown(0)
    alone.segment(Segment(9, 80, 101, first + 2, ACK | FIN, 1000))
    assert connection.state is State.TIME_WAIT
    assert [each.flags for each in alone.segment(Segment(9, 80, 50, 0, SYN))] == [ACK]
    assert [each.flags for each in alone.segment(Segment(9, 80, 5000, 0, SYN))] == [SYN | ACK]
    assert connection.state is State.CLOSED


def test_frames_are_cut_by_the_interface_where_it_can() -> None:
    wire = Wire(offload=True)
    wire.keep = True
    data = Random(1).randbytes(300_000)
    server = Peer()
    joined(wire, Peer(data), server)
    wire.run()
    assert bytes(server.got) == data
    large = [each for _, _, each in wire.frames if each.segment_bytes]
    assert large
    assert all(each.segment_bytes == 1448 and each.blank and len(each.frame) <= 65549 for each in large)
    assert max(len(each.frame) for each in large) > 60_000


def test_an_interface_that_cuts_segments_completes_checksums() -> None:
    with pytest.raises(ValueError, match="completes"):
        Interface(OUR_MAC, US, segment_offload=True)


@pytest.mark.parametrize(
    ("source", "destination", "reason"),
    [
        ("10.0.0.2", "10.0.0.3", Drop.IP_NOT_OURS),
        ("10.0.0.1", "10.0.0.1", Drop.IP_SOURCE),
        ("224.0.0.1", "10.0.0.1", Drop.IP_SOURCE),
        ("127.0.0.1", "10.0.0.1", Drop.IP_SOURCE),
        ("10.0.0.255", "10.0.0.1", Drop.IP_SOURCE),
    ],
)
def test_packets_of_others(source: str, destination: str, reason: Drop) -> None:
    alone = Alone()
    assert alone.packet(ICMP, b"", source=ipv4(source), destination=ipv4(destination)) == []
    assert alone.drops == {reason: 1}


def test_broadcasts_are_heard_and_never_answered_by_errors_or_resets() -> None:
    alone = Alone()
    got: list[bytes] = []
    alone.stack.udp.bind(7, lambda end, data, now_ns: got.append(data))
    everybody = ipv4("10.0.0.255")
    for port in (7, 8):
        datagram = Datagram(1, port, b"all")
        transport = udp_header(datagram, THEM, everybody) + b"all"
        assert alone.packet(UDP, transport, destination=everybody) == []
    assert got == [b"all"]
    segment = Segment(9, 80, 100, 0, SYN)
    assert alone.packet(TCP, tcp_header(segment, THEM, everybody), destination=everybody) == []
    assert alone.drops == {Drop.UDP_NO_SOCKET: 1, Drop.IP_NOT_OURS: 1}


def test_unknown_protocols_are_refused_at_a_bounded_rate() -> None:
    alone = Alone()
    answers = [each for _ in range(60) for each in alone.packet(99, b"12345678")]
    assert len(answers) == 50
    message = parse_icmp(parse_ipv4(parse_frame(answers[0].frame).payload).payload)
    assert (message.kind, message.code, len(message.payload)) == (3, 2, 28)
    assert alone.drops == {Drop.IP_PROTOCOL: 60}


def test_an_error_about_what_is_not_in_flight_was_made_up() -> None:
    alone = Alone()
    client = Peer()
    alone.out.clear()
    client.connection = alone.stack.tcp.connect(Endpoint(THEM, 80), client, 0)
    packet = parse_frame(alone.out[0].frame).payload
    quote = bytearray(packet[:28])
    quote[27] ^= 0x80
    for wrong, state in ((quote, State.SYN_SENT), (packet[:28], State.CLOSED)):
        alone.packet(ICMP, build_icmp(IcmpMessage(3, 3, 0, bytes(wrong))))
        assert client.connection.state is state
    assert client.connection.error == errno.ECONNREFUSED


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 200), st.integers(0, 2**31), st.binary(max_size=8), st.sampled_from((ICMP, UDP, TCP)))
def test_no_frame_raises_whatever_was_done_to_it(cut: int, seed: int, noise: bytes, protocol: int) -> None:
    alone = Alone()
    alone.stack.tcp.listen(80, lambda listener, now_ns: None)
    random = Random(seed)
    transport = {
        ICMP: b"\x08\0\xf7\xff" + bytes(4),
        UDP: udp_header(Datagram(1, 2, b"data"), THEM, US) + b"data",
        TCP: tcp_header(Segment(9, 80, 1, 2, random.getrandbits(5)), THEM, US),
    }[protocol]
    header = ipv4_header(THEM, US, protocol, len(transport), 1)
    frame = bytearray(frame_header(OUR_MAC, THEIR_MAC, IPV4) + header + transport)
    for byte in noise:
        frame[random.randrange(len(frame))] = byte
    alone.stack.receive(bytes(frame[: 200 - cut]), 0, checked=True)
    alone.stack.check()
    assert set(alone.drops) <= set(Drop)


@given(st.binary(max_size=100))
def test_rubbish_is_dropped(data: bytes) -> None:
    alone = Alone()
    alone.stack.receive(data, 0)
    alone.stack.receive(frame_header(OUR_MAC, THEIR_MAC, IPV4) + data, 0)
    assert sum(alone.drops.values()) == 2
