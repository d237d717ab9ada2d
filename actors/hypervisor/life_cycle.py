"""Birth, running, shutdown and death of domains.

Rules: nothing of a domain is released while its process may run: StopDomain, then DomainStopped,
then the release: ports, interrupts, grant mappings, foreign pages, memory. What that means for the machine
if it was dom0 is told to those who decide it (`hardware_domain`).
Source: xen/common/{domain,shutdown}.c.
"""

import contextlib
from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.interface import ShutdownReason, Virq
from actors.hypervisor.domains import HARDWARE_DOMID, Domain, Life
from actors.hypervisor.grant_table import GrantRefusal, GrantTable
from actors.hypervisor.host import Host
from actors.hypervisor.outbox import SUPERVISOR, link_of, spare_link_of
from actors.hypervisor.physmap import Physmap
from actors.hypervisor.pirq_map import PirqMap
from actors.hypervisor.ports import PortTable
from actors.messages import (
    DomainEvent,
    PauseDomain,
    StartDomain,
    StartSpare,
    StopDomain,
)

MAX_PAUSES: Final = 255


class LifeCycle:
    """Moves domains along their lives.

    Of dom0, and of a spare of it, `hardware_stopped` is told when it has stopped, with the reason, and
    `hardware_gone` when all that it had is released.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.zombies: list[Domain] = []
        self.hardware_stopped: Callable[[Domain, int], None] = lambda _domain, _reason: None
        self.hardware_gone: Callable[[Domain], None] = lambda _domain: None

    def create(
        self,
        domid: int,
        *,
        handle: bytes,
        flags: int,
        max_vcpus: int,
        max_port: int,
        grant_frames: int,
        maptrack_frames: int,
        spare: bool = False,
    ) -> Domain:
        """domain_create: a new domain, paused, without memory or vcpus. ENOMEM for its first grant frame.

        A `spare` is to have this number when it is promoted.
        """
        host, platform = self._host, self._host.platform
        hardware = domid == HARDWARE_DOMID
        physmap = Physmap(domid, 0)
        grants = GrantTable(domid, physmap, grant_frames, maptrack_frames)
        try:
            host.grants.grow(grants, 1)
        except GrantRefusal as error:
            raise XenError(Errno.ENOMEM, str(error)) from error
        nr_pirqs = platform.dom0_nr_pirqs if hardware else platform.domu_nr_pirqs
        domain = Domain(
            domid=domid,
            incarnation=host.domains.next_incarnation(domid),
            handle=handle,
            flags=flags,
            max_vcpus=max_vcpus,
            physmap=physmap,
            ports=PortTable(domid, min(max_port, platform.release.max_ports - 1)),
            grants=grants,
            pirqs=PirqMap(nr_pirqs, platform.nr_gsis, hardware),
            link=spare_link_of(domid) if spare else link_of(domid),
            spare=spare,
        )
        host.domains.add(domain)
        host.pirqs.adopt(domain.ports, domain.pirqs)
        self._tell(domain, "created")
        return domain

    def pause(self, domain: Domain) -> None:
        """domain_pause_by_systemcontroller: count one more pause. EOVERFLOW past 255."""
        if domain.pause_count >= MAX_PAUSES:
            raise XenError(Errno.EOVERFLOW, f"domain {domain.domid} is paused {MAX_PAUSES} times")
        domain.pause_count += 1
        self._hold(domain)

    def unpause(self, domain: Domain) -> None:
        """domain_unpause_by_systemcontroller: one pause less; with the last one it runs. EINVAL."""
        if not domain.pause_count:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} is not paused")
        domain.pause_count -= 1
        if not domain.pause_count and domain.life is Life.CREATED and domain.physmap.pages:
            self.start(domain)
        self._hold(domain)

    def start(self, domain: Domain) -> None:
        """It has all that it needs: have its process started."""
        # vcpus that the toolstack did not ask for come with the start.
        domain.ports.nr_vcpus = domain.max_vcpus
        domain.online = set(range(domain.max_vcpus))
        domain.step("start")
        domain.has_process = True
        domain.started_ns = self._host.outbox.now_ns
        extents = [list(extent) for extent in domain.physmap.extents()]
        message = StartSpare if domain.spare else StartDomain
        self._send(message(domain.domid, domain.incarnation, domain.handle, extents))

    def link_opened(self, domain: Domain) -> bool:
        """The domain's process is there; False if nobody waits for it."""
        if not domain.can("linked"):
            return False
        domain.step("linked")
        domain.linked = True
        if not domain.spare:
            self._host.callers[domain.link] = domain
            self._host.events.attach(domain.ports, domain.link)
        self._tell(domain, "started")
        self._return_from_suspend(domain)
        return True

    def _return_from_suspend(self, domain: Domain) -> None:
        if domain.suspended_call:
            self._host.outbox.answer(domain.link, domain.suspended_call, 0)
            domain.suspended_call = 0

    def promote(self, domain: Domain) -> None:
        """A spare that is parked gets the number of the dead; it goes on when it has a link of that name."""
        spare_link = domain.link
        domain.step("promote")
        domain.reason = domain.shutdown_code = None
        domain.linked = False
        domain.link = link_of(domain.domid)
        self._host.domains.promote(domain)
        unanswered = self._host.outbox.unanswered
        unanswered[domain.link] = unanswered.pop(spare_link, 0)

    def link_closed(self, domain: Domain) -> None:
        """The domain's process has gone away: a crash, unless it was to end."""
        domain.linked = False
        if domain.life is Life.RUNNING:
            self.shutdown(domain, ShutdownReason.crash)
        elif domain.spare:
            self.kill(domain)

    def process_ended(self, domid: int, incarnation: int) -> None:
        """The supervisor reports that a domain's process does not run any more."""
        domain = self._host.domains.incarnation(domid, incarnation)
        if domain is None or not domain.has_process:
            return
        domain.has_process = domain.linked = domain.held = domain.ports.paused = False
        if domain.life is Life.DYING:
            self._release(domain)
        else:
            self.shutdown(domain, ShutdownReason.crash)

    def shutdown(self, domain: Domain, reason: int, *, by_itself: bool = False) -> None:
        """domain_shutdown: the domain has stopped; the first reason counts. It is kept for its toolstack."""
        if not domain.can("shutdown"):
            return
        domain.step("shutdown")
        domain.reason = reason = reason if domain.shutdown_code is None else domain.shutdown_code
        self.silence(domain)
        self._tell(domain, "shutdown", reason)
        if domain.is_hardware or domain.spare:
            self.hardware_stopped(domain, reason)
            return
        if not by_itself:
            self._hold(domain)
        if reason == ShutdownReason.suspend and domain.suspend_port:
            self._send_suspended(domain)
        else:
            self._host.events.raise_global(Virq.DOM_EXC)

    def _send_suspended(self, domain: Domain) -> None:
        # __domain_finalise_shutdown does not look at what evtchn_send returns: the port may be closed.
        with contextlib.suppress(XenError):
            self._host.events.send(domain.ports, domain.suspend_port)

    def watchdog_fired(self, domain: Domain) -> None:
        """A domain has hung."""
        self.shutdown(domain, ShutdownReason.watchdog)

    def resume(self, domain: Domain) -> None:
        """domain_resume: let a domain that has shut down go on. EINVAL if it cannot."""
        if domain.life is not Life.SHUTDOWN:
            return
        if not domain.linked:
            raise XenError(Errno.EINVAL, f"domain {domain.domid} has nothing left to resume")
        domain.step("resume")
        domain.reason = domain.shutdown_code = None
        self._host.callers[domain.link] = domain
        self._host.events.attach(domain.ports, domain.link)
        self._host.vcpus.resume(domain.ports)
        self._hold(domain)
        self._return_from_suspend(domain)

    def kill(self, domain: Domain) -> None:
        """domain_kill: at once if the domain has no process, else as soon as that has ended."""
        if not domain.can("kill"):
            return
        domain.step("kill")
        domain.ports.dying = domain.grants.dying = True
        self._host.frames.claim(domain.physmap, 0)
        self.silence(domain)
        self._host.vcpus.forget(domain.ports)
        self._host.resets.forget(domain.ports)
        self._tell(domain, "dying")
        if domain.has_process:
            self._send(StopDomain(domain.domid, domain.incarnation))
        else:
            self._release(domain)

    def reap(self) -> None:
        """complete_domain_destroy, for the zombies that nobody holds any more."""
        for domain in [each for each in self.zombies if not each.is_zombie]:
            self.zombies.remove(domain)
            self._bury(domain)
            self._host.events.raise_global(Virq.DOM_EXC)

    def _release(self, domain: Domain) -> None:
        host = self._host
        host.direct_events.forget(domain)
        host.events.forget(domain.ports)
        host.pirqs.forget(domain.ports)
        host.grants.release_mappings(domain.grants)
        host.tmem.forget(domain.physmap)
        for gfn in sorted(domain.physmap.foreign):
            host.frames.put(domain.physmap.foreign.pop(gfn))
        host.frames.release(domain.physmap.clear(), domain.physmap)
        if domain.target is not None:
            domain.target.models -= 1
            domain.target = None
        host.outbox.unanswered.pop(domain.link, None)
        domain.step("released")
        if domain.is_zombie:
            self.zombies.append(domain)
            host.domains.bury(domain)
        else:
            self._bury(domain)
        self._tell(domain, "destroyed")
        for waiter, sequence in domain.waiting:
            if host.callers.get(waiter.link) is waiter:
                host.outbox.answer(waiter.link, sequence, 0)
        domain.waiting.clear()
        self.reap()
        host.events.raise_global(Virq.DOM_EXC)
        if domain.is_hardware or domain.spare:
            self.hardware_gone(domain)

    def _bury(self, domain: Domain) -> None:
        self._host.grants.release_table(domain.grants)
        if domain.physmap.shared_info is not None:
            self._host.frames.release([(domain.physmap.shared_info, 1)], domain.physmap)
            domain.physmap.shared_info = None
        self._host.domains.bury(domain)

    def silence(self, domain: Domain) -> None:
        """It is not listened to any more, and hears nothing."""
        self._host.callers.pop(domain.link, None)
        self._host.watchdog.forget(domain)
        self._host.pollers.release(domain.ports)
        self._host.events.delegation.withdraw_all(domain.ports)
        domain.ports.link = None

    def _hold(self, domain: Domain) -> None:
        wanted = domain.pause_count > 0 or domain.life is Life.SHUTDOWN
        if domain.has_process and domain.held != wanted:
            domain.held = domain.ports.paused = wanted
            self._host.events.delegation.review_all(domain.ports)
            self._send(PauseDomain(domain.domid, wanted))

    def _tell(self, domain: Domain, what: str, reason: int = 0) -> None:
        self._send(DomainEvent(domain.domid, domain.incarnation, what, reason))

    def _send(self, message: object) -> None:
        self._host.outbox.send(SUPERVISOR, message)
