"""What a recording says: cases, their steps, and the error for a file that is none.

Source: docs/conformance.md describes every key.
"""

from dataclasses import dataclass

CALLERS = ("dom0", "domU")

Values = dict[str, object]


class RecordingError(Exception):
    """A file is no recording; the text begins with `file:line` and says what would be right."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One hypercall and what it returned: `ret` is a number or an error as `-EINVAL`.

    Of `out` only the fields that are not in `varies` are compared.
    """

    identifier: str
    hypercall: str
    command: str
    arguments: Values
    ret: int | str
    out: Values
    varies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A list of steps by one caller on one release of Xen, and where it stands."""

    name: str
    caller: str
    steps: tuple[RecordedCall, ...]
    place: str
    xen: str = "4.17"
