"""Domain watchdogs: two timers a domain, and whose has run out.

Rules: a domain that does not set its timer again in time has hung; what then happens is decided by
the life cycle. Source: xen/common/schedule.c (domain_watchdog).
"""

from collections.abc import Callable, Collection
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.hypervisor.agenda import Agenda
from actors.hypervisor.domains import Domain

TIMERS_PER_DOMAIN: Final = 2
NS_PER_S: Final = 1_000_000_000


class Watchdog:
    """The watchdog timers of all domains. `fired` is told which domain has hung."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._timers: dict[Domain, set[int]] = {}
        self.fired: Callable[[Domain], None] | None = None

    def set(self, domain: Domain, identifier: int, timeout_s: int, now_ns: int) -> int:
        """Timer `identifier` is to run out in `timeout_s`; 0 makes a new one and returns its identifier.

        A timeout of 0 stops a timer. EINVAL for an identifier that is not in use, ENOSPC for a third timer.
        """
        timers = self._timers.get(domain, set())
        made = 0
        if identifier == 0:
            free = [each for each in range(1, TIMERS_PER_DOMAIN + 1) if each not in timers]
            if not free:
                raise XenError(Errno.ENOSPC, f"domain {domain.domid} has {TIMERS_PER_DOMAIN} watchdogs")
            identifier = made = free[0]
        elif identifier not in timers:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} has no watchdog {identifier}")
        self._timers[domain] = timers
        if timeout_s or made:
            timers.add(identifier)
            at_ns = now_ns + timeout_s * NS_PER_S
            self._agenda.set((domain, "watchdog", identifier), at_ns, lambda: self._fire(domain))
        else:
            timers.remove(identifier)
            self._agenda.cancel((domain, "watchdog", identifier))
        return made

    def forget(self, domain: Domain) -> None:
        """The domain does not run any more."""
        for identifier in self._timers.pop(domain, set()):
            self._agenda.cancel((domain, "watchdog", identifier))

    def _fire(self, domain: Domain) -> None:
        self.forget(domain)
        assert self.fired is not None, "nobody listens to the watchdogs"
        self.fired(domain)

    def check(self, known: Collection[Domain]) -> None:
        """Only domains that run have timers."""
        for domain in self._timers:
            assert domain in known, f"domain {domain.domid} does not run and has a watchdog"
