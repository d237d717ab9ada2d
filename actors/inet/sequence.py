"""Sequence numbers (RFC 9293, 3.4).

Inside, a *position* is a sequence number that never wraps: it starts at the initial sequence number and
grows for ever. Only segments carry 32 bits of it, so comparisons are those of numbers.
"""

MODULUS = 1 << 32
_MASK = MODULUS - 1
_HALF = 1 << 31


def on_wire(position: int) -> int:
    """The 32 bits that a segment carries."""
    return position & _MASK


def position_of(sequence: int, near: int) -> int:
    """The position with these 32 bits that is within 2**31 of `near`."""
    return near + ((sequence - near + _HALF) & _MASK) - _HALF
