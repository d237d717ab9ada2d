"""Whether a process that does the same again and again grows.

Rules: the first part of a run fills caches and tables; what counts is what comes after it.
Source: /proc/self/statm (resident pages).
"""

from pathlib import Path
from typing import Final

from actors.abi.types import PAGE_SIZE

ALLOWED_BYTES: Final = 48 << 20
WARM_UP_ROUNDS: Final = 3


class Growth:
    """Looks at the resident memory once a round; AssertionError when it has grown too much."""

    def __init__(self) -> None:
        self._rounds = 0
        self._before = 0

    def look(self) -> None:
        """A round is over."""
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_SIZE
        self._rounds += 1
        if self._rounds <= WARM_UP_ROUNDS:
            self._before = resident
        grown = resident - self._before
        assert grown < ALLOWED_BYTES, f"grown by {grown >> 20} MiB in {self._rounds} rounds"
