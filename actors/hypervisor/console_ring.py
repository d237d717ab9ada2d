"""What the hypervisor's console has shown: the last 16 KiB, by an index that only grows.

Source: xen/drivers/char/console.c (conring_puts, read_console_ring).
"""

from typing import Final

RING_BYTES: Final = 16384


class ConsoleRing:
    """`produced` and `consumed` are indices of bytes since power on."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.produced = 0
        self.consumed = 0

    def write(self, text: str) -> None:
        """Put text in; what was there 16 KiB ago is gone."""
        data = text.encode()
        self.produced += len(data)
        self._kept += data
        del self._kept[:-RING_BYTES]
        self.consumed = max(self.consumed, self.produced - len(self._kept))

    def read(self, index: int, count: int, *, incremental: bool, clear: bool) -> tuple[bytes, int]:
        """At most `count` bytes and the index behind them: from `index` on if `incremental`, else all.

        With `clear` what was read is gone for those who read all.
        """
        start = index if incremental and self.consumed < index <= self.produced else self.consumed
        offset = start - (self.produced - len(self._kept))
        data = bytes(self._kept[offset : offset + count])
        end = start + len(data)
        if clear:
            self.consumed = end
        return data, end
