"""A disk that a domain drives: its name, its interrupt line, and how that is triggered."""

from typing import NamedTuple


class DiskLine(NamedTuple):
    """`gsi` is the line; `trigger` is `level` or `edge`."""

    name: str
    gsi: int
    trigger: str
