"""The Internet checksum (RFC 1071).

2**16 is 1 modulo 65535, so the one's complement sum of 16-bit words is the whole buffer, read as one number,
modulo 65535: two steps in C whatever the length.

A checksum that is *blank* holds the sum of the pseudo header only, for hardware (or nobody, where the packet
never leaves the host) to complete: what Linux calls CHECKSUM_PARTIAL and netif `csum_blank`.
"""

Buffer = bytes | bytearray | memoryview


def ones_sum(data: Buffer) -> int:
    """The one's complement sum of the 16-bit big-endian words; an odd last byte counts as the high one."""
    number = int.from_bytes(data, "big")
    rest = number % 0xFFFF
    if rest == 0:
        return 0xFFFF if number else 0
    return rest * 256 % 0xFFFF if len(data) & 1 else rest


def checksum(data: Buffer) -> int:
    """What a header carries whose checksum field was zero when `data` was taken."""
    return 0xFFFF - ones_sum(data)


def is_sound(data: Buffer, pseudo: int = 0) -> bool:
    """Whether data that includes its checksum adds up, with the sum of a pseudo header."""
    return (ones_sum(data) + pseudo) % 0xFFFF == 0


def pseudo_sum(source: int, destination: int, protocol: int, length: int) -> int:
    """The sum of a pseudo header of RFC 9293, 3.1; folded, and never 0."""
    total = (
        (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF) + protocol + length
    )
    return total % 0xFFFF or 0xFFFF


def transport_checksum(pseudo: int, *pieces: Buffer) -> int:
    """The checksum of a datagram or a segment in pieces, of which all but the last are of even length."""
    total = pseudo
    for piece in pieces:
        total += ones_sum(piece)
    return 0xFFFF - (total % 0xFFFF or 0xFFFF)
