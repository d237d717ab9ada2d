"""The hypervisor's machine: messages of domains, of the IO-APIC and of the board in, effects out.

Rules: a domain is who its link says it is. A message that its sender may not send costs it the link,
and a domain that has lost its link has crashed. A domain that does not run is not listened to.
Source: xen/common/{event_channel,shutdown}.c for what a message sets off; the messages are ours.
Left out: memory is shared by discipline, so what a domain does with frames is not seen here.
"""

from actors.abi.errno import Errno, XenError
from actors.abi.interface import Virq
from actors.event_messages import OfferTaken
from actors.hypervisor.direct_events import DirectCount
from actors.hypervisor.domain_info import state_letters
from actors.hypervisor.domains import Domain, Life
from actors.hypervisor.hardware_domain import SPARE_CALLS, HardwareDomain
from actors.hypervisor.host import Host
from actors.hypervisor.hypercall_table import HypercallTable
from actors.hypervisor.life_cycle import LifeCycle
from actors.hypervisor.outbox import IOAPIC, SUPERVISOR
from actors.hypervisor.platform import Platform
from actors.hypervisor.statistics import DomainStatistics, HypervisorStatistics
from actors.messages import (
    ConsoleInput,
    DomainStopped,
    GrantRevoke,
    Hypercall,
    HypercallReply,
    InterruptVector,
    UpcallTaken,
)
from actors.runtime.machine import (
    CloseLink,
    DeadlinePassed,
    Effect,
    Event,
    Exit,
    LinkClosed,
    LinkOpened,
    Machine,
    Received,
    Send,
)
from actors.runtime.memory import Memory


class Hypervisor(Machine):
    """The machine. It boots dom0 once the links to the board (and to the IO-APIC) are there."""

    def __init__(self, argument: dict[str, object], memory: Memory) -> None:
        """ValueError for an argument that describes no machine."""
        self._platform = Platform.parse(argument, memory.nr_frames)
        self._host = Host(self._platform, memory)
        self._lives = LifeCycle(self._host)
        self._hardware = HardwareDomain(self._host, self._lives)
        self._zombies = self._lives.zombies
        self._table = HypercallTable(self._host, self._lives)
        self._shallow = self._table.shallow
        self._callers = self._host.callers
        self._events = self._host.events
        self._irqs = self._host.pirqs.irqs
        self._outbox = self._host.outbox
        self._agenda = self._host.agenda
        self._watchdog = self._host.watchdog
        self._watchdog.fired = self._watchdog_fired
        self._links: set[str] = set()
        self._violations = 0
        self._tables_touched = True

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """One event. Part of the machine's contract, as are the four below."""
        outbox = self._outbox
        outbox.now_ns = now_ns
        effects: list[Effect] = []
        outbox.effects = effects
        if now_ns > self._watchdog.late_ns:
            self._watchdog.resume(now_ns)
        if type(event) is Received:
            message = event.message
            caller = self._callers.get(event.link)
            if caller is None:
                self._receive(event.link, message)
            elif type(message) is Hypercall:
                taken = message.upcalls_taken
                if not taken or self._events.upcalls_taken(caller.ports, taken):
                    self._hypercall(caller, message, effects)
                else:
                    self._refuse(caller, message)
            else:
                self._domain_message(caller, message)
        else:
            self._notice(event, now_ns)
        if self._events.raised:
            self._events.deliver()
        return effects

    def next_deadline_ns(self) -> int | None:
        """When the next timer, wait or watchdog runs out, or an interrupt is to be ended by force."""
        return None if self._host.stopped else self._agenda.next_ns

    def check(self) -> None:
        """Ports, grants, frames and interrupts are consistent."""
        self._host.check()

    def check_turn(self) -> None:
        """The same of what the last turn touched: often no more than pending events."""
        if self._tables_touched:
            self._tables_touched = False
            self._host.check()
        else:
            self._host.check_pending()

    @property
    def memory(self) -> Memory:
        """Machine memory, for whoever looks on."""
        return self._host.memory

    def owned_frames(self) -> dict[int, list[tuple[int, int]]]:
        """The machine frames of each domain as (first, count), for whoever looks on."""
        return {
            domain.domid: [(mfn, count) for _, mfn, count in domain.physmap.extents()]
            for domain in self._host.domains.all()
            if not domain.spare
        }

    def granted_frame(self, domid: int, ref: int) -> int | None:
        """The machine frame that a domain grants by this reference, if it does, for whoever looks on."""
        domain = self._host.domains.get(domid)
        gfn = domain.grants.granted(ref) if domain is not None else None
        return domain.physmap.mfn(gfn) if domain is not None and gfn is not None else None

    def statistics(self) -> HypervisorStatistics:
        """Counters and gauges."""
        host, events, domains = self._host, self._events, self._host.domains.all()
        direct = host.direct_events.total(domains)
        return HypervisorStatistics(
            hypercalls=self._host.domains.hypercalls(),
            events_sent=events.sent + direct.sent,
            upcalls=events.upcalls + direct.taken,
            interrupts=self._irqs.interrupts,
            spurious_interrupts=self._irqs.spurious,
            interrupts_ended=self._irqs.ended,
            domains=[
                _row(domain, self._outbox.unanswered.get(domain.link, 0), host.direct_events.of(domain))
                for domain in domains
                if not domain.spare
            ],
            ports=sum(len(domain.ports.channels) for domain in domains),
            grants_mapped=host.grants.mapped,
            interrupts_forced=self._irqs.forced,
            pirqs_bound=len(self._irqs.bindings()),
            frames_free=host.frames.free_frames,
            frames_used=host.frames.nr_frames - host.frames.free_frames,
            frames_lingering=len(host.frames.lingering),
            frames_reserved=host.frames.reserved,
            foreign_frames=sum(len(domain.physmap.foreign) for domain in domains),
            violations=self._violations,
            dom0_boots=self._hardware.boots,
        )

    def _hypercall(self, caller: Domain, message: Hypercall, effects: list[Effect]) -> None:
        call = self._shallow.get((message.number, message.command))
        if call is None:
            call = self._table.find(message.number, message.command)
            self._tables_touched = True
        caller.hypercalls[call.name] += 1
        self._host.sequence = sequence = message.sequence
        try:
            result = call.method(caller, message.arguments)
        except XenError as error:
            caller.hypercalls_refused += 1
            effects.append(Send(caller.link, HypercallReply(sequence, -error.errno.value, None)))
            return
        if isinstance(result, int):
            if sequence or result < 0:
                if result < 0:
                    caller.hypercalls_refused += 1
                effects.append(Send(caller.link, HypercallReply(sequence, result, None)))
        elif result is None:
            self._outbox.unanswered[caller.link] += 1
        elif sequence or result[0] < 0:
            if result[0] < 0:
                caller.hypercalls_refused += 1
            effects.append(Send(caller.link, HypercallReply(sequence, result[0], result[1])))
        if self._zombies:
            self._lives.reap()

    def _domain_message(self, caller: Domain, message: object) -> None:
        if isinstance(message, UpcallTaken) and self._events.upcalls_taken(caller.ports, message.count):
            return
        self._tables_touched = True
        if isinstance(message, GrantRevoke):
            ret = 0
            try:
                caller.grants.revoke(message.ref)
            except XenError as error:
                caller.hypercalls_refused += 1
                ret = -int(error.errno)
            self._outbox.send(caller.link, HypercallReply(message.sequence, ret, None))
        elif isinstance(message, OfferTaken) and self._events.delegation.enabled:
            self._events.delegation.taken(caller.ports, message.port, message.generation)
        else:
            self._refuse(caller, message)

    def _refuse(self, caller: Domain, message: object) -> None:
        """A domain has broken the protocol, and crashes of it."""
        self._tables_touched = True
        self._violation(caller.link, message)
        self._lives.link_closed(caller)

    def _receive(self, link: str, message: object) -> None:
        """A message of a link that is no running domain's."""
        if self._host.stopped:
            return
        if isinstance(message, InterruptVector) and self._may_raise(link, message.vector):
            self._irqs.interrupt(self._events, message.vector)
            return
        self._tables_touched = True
        if link == SUPERVISOR and isinstance(message, DomainStopped):
            self._lives.process_ended(message.domid, message.incarnation)
        elif link == SUPERVISOR and isinstance(message, ConsoleInput):
            self._outbox.ring.type(message.text)
            self._events.raise_global(Virq.CONSOLE)
        elif (domain := self._host.domains.by_link(link)) is None:
            self._violation(link, message)
        elif domain.spare:
            self._spare_message(domain, message)
        elif isinstance(message, UpcallTaken | Hypercall):
            # Taken before it heard that it is suspended: what is pending waits for the resume.
            taken = message.count if isinstance(message, UpcallTaken) else message.upcalls_taken
            self._events.upcalls_taken(domain.ports, taken)

    def _spare_message(self, spare: Domain, message: object) -> None:
        """A spare is not among those who may call; it has the little that it needs."""
        if not isinstance(message, Hypercall):
            self._refuse(spare, message)
        elif spare.life is not Life.RUNNING:
            pass  # it is parked, or dying
        elif (message.number, message.command) in SPARE_CALLS:
            self._hypercall(spare, message, self._outbox.effects)
        else:
            self._outbox.send(spare.link, HypercallReply(message.sequence, -Errno.EPERM, None))

    def _may_raise(self, link: str, vector: int) -> bool:
        """Whether this is the IO-APIC, or a device raises a message that Xen has written into it."""
        if link == IOAPIC:
            return True
        device = self._host.pirqs.pci.by_link(link)
        return device is not None and any(each.vector == vector for each in device.entries.values())

    def _notice(self, event: Event, now_ns: int) -> None:
        self._tables_touched = True
        if self._host.stopped and not isinstance(event, LinkClosed):
            return
        if isinstance(event, LinkOpened):
            self._link_opened(event.link)
        elif isinstance(event, LinkClosed):
            self._link_closed(event.link, event.reason)
        elif isinstance(event, DeadlinePassed):
            for action in self._agenda.expired(now_ns):
                action()

    def _watchdog_fired(self, domain: Domain) -> None:
        self._outbox.log(f"Watchdog timer of d{domain.domid} has run out")
        self._lives.watchdog_fired(domain)

    def _link_opened(self, link: str) -> None:
        if link in {SUPERVISOR, IOAPIC}:
            self._links.add(link)
            if link == IOAPIC:
                self._irqs.chip_plugged()
            wanted = {SUPERVISOR, IOAPIC} if self._platform.ioapic else {SUPERVISOR}
            if not self._hardware.boots and wanted <= self._links:
                self._hardware.boot()
            return
        device = self._host.pirqs.pci.by_link(link)
        if device is not None:
            device.plugged = True
            self._host.pirqs.msi.restore(device)
            return
        domain = self._host.domains.by_link(link)
        if domain is None or not self._lives.link_opened(domain):
            self._outbox.effects.append(CloseLink(link, "no domain waits for this link"))

    def _link_closed(self, link: str, reason: str) -> None:
        self._links.discard(link)
        if link == SUPERVISOR:
            self._outbox.effects.append(Exit(f"the board is gone: {reason}"))
        elif link == IOAPIC:
            self._host.io_apic.plugged = False
            self._outbox.log(f"IO-APIC lost: {reason}")
        elif (device := self._host.pirqs.pci.by_link(link)) is not None:
            device.plugged = False
        else:
            domain = self._host.domains.by_link(link)
            if domain is not None and domain.linked:
                self._lives.link_closed(domain)

    def _violation(self, link: str, message: object) -> None:
        self._violations += 1
        what = type(message).__name__
        self._outbox.log(f"{link} sent {what}, which it may not: link closed")
        self._outbox.effects.append(CloseLink(link, f"{what} is not for {link} to send"))


def _row(domain: Domain, unanswered: int, direct: DirectCount) -> DomainStatistics:
    return DomainStatistics(
        domid=domain.domid,
        incarnation=domain.incarnation,
        handle=domain.handle.hex(),
        state=state_letters(domain),
        life=domain.life.name.lower(),
        reason=-1 if domain.reason is None else domain.reason,
        pages=domain.physmap.pages,
        vcpus=domain.nr_vcpus,
        ports=len(domain.ports.channels),
        ports_pending=len(domain.ports.pending),
        grants_mapped=len(domain.grants.maptrack),
        grants_in_use=len(domain.grants.pins),
        frames=domain.physmap.pages + domain.physmap.lingering + len(domain.grants.frames),
        hypercalls=dict(domain.hypercalls),
        hypercall_exits=sum(domain.hypercalls.values()) - unanswered,
        hypercalls_refused=domain.hypercalls_refused,
        events_sent=domain.ports.sent + direct.sent,
        upcalls=domain.ports.upcalls + direct.taken,
        upcalls_taken=domain.ports.upcalls_taken + direct.taken,
        interrupts={str(gsi): count for gsi, count in domain.ports.interrupts.items()},
        interrupts_ended={str(gsi): count for gsi, count in domain.ports.interrupts_ended.items()},
    )
