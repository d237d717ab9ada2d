"""What is truncated or absurd is refused with its reason, and with nothing else."""

import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.inet.arp import parse_arp
from actors.inet.drops import Drop, MalformedError
from actors.inet.ethernet import parse_frame
from actors.inet.icmp import IcmpMessage, build_icmp, parse_icmp, parse_quote
from actors.inet.ipv4 import ipv4_header, parse_ipv4
from actors.inet.tcp_options import NO_OPTIONS, TcpOptions, build_options, parse_options
from actors.inet.tcp_segment import Segment, parse_tcp, tcp_header
from actors.inet.udp import Datagram, parse_udp, udp_header

GOOD = ipv4_header(0x0A000001, 0x0A000002, 17, 4, 1) + b"data"
SEGMENT = tcp_header(Segment(1, 2, 3, payload=b"x"), 1, 2) + b"x"
DATAGRAM = udp_header(Datagram(1, 2, b"x"), 1, 2) + b"x"


def resummed(header: bytes, **fields: tuple[int, bytes]) -> bytes:
    data = bytearray(header)
    for offset, value in fields.values():
        data[offset : offset + len(value)] = value
    data[10:12] = b"\0\0"
    total = sum(struct.unpack(">10H", data[:20]))
    total = (total & 0xFFFF) + (total >> 16)
    data[10:12] = struct.pack(">H", 0xFFFF - total)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (GOOD[:19], Drop.IP_TRUNCATED),
        (b"\x65" + GOOD[1:], Drop.IP_VERSION),
        (b"\x44" + GOOD[1:], Drop.IP_HEADER_LENGTH),
        (b"\x4f" + GOOD[1:], Drop.IP_LENGTH),
        (GOOD[:-1], Drop.IP_LENGTH),
        (GOOD[:3] + b"\x08" + GOOD[4:], Drop.IP_LENGTH),
        (GOOD[:8] + b"\x07" + GOOD[9:], Drop.IP_CHECKSUM),
        (resummed(GOOD, more=(6, b"\x20\0")), Drop.IP_FRAGMENT),
        (resummed(GOOD, offset=(6, b"\0\1")), Drop.IP_FRAGMENT),
    ],
)
def test_packets(data: bytes, reason: Drop) -> None:
    with pytest.raises(MalformedError) as refused:
        parse_ipv4(memoryview(data))
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("parse", "data", "reason"),
    [
        (parse_frame, bytes(13), Drop.FRAME_TRUNCATED),
        (parse_arp, bytes(27), Drop.ARP_MALFORMED),
        (parse_arp, bytes(28), Drop.ARP_MALFORMED),
        (parse_icmp, bytes(7), Drop.ICMP_TRUNCATED),
        (parse_icmp, b"\x08" + bytes(8), Drop.ICMP_CHECKSUM),
        (parse_quote, b"\x45" + bytes(26), Drop.ICMP_TRUNCATED),
        (parse_quote, b"\x46" + bytes(27), Drop.ICMP_TRUNCATED),
        (lambda data: parse_tcp(memoryview(data), 1, 2), SEGMENT[:19], Drop.TCP_TRUNCATED),
        (
            lambda data: parse_tcp(memoryview(data), 1, 2),
            SEGMENT[:12] + b"\x40" + SEGMENT[13:],
            Drop.TCP_OFFSET,
        ),
        (
            lambda data: parse_tcp(memoryview(data), 1, 2),
            SEGMENT[:12] + b"\x60" + SEGMENT[13:],
            Drop.TCP_OFFSET,
        ),
        (lambda data: parse_tcp(memoryview(data), 1, 2), SEGMENT[:-1] + b"y", Drop.TCP_CHECKSUM),
        (lambda data: parse_udp(memoryview(data), 1, 2), DATAGRAM[:7], Drop.UDP_LENGTH),
        (lambda data: parse_udp(memoryview(data), 1, 2), DATAGRAM[:8], Drop.UDP_LENGTH),
        (
            lambda data: parse_udp(memoryview(data), 1, 2),
            DATAGRAM[:5] + b"\7" + DATAGRAM[6:],
            Drop.UDP_LENGTH,
        ),
        (lambda data: parse_udp(memoryview(data), 1, 2), DATAGRAM[:-1] + b"y", Drop.UDP_CHECKSUM),
    ],
)
def test_what_packets_carry(parse: Callable[[bytes], object], data: bytes, reason: Drop) -> None:
    with pytest.raises(MalformedError) as refused:
        parse(data)
    assert refused.value.reason is reason


def test_a_datagram_without_a_checksum_is_taken_and_a_blank_one_where_it_was_seen_to() -> None:
    without = DATAGRAM[:6] + b"\0\0" + b"y"
    assert parse_udp(memoryview(without), 1, 2).payload == b"y"
    blank = udp_header(Datagram(1, 2, b"x"), 1, 2, blank=True) + b"x"
    assert parse_udp(memoryview(blank), 1, 2, checked=True).payload == b"x"
    segment = Segment(1, 2, 3, payload=b"x")
    data = memoryview(tcp_header(segment, 1, 2, blank=True) + b"x")
    assert parse_tcp(data, 1, 2, checked=True) == segment
    with pytest.raises(MalformedError):
        parse_tcp(data, 1, 2)


@given(st.binary(max_size=40))
def test_no_options_are_so_bad_that_a_segment_is_refused(data: bytes) -> None:
    assert isinstance(parse_options(data), TcpOptions)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\1\1\1\0\2\4\5\xb4", NO_OPTIONS),
        (b"\2\4\5", NO_OPTIONS),
        (b"\2\1\5\xb4", NO_OPTIONS),
        (b"\2\3\5\3\3\7", TcpOptions(scale=7)),
        (b"\3\3\x0f", TcpOptions(scale=14)),
        (b"\x05\x0a\0\0\0\1\0\0\0\2", TcpOptions(sack=((1, 2),))),
        (b"\x05\x0b\0\0\0\1\0\0\0\2\0", NO_OPTIONS),
        (b"\xfe\4\0\0\4\2", TcpOptions(sack_permitted=True)),
        (b"\3", NO_OPTIONS),
    ],
)
def test_options(data: bytes, found: TcpOptions) -> None:
    assert parse_options(data) == found


def test_options_stay_aligned() -> None:
    full = TcpOptions(1460, 7, sack_permitted=True, timestamps=(1, 2))
    assert len(build_options(full)) == 20
    assert len(build_options(TcpOptions(timestamps=(1, 2), sack=((1, 2),) * 3))) == 40


@given(st.binary(max_size=80))
def test_rubbish_is_refused_or_read(data: bytes) -> None:
    view = memoryview(data)
    for parse in (
        parse_ipv4,
        lambda view: parse_tcp(view, 1, 2, checked=True),
        lambda view: parse_udp(view, 1, 2, checked=True),
        parse_icmp,
        parse_arp,
        parse_quote,
        lambda view: parse_frame(bytes(view)),
    ):
        with suppress(MalformedError):
            parse(view)


def test_a_message_has_a_checksum_of_its_own() -> None:
    assert parse_icmp(build_icmp(IcmpMessage(3, 1, 0, b"odd"))).payload == b"odd"
