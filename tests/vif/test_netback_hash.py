"""The Toeplitz hash against the values that Microsoft publishes for it, and what of a frame it covers."""

from ipaddress import ip_address

import pytest

from actors.vif.netback_hash import IPV4, IPV4_TCP, IPV6, IPV6_TCP, TOEPLITZ, NetbackHash

KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
# Source, its port, destination, its port, hash of both with and without the ports.
ROWS = [
    ("66.9.149.187", 2794, "161.142.100.80", 1766, 0x51CCC178, 0x323E8FC2),
    ("199.92.111.2", 14230, "65.69.140.83", 4739, 0xC626B0EA, 0xD718262A),
    ("3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x40207D3D, 0x2CC18CD5),
    ("3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0xDDE51BBF, 0x0F0C461C),
]
QUEUES = 1 << 32
"""As many as there are hashes, so that the queue is the hash."""


def ip_frame(source: str, target: str, ports: bytes, *, protocol: int = 6, fragment: int = 0) -> bytes:
    pair = ip_address(source).packed + ip_address(target).packed
    if ":" in source:
        return bytes(12) + b"\x86\xdd" + bytes(6) + bytes((protocol, 64)) + pair + ports
    head = bytes((0x45, 0, 0, 0, 0, 0)) + fragment.to_bytes(2, "big") + bytes((64, protocol, 0, 0))
    return bytes(12) + b"\x08\x00" + head + pair + ports


def hash_of(frame: bytes, types: int) -> int:
    chosen = NetbackHash(QUEUES)
    chosen.algorithm, chosen.key, chosen.types = TOEPLITZ, KEY, types
    return chosen.queue_of(frame)


@pytest.mark.parametrize(("source", "port", "target", "target_port", "with_ports", "without"), ROWS)
def test_the_hash_is_that_of_the_specification(
    source: str, port: int, target: str, target_port: int, with_ports: int, without: int
) -> None:
    ports = port.to_bytes(2, "big") + target_port.to_bytes(2, "big")
    frame = ip_frame(source, target, ports)

    assert hash_of(frame, IPV4 | IPV4_TCP | IPV6 | IPV6_TCP) == with_ports
    assert hash_of(frame, IPV4 | IPV6) == without
    assert hash_of(ip_frame(source, target, ports, protocol=17), IPV4_TCP | IPV4 | IPV6_TCP | IPV6) == without
    assert hash_of(frame, 0) == 0


def test_a_fragment_has_no_ports_and_what_is_no_ip_has_no_hash() -> None:
    source, _, target, _, _, without = ROWS[0]
    fragment = ip_frame(source, target, b"abcd", fragment=0x2000)

    assert hash_of(fragment, IPV4 | IPV4_TCP) == without
    assert hash_of(fragment[:30], IPV4 | IPV4_TCP) == 0
    assert hash_of(ip_frame(*[ROWS[2][0], ROWS[2][2]], b"")[:53], IPV6 | IPV6_TCP) == 0
    assert hash_of(bytes(12) + b"\x08\x06" + bytes(40), IPV4 | IPV6) == 0
