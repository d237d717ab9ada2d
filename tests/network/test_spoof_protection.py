import pytest

from actors.network.line_rate import wire_time_ns
from actors.network.spoof_protection import Spoof, SpoofProtection

OURS, THEIRS = bytes.fromhex("00163e00000a"), bytes.fromhex("00163e00000b")
IP, OTHER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
IP6, OTHER6 = bytes.fromhex("fd00" + "00" * 13 + "01"), bytes.fromhex("fd00" + "00" * 13 + "02")
NOBODY4, NOBODY6 = bytes(4), bytes(16)


def ipv4(source: bytes, *, protocol: int = 6, ports: bytes = b"\0\x50\0\x51", words: int = 5) -> bytes:
    header = bytes((0x40 | words,)) + bytes(8) + bytes((protocol,)) + bytes(2) + source + OTHER
    return b"\x08\x00" + header + bytes(4 * (words - 5)) + ports + bytes(20)


def arp(hardware: bytes, source: bytes) -> bytes:
    return b"\x08\x06" + bytes.fromhex("0001080006040001") + hardware + source + bytes(6) + OTHER


def ipv6(source: bytes) -> bytes:
    return b"\x86\xdd" + bytes(8) + source + OTHER6


DHCP = b"\x00\x44\x00\x43"
CASES = [
    (None, ipv4(IP)),
    (Spoof.ip, ipv4(OTHER)),
    (Spoof.ip, ipv4(NOBODY4)),
    (None, ipv4(NOBODY4, protocol=17, ports=DHCP)),
    (None, ipv4(NOBODY4, protocol=17, ports=DHCP, words=6)),
    (Spoof.ip, ipv4(NOBODY4, protocol=17, ports=b"\x00\x43\x00\x44")),
    (Spoof.ip, ipv4(NOBODY4, protocol=6, ports=DHCP)),
    (Spoof.ip, ipv4(OTHER, protocol=17, ports=DHCP)),
    (Spoof.truncated, ipv4(IP)[:21]),
    (None, arp(OURS, IP)),
    (None, arp(OURS, NOBODY4)),
    (Spoof.ip, arp(OURS, OTHER)),
    (Spoof.mac, arp(THEIRS, IP)),
    (Spoof.truncated, arp(OURS, IP)[:29]),
    (None, ipv6(IP6)),
    (None, ipv6(NOBODY6)),
    (Spoof.ip, ipv6(OTHER6)),
    (Spoof.truncated, ipv6(IP6)[:41]),
    (Spoof.tagged, b"\x81\x00\x00\x01" + ipv4(OTHER)),
    (Spoof.tagged, b"\x88\xa8\x00\x01" + ipv4(OTHER)),
    (None, b"\x88\xb5whatever"),
]


@pytest.mark.parametrize(("wrong", "rest"), CASES)
def test_with_addresses_told_a_source_has_to_be_one_of_them(wrong, rest):
    protection = SpoofProtection([OURS], ["10.0.0.1", "fd00::1"])
    assert protection.objection(b"\xff" * 6 + OURS + rest) == wrong
    assert protection.objection(b"\xff" * 6 + THEIRS + rest) == Spoof.mac


@pytest.mark.parametrize(("wrong", "rest"), CASES)
def test_without_only_the_frame_counts(wrong, rest):
    protection = SpoofProtection([OURS, THEIRS])
    assert protection.objection(b"\xff" * 6 + OURS + rest) is None
    assert protection.objection(b"\xff" * 6 + THEIRS + rest) is None


def test_with_none_told_there_are_none():
    assert SpoofProtection([OURS], []).objection(b"\xff" * 6 + OURS + ipv4(IP)) == Spoof.ip
    with pytest.raises(ValueError, match=r"10\.0\.0"):
        SpoofProtection([OURS], ["10.0.0"])


@pytest.mark.parametrize(("size", "rate", "time_ns"), [
    (14, 1_000_000_000, 672), (60, 1_000_000_000, 672), (1514, 1_000_000_000, 12304),
    (1514, 10_000_000_000, 1231), (60, 10_000_000, 67200), (1514, 0, 0),
])  # fmt: skip
def test_a_frame_takes_its_time_on_a_wire(size, rate, time_ns):
    assert wire_time_ns(size, rate) == time_ns
