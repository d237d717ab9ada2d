"""Both ways between this codec and dpkt's, an independent one."""

import dpkt
from hypothesis import given
from hypothesis import strategies as st

from actors.inet.arp import REPLY, REQUEST, ArpPacket, build_arp, parse_arp
from actors.inet.ethernet import IPV4, frame_header, parse_frame
from actors.inet.icmp import IcmpMessage, build_icmp, parse_icmp
from actors.inet.ipv4 import ICMP, TCP, UDP, Ipv4Packet, ipv4_header, parse_ipv4
from actors.inet.tcp_options import TcpOptions
from actors.inet.tcp_segment import Segment, parse_tcp, tcp_header
from actors.inet.udp import Datagram, parse_udp, udp_header

words = st.integers(0, 2**32 - 1)
shorts = st.integers(0, 2**16 - 1)
macs = st.binary(min_size=6, max_size=6).map(lambda mac: bytes([mac[0] & 0xFE]) + mac[1:])
payloads = st.binary(max_size=100)
blocks = st.lists(st.tuples(words, words), max_size=3).map(tuple)
options = st.builds(
    TcpOptions,
    mss=st.none() | shorts,
    scale=st.none() | st.integers(0, 14),
    sack_permitted=st.booleans(),
    timestamps=st.none() | st.tuples(words, words),
    sack=st.just(()),
) | st.tuples(st.none() | st.tuples(words, words), blocks).map(
    lambda drawn: TcpOptions(timestamps=drawn[0], sack=drawn[1])
)
segments = st.builds(
    Segment,
    source_port=shorts,
    destination_port=shorts,
    sequence=words,
    acknowledgement=words,
    flags=st.integers(0, 31),
    window=shorts,
    options=options,
    payload=payloads,
)


def framed(protocol: int, source: int, destination: int, transport: bytes) -> bytes:
    header = ipv4_header(source, destination, protocol, len(transport), 7)
    return frame_header(b"\2" * 6, b"\4" * 6, IPV4) + header + transport


def unframed(frame: bytes) -> Ipv4Packet:
    return parse_ipv4(parse_frame(frame).payload)


@given(words, words, segments)
def test_dpkt_reads_our_segments(source: int, destination: int, segment: Segment) -> None:
    transport = tcp_header(segment, source, destination) + segment.payload
    read = dpkt.ethernet.Ethernet(framed(TCP, source, destination, transport))
    tcp = read.data.data
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack) == (
        segment.source_port,
        segment.destination_port,
        segment.sequence,
        segment.acknowledgement,
    )
    assert (tcp.flags, tcp.win, tcp.data) == (segment.flags, segment.window, segment.payload)
    found = {kind: body for kind, body in dpkt.tcp.parse_opts(tcp.opts) if kind != dpkt.tcp.TCP_OPT_NOP}
    expected = segment.options
    if expected.mss is not None:
        assert found[dpkt.tcp.TCP_OPT_MSS] == expected.mss.to_bytes(2, "big")
    if expected.timestamps is not None:
        value, echo = expected.timestamps
        assert found[dpkt.tcp.TCP_OPT_TIMESTAMP] == value.to_bytes(4, "big") + echo.to_bytes(4, "big")
    edges = b"".join(edge.to_bytes(4, "big") for block in expected.sack for edge in block)
    assert found.get(dpkt.tcp.TCP_OPT_SACK, b"") == edges
    given_sum, tcp.sum = tcp.sum, 0
    again = dpkt.ip.IP(bytes(read.data))
    assert bytes(dpkt.ip.IP(src=again.src, dst=again.dst, p=6, data=tcp))[20:][16:18] == given_sum.to_bytes(
        2, "big"
    )


@given(words, words, segments)
def test_our_segments_come_back_as_they_were(source: int, destination: int, segment: Segment) -> None:
    transport = tcp_header(segment, source, destination) + segment.payload
    assert parse_tcp(memoryview(transport), source, destination) == segment


@given(words, words, shorts, shorts, words, words, payloads)
def test_we_read_segments_of_dpkt(
    source: int, destination: int, sport: int, dport: int, sequence: int, ack: int, payload: bytes
) -> None:
    tcp = dpkt.tcp.TCP(sport=sport, dport=dport, seq=sequence, ack=ack, flags=0x18, win=5, data=payload)
    tcp.opts = b"\x02\x04\x05\xb4"
    tcp.off = 6
    packet = dpkt.ip.IP(
        src=source.to_bytes(4, "big"),
        dst=destination.to_bytes(4, "big"),
        p=6,
        data=tcp,
        len=44 + len(payload),
    )
    read = parse_ipv4(memoryview(bytes(packet)))
    assert (read.source, read.destination, read.protocol) == (source, destination, TCP)
    segment = parse_tcp(read.payload, source, destination)
    assert segment == Segment(sport, dport, sequence, ack, 0x18, 5, TcpOptions(mss=1460), payload)


@given(words, words, shorts, shorts, payloads)
def test_datagrams_both_ways(source: int, destination: int, sport: int, dport: int, payload: bytes) -> None:
    datagram = Datagram(sport, dport, payload)
    ours = udp_header(datagram, source, destination) + payload
    read = dpkt.ethernet.Ethernet(framed(UDP, source, destination, ours)).data
    assert (read.data.sport, read.data.dport, read.data.data) == (sport, dport, payload)
    theirs = dpkt.udp.UDP(sport=sport, dport=dport, data=payload, ulen=8 + len(payload))
    packet = dpkt.ip.IP(src=read.src, dst=read.dst, p=17, data=theirs, len=28 + len(payload))
    assert parse_udp(parse_ipv4(memoryview(bytes(packet))).payload, source, destination) == datagram
    assert bytes(packet)[20:28] == ours[:8]


@given(st.sampled_from((0, 8)), words, payloads)
def test_echoes_both_ways(kind: int, rest: int, payload: bytes) -> None:
    message = IcmpMessage(kind, 0, rest, payload)
    read = dpkt.icmp.ICMP(build_icmp(message))
    assert (read.type, read.code, read.data.id << 16 | read.data.seq, read.data.data) == (
        kind,
        0,
        rest,
        payload,
    )
    echo = dpkt.icmp.ICMP.Echo(id=rest >> 16, seq=rest & 0xFFFF, data=payload)
    assert parse_icmp(bytes(dpkt.icmp.ICMP(type=kind, data=echo))) == message


@given(st.sampled_from((REQUEST, REPLY)), macs, words, macs, words)
def test_address_resolution_both_ways(
    operation: int, mac: bytes, sender: int, other: bytes, target: int
) -> None:
    packet = ArpPacket(operation, mac, sender, other, target)
    read = dpkt.arp.ARP(build_arp(packet))
    assert (read.op, read.sha, read.spa, read.tha, read.tpa) == (
        operation,
        mac,
        sender.to_bytes(4, "big"),
        other,
        target.to_bytes(4, "big"),
    )
    theirs = dpkt.arp.ARP(op=operation, sha=mac, spa=read.spa, tha=other, tpa=read.tpa)
    assert parse_arp(bytes(theirs)) == packet


@given(words, words, payloads)
def test_frames_carry_padding_that_packets_do_not(source: int, destination: int, payload: bytes) -> None:
    frame = framed(ICMP, source, destination, payload) + b"\xee" * 30
    assert unframed(frame).payload == payload
    assert dpkt.ethernet.Ethernet(frame).data.p == ICMP
