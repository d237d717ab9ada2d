"""Those that a new life of a domain is to serve again begin together: all are connected, and then served.

Else who is connected first has what it asked meanwhile done before the others are connected.
Rules: nobody waits longer than `LIMIT_NS` after the first one has come. Once all have come, or that time has
passed, it is over for good: whoever comes later begins at once, as everyone does while nobody is expected.
"""

from collections.abc import Callable
from typing import Final

from actors.kernel.handover import Device
from actors.kernel.threads import Future, Threads

LIMIT_NS: Final = 20_000_000


class Gathering:
    """Of the backends of one domain."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._missing: set[Device] = set()
        self._over: Future[None] | None = None

    def expect(self, device: Device) -> None:
        """Wait for it, too, unless it is over."""
        if self._over is None or not self._over.done:
            self._missing.add(device)

    def arrive(self, device: Device, begin: Callable[[], None]) -> None:
        """It is connected; `begin` is called when it may be served, perhaps now."""
        if self._over is None and self._missing:
            self._over = self._threads.at(self._threads.now_ns + LIMIT_NS)
        self.give_up(device)
        if self._over is None:
            begin()
        else:
            self._over.when_done(begin)

    def give_up(self, device: Device) -> None:
        """It is not waited for any more."""
        self._missing.discard(device)
        if not self._missing and self._over is not None and not self._over.done:
            self._over.set(None)
