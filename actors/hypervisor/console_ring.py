"""The hypervisor's own console: its last messages, and what was typed on the serial line.

Rules: both are bounded; of messages the oldest go first, of what is typed the newest are not taken.
New messages raise VIRQ_CON_RING, typing raises VIRQ_CONSOLE.
Source: xen/drivers/char/console.c (conring_puts, serial_rx, readconsole).
Left out: what dom0 writes with CONSOLEIO_write is not kept (Xen does so only with console_to_ring).
"""

from collections.abc import Callable
from typing import Final

RING_BYTES: Final = 16384
SERIAL_RX_BYTES: Final = 128


class ConsoleRing:
    """Messages by their position since power on, and typed bytes. `notify` is called for new messages."""

    def __init__(self) -> None:
        self.notify: Callable[[], None] | None = None
        self.produced = 0
        self._kept = bytearray()
        self._typed = bytearray()

    def put(self, line: str) -> None:
        """A message; a newline is added."""
        data = line.encode("utf-8", "replace") + b"\n"
        self.produced += len(data)
        self._kept += data
        del self._kept[:-RING_BYTES]
        if self.notify is not None:
            self.notify()

    def read(self, index: int, count: int) -> tuple[bytes, int]:
        """Messages from position `index` on, or from the oldest kept; and the position after them."""
        start = min(max(index, self.produced - len(self._kept)), self.produced)
        offset = start - (self.produced - len(self._kept))
        data = bytes(self._kept[offset : offset + max(count, 0)])
        return data, start + len(data)

    def clear(self) -> None:
        """Forget the messages that are kept."""
        self._kept.clear()

    def type(self, text: str) -> None:
        """Somebody types on the serial line."""
        self._typed += text.encode("utf-8", "replace")[: SERIAL_RX_BYTES - len(self._typed)]

    def take_typed(self, count: int) -> bytes:
        """At most `count` bytes of what was typed, once."""
        data = bytes(self._typed[:count])
        del self._typed[: len(data)]
        return data
