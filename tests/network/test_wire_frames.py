"""Packets on their way to a wire: cut and summed as dpkt and the checksum itself want it, or refused."""

import struct

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.inet.checksum import is_sound, pseudo_sum
from actors.network.packet import Packet
from actors.network.wire_frames import Unsendable, UnsendableError, wire_frames

MACS = bytes.fromhex("00163e000002") + bytes.fromhex("00163e000001")
LONG = 1 << 17


def tcp(
    data: bytes, *, flags: int = 0x18, sequence: int = 1000, options: bytes = b"", identification: int = 7
):
    """A frame with a TCP segment whose checksum covers the pseudo header only."""
    length = 20 + len(options) + len(data)
    pseudo = pseudo_sum(0x0A000001, 0x0A000002, 6, length)
    offset = (20 + len(options)) // 4 << 4
    header = struct.pack(">HHIIBBHHH", 4000, 80, sequence, 5, offset, flags, 512, pseudo, 0) + options
    return ipv4(6, header + data, identification)


def udp(data: bytes) -> bytes:
    pseudo = pseudo_sum(0x0A000001, 0x0A000002, 17, 8 + len(data))
    return ipv4(17, struct.pack(">HHHH", 4000, 53, 8 + len(data), pseudo) + data)


def ipv4(
    protocol: int, body: bytes, identification: int = 7, *, fragment: int = 0x4000, total: int = 0
) -> bytes:
    length = total or 20 + len(body)
    addresses = b"\x0a\0\0\1\x0a\0\0\2"
    header = bytearray(struct.pack(">BBHHHBBH", 0x45, 0, length, identification, fragment, 64, protocol, 0))
    header += addresses
    struct.pack_into(">H", header, 10, dpkt.in_cksum(bytes(header)))
    return MACS + b"\x08\x00" + bytes(header) + body


def parsed(frame: bytes):
    """The packet, whose checksums are sound."""
    assert is_sound(frame[14:34])
    packet = dpkt.ethernet.Ethernet(frame).data
    body = frame[34 : 14 + packet.len]
    assert is_sound(body, pseudo_sum(0x0A000001, 0x0A000002, packet.p, len(body)))
    assert packet.len == len(frame) - 14
    return packet


def test_what_is_whole_is_passed_on_as_it_is():
    frame = MACS + b"\x88\xb5" + b"x"
    assert wire_frames(Packet(frame), 1518) == [frame]
    assert wire_frames(Packet(tcp(b"bad sum")), 1518) == [tcp(b"bad sum")], "nobody has asked for a checksum"


@pytest.mark.parametrize("frame", [tcp(b""), tcp(b"odd"), udp(b""), udp(b"odd"), udp(b"\0" * 1400)])
def test_a_blank_checksum_is_completed(frame: bytes):
    (made,) = wire_frames(Packet(frame, blank=True), 1518)
    parsed(made)
    assert len(made) == len(frame)


def test_a_sum_of_nothing_says_that_there_is_one():
    for word in range(65536):
        frame = udp(struct.pack(">H", word))
        (made,) = wire_frames(Packet(frame, blank=True), 1518)
        if made[40:42] == b"\xff\xff":
            return
        assert made[40:42] != b"\0\0", "no checksum"
    raise AssertionError("no such datagram")


def test_padding_stays_behind_what_it_pads():
    (made,) = wire_frames(Packet(udp(b"x") + b"\0" * 20, blank=True), 1518)
    assert made.endswith(b"x" + b"\0" * 20)
    parsed(made.removesuffix(b"\0" * 20))


@settings(deadline=None)
@given(
    st.integers(0, 65_000),
    st.integers(8, 9000),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFF),
    st.sampled_from([b"", b"\x01" * 12]),
    st.booleans(),
)
def test_a_large_segment_is_cut_into_what_a_sender_would_have_sent(
    size, mss, sequence, ident, options, blank
):
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    frame = tcp(data, flags=0x99, sequence=sequence, options=options, identification=ident)
    packets = [parsed(each) for each in wire_frames(Packet(frame, mss, blank), LONG)]

    segments = [each.data for each in packets]
    assert b"".join(each.data for each in segments) == data
    assert [each.id for each in packets] == [(ident + at) & 0xFFFF for at in range(len(packets))]
    assert [each.seq for each in segments] == [
        (sequence + at * mss) & 0xFFFFFFFF for at in range(len(packets))
    ]
    assert all(len(each.data) == mss for each in segments[:-1])
    assert {each.opts for each in segments} == {options}
    middle = [0x10] * len(segments)
    middle[0] |= 0x80
    middle[-1] |= 0x09
    assert [each.flags for each in segments] == middle


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (Packet(MACS + b"\x08\x00" + b"x" * 1600), Unsendable.too_long),
        (Packet(tcp(b"x" * 3000), 2000), Unsendable.too_long),
        (Packet(MACS, blank=True), Unsendable.malformed),
        (Packet(b"", 100), Unsendable.malformed),
        (Packet(MACS + b"\x86\xdd" + b"x" * 100, blank=True), Unsendable.malformed),
        (Packet(tcp(b"x" * 100)[:40], 10), Unsendable.malformed),
        (Packet(tcp(b"x" * 100), 7), Unsendable.malformed),
        (Packet(tcp(b"x" * 100), -1), Unsendable.malformed),
        (Packet(tcp(b"x" * 100, flags=2), 10), Unsendable.malformed),
        (Packet(tcp(b"x" * 100, flags=0x30), 10), Unsendable.malformed),
        (Packet(udp(b"x" * 100), 10), Unsendable.malformed),
        (Packet(ipv4(1, b"x" * 100), blank=True), Unsendable.malformed),
        (Packet(ipv4(17, b"x" * 7), blank=True), Unsendable.malformed),
        (Packet(ipv4(6, b"x" * 19), blank=True), Unsendable.malformed),
        (Packet(ipv4(6, b"\0" * 40), blank=True), Unsendable.malformed),
        (Packet(ipv4(6, b"\xf0" * 40), blank=True), Unsendable.malformed),
        (Packet(ipv4(17, b"x" * 40, fragment=0x2000), blank=True), Unsendable.malformed),
        (Packet(ipv4(17, b"x" * 40, fragment=1), blank=True), Unsendable.malformed),
        (Packet(ipv4(17, b"x" * 40, total=200), blank=True), Unsendable.malformed),
    ],
)
def test_what_does_not_fit_together_is_refused(packet: Packet, reason: Unsendable):
    with pytest.raises(UnsendableError) as refused:
        wire_frames(packet, 1518)
    assert refused.value.reason is reason


@given(st.binary(max_size=120), st.integers(-5, 70_000), st.booleans())
def test_rubbish_is_refused_or_sent_and_nothing_else(rubbish, mss, blank):
    for frame in (rubbish, MACS + b"\x08\x00\x45" + rubbish):
        try:
            frames = wire_frames(Packet(frame, mss, blank), 1518)
        except UnsendableError:
            continue
        assert all(len(each) <= 1518 for each in frames)
