"""How many events domains have sent and taken without the hypervisor, as they count them in their memory.

Rules: a domain counts for itself and may write what it likes: it tells of itself only. What a domain has
counted that is gone is kept in the total.
Source: ours; Xen sees every event.
"""

from dataclasses import dataclass
from typing import Final

from actors.hypervisor.domains import Domain
from actors.runtime.memory import Memory
from actors.start_info import COUNTS_GFN, DirectCounts

MOST: Final = 1 << 48
"""More than that is no count."""


@dataclass(frozen=True, slots=True)
class DirectCount:
    """Events that were sent, and messages with events that were taken."""

    sent: int = 0
    taken: int = 0


class DirectEvents:
    """Those of all domains of a host; of one that has never sent or taken any, nothing is read."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._gone = DirectCount()

    def of(self, domain: Domain) -> DirectCount:
        """What a domain has counted."""
        mfn = domain.physmap.mfn(COUNTS_GFN) if domain.ports.was_direct else None
        if mfn is None:
            return DirectCount()
        found = DirectCounts(self._memory, mfn)
        return DirectCount(min(found.sent, MOST), min(found.taken, MOST))

    def total(self, domains: list[Domain]) -> DirectCount:
        """What these and all that are gone have counted."""
        found = [self._gone, *(self.of(each) for each in domains)]
        return DirectCount(sum(each.sent for each in found), sum(each.taken for each in found))

    def forget(self, domain: Domain) -> None:
        """A domain is about to lose its memory."""
        self._gone = self.total([domain])
        domain.ports.was_direct = False
