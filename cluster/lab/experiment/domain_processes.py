"""The processes of one host's domains: which of them runs, is paused, hangs or has ended.

Rules: a domain's identity is the name of the link to the hypervisor that is made for it here. An address is
not used again before its last process has ended. One that has ended is remembered until the host boots.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from actors.abi.interface import ShutdownReason
from actors.address import Address, domain_actor, spare_actor
from actors.messages import ConsoleInput, DomainEvent, PromoteSpare, StartDomain, StartSpare
from actors.runtime.machine import Connect, Effect, Freeze, Kill, Rename, Send, Thaw
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.resolved_domains import GuestId, ResolvedGuest
from cluster.lab.experiment.domain_kinds import Argument, Residents, spare_of

ENDINGS: Final = ("shutdown", "dying", "destroyed")
SPARE_ENDINGS: Final = ("dying", "destroyed")
"""That a spare has suspended is no end of it."""

Spawner = Callable[[str, str, Argument], None]


@dataclass(slots=True)
class DomainProcess:
    """The process of one incarnation of a domain; `guest`: which one it is, if it is one.

    A `spare` is to be the next incarnation; its name and its address are then those of the domain.
    """

    domid: int
    incarnation: int
    name: str
    address: str
    started_at_ns: int
    guest: ResolvedGuest | None = None
    state: str = "running"
    stop_wanted: bool = False
    shutdown_reason: int | None = None
    spare: bool = False


@dataclass(frozen=True, slots=True)
class DomainChange:
    """What the hypervisor said of a domain, or what became of its process."""

    host: str
    name: str
    domid: int
    incarnation: int
    what: str
    reason: int
    at_ns: int
    guest_id: GuestId | None = None
    spare: bool = False


class DomainProcesses:
    """Those of one host: the last one of each domain, and the `spares` by the number that they wait for.

    `boots`: how often a domain was started, by name, a spare when it is promoted; `promotions`: only that.

    `hypervisor` is the address of theirs; `spawn(address, program, argument)` starts a process; `changed` is
    told what becomes of each.
    """

    def __init__(
        self,
        host: ResolvedHost,
        hypervisor: str,
        emit: Callable[[Effect], None],
        spawn: Spawner,
        changed: Callable[[DomainChange], None],
    ) -> None:
        self.by_domid: Final[dict[int, DomainProcess]] = {}
        self.spares: Final[dict[int, DomainProcess]] = {}
        self.boots: Final[Counter[str]] = Counter()
        self.promotions: Final[Counter[str]] = Counter()
        self._host = host
        self._hypervisor = hypervisor
        self._emit = emit
        self._spawn = spawn
        self._changed = changed
        self._residents = Residents(host)

    def __iter__(self) -> Iterator[DomainProcess]:
        return iter(self.by_domid.values())

    def clear(self) -> None:
        """Nothing is left of them: the host boots."""
        self.by_domid.clear()
        self.spares.clear()

    def start(self, message: StartDomain, boot: int, now_ns: int) -> None:
        """Start one, and wire it to the hypervisor and to the devices that it drives."""
        domid, host = message.domid, self._host
        link = domain_actor(domid)
        address = str(Address(host.name, link))
        resident = self._residents.find(domid, message.handle)
        name, kind = resident.name, resident.kind
        domain = DomainProcess(domid, message.incarnation, name, address, now_ns, resident.guest)
        self.by_domid[domid] = domain
        self.boots[name] += 1
        who: Argument = {"domid": domid, "extents": message.extents, "name": name}
        self._spawn(address, kind.program, {**who, **kind.told(host, boot)})
        self._wire(domain)
        self._report(domain, "started", 0, now_ns)

    def _wire(self, domain: DomainProcess) -> None:
        link, host = domain_actor(domain.domid), self._host
        for device in host.driven_by(domain.name):
            self._emit(Connect(str(Address(host.name, device)), link, domain.address, device))
        self._emit(Connect(self._hypervisor, link, domain.address, "xen"))

    def start_spare(self, message: StartSpare, boot: int, now_ns: int) -> None:
        """Start the next life of a domain beside it, and wire it to the hypervisor alone."""
        domid, actor = message.domid, spare_actor(message.domid)
        address = str(Address(self._host.name, actor))
        resident = self._residents.find(domid, message.handle)
        name = spare_of(resident.name)
        spare = DomainProcess(domid, message.incarnation, name, address, now_ns, spare=True)
        self.spares[domid] = spare
        who: Argument = {"domid": domid, "extents": message.extents, "name": name, "spare": True}
        self._spawn(address, resident.kind.program, {**who, **resident.kind.told(self._host, boot)})
        self._emit(Connect(self._hypervisor, actor, address, "xen"))
        self._report(spare, "started", 0, now_ns)

    def promote(self, message: PromoteSpare, now_ns: int) -> DomainProcess | None:
        """A spare is the domain from now on: named, addressed and wired like it. None if it has ended."""
        spare = self.spares.get(message.domid)
        if spare is None or spare.incarnation != message.incarnation or spare.state == "ended":
            return None
        del self.spares[spare.domid]
        address = str(Address.domain(self._host.name, spare.domid))
        self._emit(Rename(spare.address, address))
        spare.name = self.by_domid[spare.domid].name
        spare.address, spare.spare, spare.started_at_ns = address, False, now_ns
        spare.state = "running" if spare.state == "parked" else spare.state
        self.by_domid[spare.domid] = spare
        self.boots[spare.name] += 1
        self.promotions[spare.name] += 1
        self._wire(spare)
        self._report(spare, "started", 0, now_ns)
        return spare

    def stop(self, domid: int, incarnation: int) -> bool:
        """Have one end for good; False if it does not run."""
        domain = self._incarnation(domid, incarnation)
        if domain is None or domain.state == "ended":
            return False
        domain.stop_wanted = True
        self._emit(Kill(domain.address))
        return True

    def pause(self, domid: int, *, paused: bool) -> None:
        """Have one stand still, or go on; one that hangs does neither."""
        domain = self.by_domid.get(domid)
        if domain is not None and domain.state in {"running", "paused"}:
            domain.state = "paused" if paused else "running"
            self._emit(Freeze(domain.address) if paused else Thaw(domain.address))

    def told(self, event: DomainEvent, now_ns: int) -> None:
        """What the hypervisor says of one; that it is created or starts is known, since it is done here."""
        domain = self._incarnation(event.domid, event.incarnation)
        if domain is not None and domain.spare and event.what == "shutdown" and domain.state == "running":
            domain.state = "parked" if event.reason == ShutdownReason.suspend else "running"
        if domain is not None and event.what in (SPARE_ENDINGS if domain.spare else ENDINGS):
            if event.what == "shutdown" and event.reason != ShutdownReason.suspend:  # it goes on after that
                domain.shutdown_reason = event.reason
            self._report(domain, event.what, event.reason, now_ns)

    def ended(self, address: str, status: int, now_ns: int) -> DomainProcess | None:
        """A process of the host has ended: that of which domain, if it is one's."""
        domain = self.at(address)
        if domain is None or domain.state == "ended":
            return None
        domain.state = "ended"
        self._report(domain, "ended", status, now_ns)
        return domain

    def runs(self, domid: int) -> bool:
        """Whether a domain of this number has a process."""
        domain = self.by_domid.get(domid)
        return domain is not None and domain.state != "ended"

    def find(self, name: str) -> DomainProcess | None:
        """The running domain of this name (`dom0`, `xenstore`, a guest's name), or None."""
        for domain in chain(self.by_domid.values(), self.spares.values()):
            if domain.name == name and domain.state != "ended":
                return domain
        return None

    @property
    def everyone(self) -> list[DomainProcess]:
        """The domains, and the spares."""
        return [*self.by_domid.values(), *self.spares.values()]

    @property
    def spare_state(self) -> str:
        """Of dom0: `running` (it boots), `parked`, `hung` or `gone`; `none` if there is to be none."""
        if not self._host.architecture.spare.is_there:
            return "none"
        spare = self.spares.get(0)
        return "gone" if spare is None or spare.state == "ended" else spare.state

    def _incarnation(self, domid: int, incarnation: int) -> DomainProcess | None:
        found = (self.by_domid.get(domid), self.spares.get(domid))
        return next((each for each in found if each is not None and each.incarnation == incarnation), None)

    def at(self, address: str) -> DomainProcess | None:
        """The domain that has this address, or had it last."""
        place = Address.parse(address)
        if place.waits_for is not None:  # one that ended as it was promoted is still told of by that name
            return self.spares.get(place.waits_for) or self.by_domid.get(place.waits_for)
        return None if place.domid is None else self.by_domid.get(place.domid)

    def name_of(self, domid: int) -> str | None:
        """What a domain is called, if it has ever run."""
        domain = self.by_domid.get(domid)
        return None if domain is None else domain.name

    def guest_at(self, domid: int) -> GuestId | None:
        """The guest that has this number, or had it last."""
        domain = self.by_domid.get(domid)
        return domain.guest.guest_id if domain is not None and domain.guest is not None else None

    def type_on_console(self, name: str, text: str) -> bool:
        """Type a line on a domain's serial console; False if it does not run."""
        domain = self.find(name)
        if domain is None:
            return False
        self._emit(Send(domain.address, ConsoleInput(text)))
        return True

    def crash(self, domain: DomainProcess) -> None:
        """SIGKILL: the domain stops between two instructions."""
        self._emit(Kill(domain.address))

    def hang(self, domain: DomainProcess) -> None:
        """SIGSTOP: the domain runs no more, but nothing closes."""
        domain.state = "hung"
        self._emit(Freeze(domain.address))

    def unhang(self, domain: DomainProcess) -> None:
        """SIGCONT: the domain runs on where it was stopped."""
        if domain.state == "hung":
            domain.state = "running"
            self._emit(Thaw(domain.address))

    def freeze_again(self) -> None:
        """Somebody stopped everything and let it go on, what was stopped here included."""
        for domain in self.everyone:
            if domain.state in {"hung", "paused"}:
                self._emit(Freeze(domain.address))

    def _report(self, domain: DomainProcess, what: str, reason: int, now_ns: int) -> None:
        guest_id = domain.guest.guest_id if domain.guest is not None else None
        who = (self._host.name, domain.name, domain.domid, domain.incarnation)
        self._changed(DomainChange(*who, what, reason, now_ns, guest_id, domain.spare))
