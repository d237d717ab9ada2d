"""Domains: one record for each incarnation, and who is known under which id.

Rules: a life is a walk over the table below; a missing entry is not a life. A domain that is dead
stays a zombie while others refer to its frames: then its id is still taken, except by the next
hardware domain, which is reborn under its own. New ids count up and are used again only after all.
Source: xen/common/{domain,domctl}.c.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.types import DOMID_FIRST_RESERVED, DOMID_SELF
from actors.hypervisor.grant_table import GrantTable
from actors.hypervisor.outbox import link_of
from actors.hypervisor.physmap import Physmap
from actors.hypervisor.pirq_map import PirqMap
from actors.hypervisor.ports import PortTable
from actors.hypervisor.rights import Rights

HARDWARE_DOMID: Final = 0


class Life(IntEnum):
    """Where a domain is in its life."""

    CREATED = 0
    STARTING = 1
    RUNNING = 2
    SHUTDOWN = 3
    DYING = 4
    DEAD = 5


TRANSITIONS: Final[dict[tuple[Life, str], Life]] = {
    (Life.CREATED, "start"): Life.STARTING,
    (Life.STARTING, "linked"): Life.RUNNING,
    (Life.CREATED, "shutdown"): Life.SHUTDOWN,
    (Life.STARTING, "shutdown"): Life.SHUTDOWN,
    (Life.RUNNING, "shutdown"): Life.SHUTDOWN,
    (Life.SHUTDOWN, "resume"): Life.RUNNING,
    (Life.SHUTDOWN, "promote"): Life.STARTING,
    (Life.CREATED, "kill"): Life.DYING,
    (Life.STARTING, "kill"): Life.DYING,
    (Life.RUNNING, "kill"): Life.DYING,
    (Life.SHUTDOWN, "kill"): Life.DYING,
    (Life.DYING, "released"): Life.DEAD,
}


@dataclass(slots=True, eq=False)
class Domain:
    """One incarnation of a domain. `has_process` from StartDomain until the supervisor reports its end.

    `hypercalls` counts by name those it made, in multicalls, too; `hypercalls_refused` the errors among the
    answers: of a call, of its elements or of its entries.
    `target` is the domain that it models devices for, `models` how many do that for it; `suspend_port`
    the port of its own that is sent to when it suspends. A `spare` waits to be the next of its number.
    """

    domid: int
    incarnation: int
    handle: bytes
    flags: int
    max_vcpus: int
    physmap: Physmap
    ports: PortTable
    grants: GrantTable
    pirqs: PirqMap
    link: str
    life: Life = Life.CREATED
    pause_count: int = 1
    held: bool = False
    reason: int | None = None
    shutdown_code: int | None = None
    has_process: bool = False
    linked: bool = False
    started_ns: int | None = None
    online: set[int] = field(default_factory=set)
    hypercalls: defaultdict[str, int] = field(default_factory=partial(defaultdict, int))
    hypercalls_refused: int = 0
    waiting: list[tuple["Domain", int]] = field(default_factory=list)
    suspended_call: int = 0
    suspend_port: int = 0
    target: "Domain | None" = None
    models: int = 0
    rights: Rights = field(default_factory=Rights)
    spare: bool = False

    @property
    def is_hardware(self) -> bool:
        """Whether this is dom0: the hardware and control domain."""
        return self.domid == HARDWARE_DOMID and not self.spare

    @property
    def is_dying(self) -> bool:
        """Whether it is on its way out, or a zombie."""
        return self.life >= Life.DYING

    @property
    def is_zombie(self) -> bool:
        """Dead, and others still refer to its frames, or model its devices."""
        held = self.physmap.lingering > 0 or bool(self.grants.pins) or self.models > 0
        return held and self.life is Life.DEAD

    def step(self, what: str) -> None:
        """Go on in life; the caller has made sure that this is possible."""
        following = TRANSITIONS.get((self.life, what))
        assert following is not None, f"domain {self.domid}: {what} while {self.life.name}"
        self.life = following

    def can(self, what: str) -> bool:
        """Whether life can go on like that."""
        return (self.life, what) in TRANSITIONS

    @property
    def nr_vcpus(self) -> int:
        """How many vcpus it has."""
        return self.ports.nr_vcpus


class Domains:
    """The domains of a host, living and undead; no number finds the `spare` of the hardware domain."""

    def __init__(self) -> None:
        self.spare: Domain | None = None
        self._by_id: dict[int, Domain] = {}
        self._former_hardware: list[Domain] = []
        self._incarnations: dict[int, int] = {}
        self._rover = HARDWARE_DOMID
        self._forgotten: Counter[str] = Counter()

    def add(self, domain: Domain) -> None:
        """A new domain; its id is free, or it is a spare."""
        if domain.spare:
            assert self.spare is None, "there is a spare already"
            self.spare = domain
            return
        assert domain.domid not in self._by_id, f"domain id {domain.domid} is taken"
        self._by_id[domain.domid] = domain

    def promote(self, domain: Domain) -> None:
        """The spare is a domain like others now; its id is free."""
        assert domain is self.spare, "only the spare is promoted"
        self.spare = None
        domain.spare = False
        self.add(domain)

    def next_incarnation(self, domid: int) -> int:
        """Counts the domains that have had an id, from 1."""
        self._incarnations[domid] = self._incarnations.get(domid, 0) + 1
        return self._incarnations[domid]

    def choose_id(self, wanted: int | None) -> int:
        """A free domain id: the one wanted (EEXIST if taken), or the next one. ENOMEM if there is none."""
        if wanted is not None:
            if wanted in self._by_id:
                raise XenError(Errno.EEXIST, f"domain {wanted} exists")
            return wanted
        for offset in range(1, DOMID_FIRST_RESERVED):
            domid = (self._rover + offset) % DOMID_FIRST_RESERVED
            if domid != HARDWARE_DOMID and domid not in self._by_id:
                self._rover = domid
                return domid
        raise XenError(Errno.ENOMEM, "every domain id is taken")

    def bury(self, domain: Domain) -> None:
        """The domain is dead: forget it, or keep it while it is a zombie."""
        if domain.spare:
            self.spare = None
            self._forgotten.update(domain.hypercalls)
        elif domain.is_hardware:
            if self._by_id.get(domain.domid) is domain:
                del self._by_id[domain.domid]
                self._former_hardware.append(domain)
            if not domain.is_zombie:
                self._former_hardware.remove(domain)
                self._forgotten.update(domain.hypercalls)
        elif not domain.is_zombie:
            del self._by_id[domain.domid]
            self._forgotten.update(domain.hypercalls)

    def find(self, domid: int) -> Domain:
        """The domain with this id. ESRCH."""
        domain = self._by_id.get(domid)
        if domain is None:
            raise XenError(Errno.ESRCH, f"no domain {domid}")
        return domain

    def find_for(self, caller: Domain, domid: int) -> Domain:
        """The same, and DOMID_SELF is the caller. ESRCH."""
        return caller if domid == DOMID_SELF else self.find(domid)

    def get(self, domid: int) -> Domain | None:
        """The domain with this id, if there is one."""
        return self._by_id.get(domid)

    def incarnation(self, domid: int, incarnation: int) -> Domain | None:
        """One of those that have an id, or wait for it; None if it is not there."""
        found = (self._by_id.get(domid), self.spare)
        wanted = domid, incarnation
        return next((each for each in found if each and (each.domid, each.incarnation) == wanted), None)

    def by_link(self, link: str) -> Domain | None:
        """The domain that has this link's name."""
        if self.spare is not None and self.spare.link == link:
            return self.spare
        for domid, domain in self._by_id.items():
            if link_of(domid) == link:
                return domain
        return None

    def listed(self) -> list[Domain]:
        """All that have an id, in its order."""
        return [self._by_id[domid] for domid in sorted(self._by_id)]

    def all(self) -> list[Domain]:
        """All of them, former hardware domains that linger and the spare included."""
        spare = [] if self.spare is None else [self.spare]
        return [*self.listed(), *self._former_hardware, *spare]

    def hypercalls(self) -> dict[str, int]:
        """How often each hypercall was made, by name, by all domains that ever were."""
        counts = self._forgotten.copy()
        for domain in self.all():
            counts.update(domain.hypercalls)
        return dict(counts)


def may_control(caller: Domain, target: Domain) -> bool:
    """XSM_TARGET: one's own domain, that of which one is the device model, or the control domain."""
    return caller is target or caller.is_hardware or caller.target is target


def check_target(caller: Domain, target: Domain) -> None:
    """EPERM unless the caller may act on the target."""
    if not may_control(caller, target):
        raise XenError(Errno.EPERM, f"domain {caller.domid} on domain {target.domid}")


def check_device_model(caller: Domain, target: Domain) -> None:
    """XSM_DM_PRIV: EPERM unless the caller is the target's device model, or the control domain.

    A domain is not its own device model.
    """
    if not caller.is_hardware and caller.target is not target:
        raise XenError(Errno.EPERM, f"domain {caller.domid} on domain {target.domid}")


def check_control(caller: Domain) -> None:
    """XSM_PRIV: EPERM unless the caller is the control domain."""
    if not caller.is_hardware:
        raise XenError(Errno.EPERM, f"domain {caller.domid} is not privileged")
