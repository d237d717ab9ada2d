"""The rate of a virtual network interface, as xl writes it: `10Mb/s`, or `1MB/s@20ms`.

So many bytes may be sent, and after each interval as many again.
Source: docs/man/xl-network-configuration.5, tools/libs/util/libxlu_vif.c (facts): an interval without a unit
is in seconds, whatever the manual says.
Other than there a rate that lets nothing through is refused, and a number like 08, of which C reads the 0.
"""

import re
from typing import Final, NamedTuple

_RATE: Final = re.compile(r"([0-9]+)([GMK]?)([Bb])/s")
_INTERVAL: Final = re.compile(r"([0-9]+)(us|ms|s|u|m|)")
_SCALES: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_MICROSECONDS: Final = {"s": 10**6, "": 10**6, "ms": 10**3, "m": 10**3, "us": 1, "u": 1}
_DEFAULT_USECS: Final = 50_000
_UINT32_MAX: Final = 0xFFFFFFFF
_UINT64_MAX: Final = 0xFFFFFFFFFFFFFFFF
_RIGHT: Final = "10Mb/s, 250KB/s, or 1MB/s@20ms"


class VifRate(NamedTuple):
    """`credit_bytes` for each interval of `interval_usecs`."""

    credit_bytes: int
    interval_usecs: int

    @property
    def node(self) -> str:
        """As the node `rate` of a backend has it."""
        return f"{self.credit_bytes},{self.interval_usecs}"


def parse_vif_rate(text: str) -> VifRate:
    """The rate that a text says; ValueError: what is wrong, a semicolon, what would be right."""
    rate, at, interval = text.partition("@")
    found = _RATE.fullmatch(rate)
    if found is None:
        raise ValueError(f"{text!r} is no rate; {_RIGHT}")
    bytes_per_second = _number(found[1], text) * _SCALES[found[2]] // (8 if found[3] == "b" else 1)
    usecs = _DEFAULT_USECS
    if at:
        given = _INTERVAL.fullmatch(interval)
        if given is None:
            raise ValueError(f"{text!r} has no interval after @; {_RIGHT}")
        usecs = _number(given[1], text) * _MICROSECONDS[given[2]]
    product = bytes_per_second * usecs
    credit = product // 10**6
    if not credit or product > _UINT64_MAX or usecs > _UINT32_MAX:
        raise ValueError(f"{text!r} is {credit} bytes each {usecs} us; at least one, and each 4294 s at most")
    return VifRate(credit, usecs)


def _number(digits: str, text: str) -> int:
    """As C reads it: a leading 0 means octal."""
    try:
        number = int(digits, 8 if digits.startswith("0") else 10)
    except ValueError:
        raise ValueError(f"{digits} in {text!r} is no number; {_RIGHT}") from None
    if not 0 < number <= _UINT32_MAX:
        raise ValueError(f"{digits} in {text!r} is too much or nothing; {_RIGHT}")
    return number
