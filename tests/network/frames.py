"""Ethernet frames of a protocol that nobody speaks."""

BROADCAST = b"\xff" * 6
MACS = [bytes.fromhex(f"00163e0000{number:02x}") for number in range(1, 6)]


def frame(target: bytes, source: bytes, payload: bytes = b"x" * 46) -> bytes:
    return target + source + b"\x88\xb5" + payload
