"""Numbers in requests, read as C's library reads them.

Rules: white space and a sign may stand first; `atoi` stops at what is no digit and is 0 without any, so
nothing is refused there.
Source: ISO C, 7.22.1 (atoi, strtol); an int has 32 bits, a long 64.
"""

import re

_ATOI = re.compile(rb"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_STRTOL = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_LONG_MAX = (1 << 63) - 1


def atoi(data: bytes) -> int:
    """The number at the start, as an int of 32 bits; 0 if there is none."""
    found = _ATOI.match(data)
    value = _clamped(int(found[1])) & 0xFFFFFFFF if found else 0
    return value - (1 << 32) if value >> 31 else value


def unsigned(data: bytes) -> int:
    """`atoi`, as it is seen by who keeps it in an unsigned int."""
    return atoi(data) & 0xFFFFFFFF


def strtol(data: bytes) -> int | None:
    """What the whole text is in base 10, 16 (`0x`) or 8 (`0`); None if it is no number."""
    found = _STRTOL.fullmatch(data)
    if found is None:
        return None
    digits = found[2]
    base = 16 if digits[1:2] in {b"x", b"X"} else 8 if digits[:1] == b"0" else 10
    return _clamped(int(found[1] + digits, base))


def _clamped(value: int) -> int:
    return max(-_LONG_MAX - 1, min(value, _LONG_MAX))
