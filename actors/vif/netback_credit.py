"""How much a guest may send: so many bytes in so many microseconds.

Rules: what was not used is kept, up to a burst of `bytes`, or 128 KiB if that is more. A packet that is
larger than what is left waits for the next window.
Source: Linux drivers/net/xen-netback/netback.c (tx_add_credit, tx_credit_exceeded), xenbus.c
(xen_net_read_rate).
Left out: Linux gives the whole rate to each queue; here all queues of an interface share it.
"""

from typing import Final

BURST_MIN: Final = 131_072
UNLIMITED: Final = (0, 0)
_US: Final = 1000


def parse_rate(text: str) -> tuple[int, int] | None:
    """(bytes, microseconds) of a `rate` node; UNLIMITED without one, None if it makes no sense."""
    if not text:
        return UNLIMITED
    parts = text.split(",")
    if len(parts) != 2 or not all(each.isascii() and each.isdecimal() and len(each) < 20 for each in parts):
        return None
    amount, window = map(int, parts)
    return (amount, window) if amount and window else None


class Credit:
    """What is left of a rate of `amount` bytes in `window_us`; 0 of either is no limit."""

    def __init__(self, amount: int, window_us: int, now_ns: int) -> None:
        self._amount = amount
        self._window_ns = window_us * _US if amount else 0
        self._begun_ns = now_ns
        self._left = amount

    def take(self, size: int, now_ns: int) -> int | None:
        """Use it for a packet: None, or when to ask again."""
        if not self._window_ns:
            return None
        if size > self._left:
            windows = (now_ns - self._begun_ns) // self._window_ns
            if windows > 0:
                self._begun_ns += windows * self._window_ns
                burst = max(BURST_MIN, self._amount)
                self._left = min(self._left + windows * self._amount, burst)
            if size > self._left:
                return self._begun_ns + self._window_ns
        self._left -= size
        return None
