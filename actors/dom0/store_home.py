"""Where xenstored lives, as dom0 sees it: how it is started, reached, lost, and started again.

Rules: a home gives dom0 one XenStore client for all of dom0's life; when another daemon serves, that client
reconnects. `lost` is called each time that a daemon has begun empty after another had served, before that
client reconnects.
Source: tools/helpers/init-xenstore-domain.c; that dom0 starts another one after a death is ours.
"""

from collections.abc import Callable
from typing import Protocol

from actors.kernel.xenbus import Transport, Xenbus
from actors.xenstore.store import StoreStatistics

MakeClient = Callable[[Transport], Xenbus]


class StoreHome(Protocol):
    """Either of the two places."""

    began_empty: bool

    async def start(self) -> Xenbus:
        """Start the daemon, or find one that lives on; dom0's client of it."""
        ...

    def check(self) -> None:
        """Invariants of a daemon that runs here."""
        ...

    def check_turn(self) -> None:
        """The same of what the last turn touched."""
        ...

    def statistics(self) -> StoreStatistics | None:
        """The store's, if it is here."""
        ...
