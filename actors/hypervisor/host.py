"""The tables of one host and how they are joined: what every group of hypercalls works on.

Rules: one instance a host; nothing here decides anything.
Source: xen/common/*.c, whose global variables these are.
"""

from typing import Final

from actors.abi.interface import Virq
from actors.hypervisor.agenda import Agenda
from actors.hypervisor.direct_events import DirectEvents
from actors.hypervisor.domains import Domain, Domains
from actors.hypervisor.event_channels import EventChannels, check_ports
from actors.hypervisor.frames import Extent, FrameTable
from actors.hypervisor.grants import Grants, check_grants
from actors.hypervisor.outbox import Outbox
from actors.hypervisor.pirqs import Pirqs
from actors.hypervisor.platform import Platform
from actors.hypervisor.pollers import Pollers
from actors.hypervisor.port_reset import PortReset
from actors.hypervisor.redirection_table import RedirectionTable
from actors.hypervisor.tmem import Tmem
from actors.hypervisor.vcpus import Vcpus
from actors.hypervisor.watchdog import Watchdog
from actors.runtime.memory import Memory

RESERVED_FRAMES: Final = 16


class Host:
    """The state of the hypervisor. `callers` are the domains that may make hypercalls, by link."""

    def __init__(self, platform: Platform, memory: Memory) -> None:
        self.platform = platform
        self.memory = memory
        self.outbox = Outbox()
        self.domains = Domains()
        reserved = RESERVED_FRAMES + platform.recovery_box_frames
        self.frames = FrameTable(memory, platform.nr_frames, reserved)
        self.grants = Grants(memory, self.frames)
        self.io_apic = RedirectionTable(platform, self.outbox)
        self.agenda = Agenda()
        self.pirqs = Pirqs(
            platform, self.io_apic, self.outbox, self.agenda, frames=self.frames, memory=memory
        )
        self.pollers = Pollers(self.outbox, self.agenda)
        self.events = EventChannels(
            self.outbox, self.pirqs.unbind, self.pollers, direct_links=platform.direct_links
        )
        self.direct_events = DirectEvents(memory)
        self.resets = PortReset(self.outbox, self.agenda, self.events)
        self.vcpus = Vcpus(self.outbox, self.agenda, self.events)
        self.watchdog = Watchdog(self.outbox, self.agenda)
        self.tmem = Tmem(memory, self.frames)
        self.frames.reclaim = self.tmem.evict
        self.outbox.ring.notify = lambda: self.events.raise_global(Virq.CON_RING)
        self.callers: dict[str, Domain] = {}
        self.sequence = 0
        self.stopped = False

    def check(self) -> None:
        """Every table is consistent in itself and with the others."""
        domains = self.domains.all()
        check_ports([domain.ports for domain in domains if not domain.ports.dying or domain.ports.channels])
        self.events.delegation.check([domain.ports for domain in domains])
        foreign: dict[int, int] = {}
        owned: list[Extent] = []
        for domain in domains:
            for mfn in domain.physmap.foreign.values():
                foreign[mfn] = foreign.get(mfn, 0) + 1
            extents = domain.physmap.extents()
            physmap = domain.physmap
            assert sum(count for _, _, count in extents) + len(physmap.aside) == physmap.pages, (
                f"pages of domain {domain.domid}"
            )
            owned.extend((mfn, count) for _, mfn, count in extents)
            owned.extend((mfn, 1) for mfn in physmap.aside)
            if physmap.shared_info is not None:
                owned.append((physmap.shared_info, 1))
            owned.extend((mfn, 1) for mfn in domain.grants.frames)
        self.pirqs.check(foreign)
        self.pirqs.check_ports([domain.ports for domain in domains])
        owned.extend(self.tmem.owned())
        check_grants([domain.grants for domain in domains], self.frames, foreign)
        self.frames.check(owned)
        assert self.frames.outstanding == sum(domain.physmap.outstanding for domain in domains), "claims"
        assert self.frames.outstanding <= self.frames.free_frames, "more is claimed than is free"
        for domain in domains:
            assert domain.target is None or domain.target in domains, f"domain {domain.domid}: target is gone"
            models = sum(each.target is domain for each in domains)
            assert models == domain.models, f"domain {domain.domid}: {domain.models} models, {models} found"
        for link, domain in self.callers.items():
            assert self.domains.get(domain.domid) is domain, f"{link} is a domain that is gone"
            assert not domain.is_dying, f"{link} is dying and makes hypercalls"
        self._check_lingering(domains)
        self._check_references(domains)

    def _check_references(self, domains: list[Domain]) -> None:
        """Nothing refers to a domain that is gone: no timer, no wait, no reset, no owner of a virq."""
        living = [domain for domain in domains if not domain.is_dying]
        tables = {domain.ports for domain in living}
        self.vcpus.check(tables)
        self.resets.check(tables)
        self.events.check_owners({domain.ports for domain in domains})
        self.watchdog.check(set(self.callers.values()))
        self.tmem.check({domain.physmap for domain in domains})

    def check_pending(self) -> None:
        """What any event may break: pending ports that are free, interrupts in flight that are not bound."""
        for domain in self.domains.all():
            ports = domain.ports
            assert ports.pending <= ports.channels.keys(), f"domain {domain.domid}: pending ports are free"
        self.pirqs.irqs.check()

    def _check_lingering(self, domains: list[Domain]) -> None:
        found: dict[int, int] = {}
        for owner in self.frames.lingering.values():
            found[id(owner)] = found.get(id(owner), 0) + 1
        for domain in domains:
            counted = found.pop(id(domain.physmap), 0)
            assert counted == domain.physmap.lingering, f"domain {domain.domid}: lingering frames"
        assert not found, "frames linger whose owner is gone"
