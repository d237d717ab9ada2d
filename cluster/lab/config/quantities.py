"""Numbers with units, as people write them: sizes, durations, rates.

Rules: a unit is always written. ValueError says what was wrong, a semicolon, and the right form.
"""

import re
from typing import Final

SIZE_UNITS: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
DURATION_UNITS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000}
BIT_RATE_UNITS: Final = {"bit": 1, "kbit": 1_000, "Mbit": 1_000_000, "Gbit": 1_000_000_000}
_DECIMAL_SIZES: Final = {"K": "KiB", "KB": "KiB", "M": "MiB", "MB": "MiB", "G": "GiB", "GB": "GiB"}
_NUMBER: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-zµ]*)")
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?/ ?s")


def size_bytes(value: object) -> int:
    """The bytes of a size as `64MiB`; whole bytes only."""
    text = _text(value, "64MiB")
    number, unit = _split(text, "64MiB")
    if unit.upper() in _DECIMAL_SIZES:
        right = _DECIMAL_SIZES[unit.upper()]
        raise ValueError(f"{text!r} has no unit that is known here; write {number}{right} (1024 based)")
    return _whole(text, number, unit, SIZE_UNITS)


def duration_ns(value: object) -> int:
    """The nanoseconds of a duration as `200ms`."""
    text = _text(value, "200ms")
    number, unit = _split(text, "200ms")
    return _whole(text, number, unit, DURATION_UNITS)


def rate_per_second(value: object) -> float:
    """The number of a rate as `500/s`; more than 0."""
    text = _text(value, "500/s")
    match = _RATE.fullmatch(text)
    if match is None or not float(match[1]):
        raise ValueError(f"{text!r} is no rate; write a number above 0 as in 500/s")
    return float(match[1])


def bits_per_second(value: object) -> int:
    """The bits of a second of a rate as `10Gbit`; whole bits only."""
    text = _text(value, "10Gbit")
    number, unit = _split(text.removesuffix("/s"), "10Gbit")
    return _whole(text, number, unit, BIT_RATE_UNITS)


def size_text(size: int) -> str:
    """A size as people would write it."""
    for unit in ("GiB", "MiB", "KiB"):
        if size >= SIZE_UNITS[unit] and size % SIZE_UNITS[unit] == 0:
            return f"{size // SIZE_UNITS[unit]}{unit}"
    return f"{size}B"


def duration_text(duration: int) -> str:
    """A duration for people: three digits and the unit that fits."""
    for unit in ("s", "ms", "us"):
        if duration >= DURATION_UNITS[unit]:
            return f"{duration / DURATION_UNITS[unit]:.3g} {unit}"
    return f"{duration} ns"


def _text(value: object, example: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"a number with a unit is wanted, not {value!r}; write it as in {example}")  # noqa: TRY004
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit; write it as in {example}")  # noqa: TRY004
    return value.strip()


def _split(text: str, example: str) -> tuple[str, str]:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a number with a unit; write it as in {example}")
    return match[1], match[2]


def _whole(text: str, number: str, unit: str, units: dict[str, int]) -> int:
    if unit not in units:
        said = f"{unit!r} is not a unit" if unit else f"{text!r} has no unit"
        raise ValueError(f"{said}; one of {', '.join(units)}")
    whole, _, fraction = number.partition(".")
    parts: int = 10 ** len(fraction)
    scaled = int(whole + fraction) * units[unit]
    if scaled % parts:
        raise ValueError(f"{text!r} is not a whole number of {next(iter(units))}; use a smaller unit")
    return scaled // parts


def counted(count: int, noun: str) -> str:
    """`1 fault`, `2 faults`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
