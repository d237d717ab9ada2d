"""Bytes of a fuzzer as numbers and choices.

Rules: a pure function of the bytes; at their end everything is 0, so every input ends.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

NOTABLE: Final = (
    0, 1, 2, 3, 7, 8, 9, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096,
    0x7FEF, 0x7FF0, 0x7FF1, 0x7FF2, 0x7FF3, 0x7FF4, 0x7FFF, 0x8000, 0xFFFF, 0x10000, (1 << 31) - 1, 1 << 31,
    (1 << 32) - 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1, -1, -2, -(1 << 31), -(1 << 63),
)  # fmt: skip
"""Limits of the interfaces, and reserved domain ids."""


class Input:
    """One input, taken from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def rest(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """So many bytes, fewer at the end."""
        part = self._data[self._at : self._at + count]
        self._at += len(part)
        return part

    def byte(self) -> int:
        """One byte; 0 at the end."""
        part = self.take(1)
        return part[0] if part else 0

    def word(self) -> int:
        """32 bits."""
        return int.from_bytes(self.take(4), "little")

    def choose(self, among: Sequence[T]) -> T:
        """One of these."""
        index = self.byte() if len(among) <= 256 else self.byte() << 8 | self.byte()
        return among[index % len(among)]

    def number(self) -> int:
        """A number: mostly small, often notable, sometimes anything."""
        how = self.byte()
        if how < 144:
            return how & 15
        if how < 224:
            return NOTABLE[how % len(NOTABLE)]
        return self.word() - (self.word() << 16)
