"""A whole number as C reads it: `strtol` and `strtoul` with base 0, which is how xl reads every number.

Rules: 0x begins a hexadecimal number, another leading 0 an octal one; white space may stand before it, a
sign too; anything behind it is refused.
Source: ISO C, 7.22.1.4.
"""

import re
from typing import Final

LONG_MAX: Final = (1 << 63) - 1
_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9A-Fa-f]+)|(0[0-7]*)|([1-9][0-9]*))")
_DIGITS_MAX: Final = 80


def c_number(text: str) -> int:
    """The number that is written; ValueError if there is none, or if it does not fit into a long."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a number")
    sign, hexadecimal, octal, decimal = match.groups()
    digits = hexadecimal or octal or decimal
    base = 16 if hexadecimal else 8 if octal else 10
    # A long has 22 digits at most; leading zeroes aside, more of them need not be looked at.
    digits = digits.lstrip("0") or "0"
    if len(digits) > _DIGITS_MAX:
        raise ValueError(f"the number {digits[:20]}.. is too large")
    number = int(sign + digits, base)
    if not -LONG_MAX - 1 <= number <= LONG_MAX:
        raise ValueError(f"the number {text!r} is too large")
    return number
