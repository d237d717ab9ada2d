"""The links by which domains send each other events, of one host: the hypervisor asks for them.

Rules: a link is there as long as both domains run and neither of them is kept to the hypervisor, as it is
while something breaks what goes between it and the hypervisor. Then it is cut at both ends, which makes
their kernels send by the hypervisor; and it is made again when that is over.
"""

from collections.abc import Callable

from actors.address import Address, event_link
from actors.runtime.machine import Connect, Disconnect, Effect


class EventLinks:
    """Those of one host."""

    def __init__(self, host: str, emit: Callable[[Effect], None]) -> None:
        self._host = host
        self._emit = emit
        self._pairs: dict[tuple[int, int], bool] = {}
        self._kept: frozenset[int] = frozenset()
        self._all_kept = False

    def join(self, domid: int, peer_domid: int) -> None:
        """Two domains that run are to have a link."""
        pair = min(domid, peer_domid), max(domid, peer_domid)
        self._pairs[pair] = False
        self._look(pair)

    def ended(self, domid: int) -> None:
        """A domain has ended, and with it all of its links."""
        self._pairs = {pair: made for pair, made in self._pairs.items() if domid not in pair}

    def clear(self) -> None:
        """The host boots: nothing is left."""
        self._pairs.clear()

    def keep(self, domids: frozenset[int], *, everybody: bool = False) -> None:
        """From now on events of these domains go by the hypervisor, and of no others."""
        if (domids, everybody) == (self._kept, self._all_kept):
            return
        self._kept, self._all_kept = domids, everybody
        for pair in self._pairs:
            self._look(pair)

    def _look(self, pair: tuple[int, int]) -> None:
        wanted = not self._all_kept and self._kept.isdisjoint(pair)
        if self._pairs[pair] == wanted:
            return
        self._pairs[pair] = wanted
        (one, link), (other, other_link) = self._ends(pair)
        if wanted:
            self._emit(Connect(one, link, other, other_link))
        else:
            self._emit(Disconnect(one, link))
            self._emit(Disconnect(other, other_link))

    def _ends(self, pair: tuple[int, int]) -> list[tuple[str, str]]:
        first, second = pair
        return [
            (str(Address.domain(self._host, domid)), event_link(peer))
            for domid, peer in ((first, second), (second, first))
        ]
