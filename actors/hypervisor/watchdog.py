"""Domain watchdogs: two timers a domain, and whose has run out.

Rules: a domain that does not set its timer again in time has hung; what then happens is decided by
the life cycle. Time in which Xen itself does not run passes for no domain, as in a suspended host: Xen looks
at its clock every `TICK_NS`; when it comes late to that, every timer is put off by as long as it was away.
Source: xen/common/schedule.c (domain_watchdog), xen/arch/x86/time.c (time_suspend, time_resume).
"""

from collections.abc import Callable, Collection
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.hypervisor.agenda import Agenda
from actors.hypervisor.domains import Domain
from actors.hypervisor.outbox import Outbox
from actors.runtime.units import NS_PER_S

TIMERS_PER_DOMAIN: Final = 2
TICK_NS: Final = 100_000_000
LATE_NS: Final = 100_000_000
NEVER: Final = 1 << 63
_TICK: Final = "watchdog tick"


class Watchdog:
    """The watchdog timers of all domains. `fired` is told which domain has hung.

    After `late_ns` Xen has not run for a while: `resume` comes before anything else then.
    """

    def __init__(self, outbox: Outbox, agenda: Agenda) -> None:
        self._outbox = outbox
        self._agenda = agenda
        self._timers: dict[Domain, dict[int, int]] = {}
        self._ticked_ns = 0
        self.late_ns = NEVER
        self.fired: Callable[[Domain], None] | None = None

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
        self._timers[domain] = timers
        if timeout_s or made:
            self._arm(domain, identifier, now_ns + timeout_s * NS_PER_S)
        else:
            del timers[identifier]
            self._agenda.cancel((domain, "watchdog", identifier))
        self._keep_ticking()
        return made

    def resume(self, now_ns: int) -> None:
        """Xen runs again after it has not: whatever waits to be heard is heard before a domain has hung."""
        away_ns = now_ns - self._ticked_ns
        for domain, timers in self._timers.items():
            for identifier, at_ns in timers.items():
                self._arm(domain, identifier, at_ns + away_ns)
        self._outbox.log(f"Xen has not run for {away_ns / NS_PER_S:.1f} s: watchdogs are put off")
        self._tick()

    def forget(self, domain: Domain) -> None:
        """The domain does not run any more."""
        for identifier in self._timers.pop(domain, {}):
            self._agenda.cancel((domain, "watchdog", identifier))
        self._keep_ticking()

    def _arm(self, domain: Domain, identifier: int, at_ns: int) -> None:
        self._timers[domain][identifier] = at_ns
        self._agenda.set((domain, "watchdog", identifier), at_ns, lambda: self._fire(domain))

    def _keep_ticking(self) -> None:
        """Look at the clock for as long as there is a timer."""
        if not any(self._timers.values()):
            self._agenda.cancel(_TICK)
            self.late_ns = NEVER
        elif self.late_ns == NEVER:
            self._tick()

    def _tick(self) -> None:
        self._ticked_ns = self._outbox.now_ns
        self.late_ns = self._ticked_ns + TICK_NS + LATE_NS
        self._agenda.set(_TICK, self._ticked_ns + TICK_NS, self._tick)

    def _fire(self, domain: Domain) -> None:
        self.forget(domain)
        assert self.fired is not None, "nobody listens to the watchdogs"
        self.fired(domain)

    def check(self, known: Collection[Domain]) -> None:
        """Only domains that run have timers, and Xen looks at its clock while there are any."""
        for domain in self._timers:
            assert domain in known, f"domain {domain.domid} does not run and has a watchdog"
        assert any(self._timers.values()) == (self.late_ns != NEVER), "Xen does not look at its clock"
