"""What a block backend serves: a volume of whatever disk its domain drives."""

from collections.abc import Callable
from typing import Protocol


class Backing(Protocol):
    """A volume. `operation` is READ, WRITE or FLUSH of `operations`; segments are (mfn, byte, length)."""

    @property
    def sectors(self) -> int:
        """Its size in sectors of 512 bytes."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        ...

    def submit(
        self,
        operation: int,
        sector: int,
        segments: list[tuple[int, int, int]],
        done: Callable[[int], None],
    ) -> None:
        """Do it; `done(status)` once, perhaps at once, with 0 if it went well."""
        ...
