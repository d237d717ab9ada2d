"""Domain watchdogs: two timers a domain, and whose has run out.

Rules: a domain that does not set its timer again in time has hung; what then happens is decided by
the life cycle. Source: xen/common/schedule.c (domain_watchdog).
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.hypervisor.domains import Domain

TIMERS_PER_DOMAIN: Final = 2
NS_PER_S: Final = 1_000_000_000


class Watchdog:
    """The watchdog timers of all domains."""

    def __init__(self) -> None:
        self._timers: dict[Domain, dict[int, int]] = {}
        self.next_ns: int | None = None

    def set(self, domain: Domain, identifier: int, timeout_s: int, now_ns: int) -> int:
        """Timer `identifier` is to run out in `timeout_s`; 0 makes a new one and returns its identifier.

        A timeout of 0 stops a timer. EINVAL for an identifier that is not in use, ENOSPC for a third timer.
        """
        timers = self._timers.get(domain, {})
        made = 0
        if identifier == 0:
            free = [each for each in range(1, TIMERS_PER_DOMAIN + 1) if each not in timers]
            if not free:
                raise XenError(Errno.ENOSPC, f"domain {domain.domid} has {TIMERS_PER_DOMAIN} watchdogs")
            identifier = made = free[0]
        elif identifier not in timers:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} has no watchdog {identifier}")
        if timeout_s or made:
            timers[identifier] = now_ns + timeout_s * NS_PER_S
        else:
            del timers[identifier]
        self._timers[domain] = timers
        self._find_next()
        return made

    def forget(self, domain: Domain) -> None:
        """The domain does not run any more."""
        if self._timers.pop(domain, None) is not None:
            self._find_next()

    def expired(self, now_ns: int) -> list[Domain]:
        """The domains that have hung, once each."""
        hung = [
            domain for domain, timers in self._timers.items() if any(at <= now_ns for at in timers.values())
        ]
        for domain in hung:
            del self._timers[domain]
        self._find_next()
        return hung

    def _find_next(self) -> None:
        self.next_ns = min((at for timers in self._timers.values() for at in timers.values()), default=None)
