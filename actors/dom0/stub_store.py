"""xenstored in a domain of its own: dom0 builds that domain, looks after it, and builds it again.

Rules: its domain id is kept, since every guest has granted its ring to that id and keeps a port for it.
Nobody tells dom0 of its death (VIRQ_DOM_EXC is routed to that very domain): dom0 looks.
Source: tools/helpers/init-xenstore-domain.c; looking after it is ours.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, cast

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl, Evtchnop, Sysctl
from actors.abi.interface import GNTTAB_RESERVED_XENSTORE, DominfFlags, EvtchnStatus, Virq
from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.plan import DomainPlan
from actors.dom0.shutdown_actions import ShutdownActions
from actors.dom0.steps import BuildDomain, CreateDomain, UnpauseDomain
from actors.dom0.store_home import MakeClient
from actors.kernel.kernel import Kernel
from actors.kernel.xenbus import RingTransport, Xenbus
from actors.kernel.xs_ring import XsRing
from actors.start_info import STORE_GFN
from actors.xenstore.store import StoreStatistics

XENSTORE_HANDLE: Final = b"xenstore-stubdom"
XENSTORE_PAGES: Final = 4096
LOOK_NS: Final = 20_000_000
_OVER: Final = DominfFlags.dying | DominfFlags.shutdown
_PLAN: Final = DomainPlan(
    "xenstore", XENSTORE_HANDLE, XENSTORE_PAGES, XENSTORE_PAGES, 1, ShutdownActions(), (), "{}", xenstore=True
)


class StubStore:
    """A `StoreHome`. `keeps`: what it has outlives its domain."""

    def __init__(
        self,
        kernel: Kernel,
        builder: DomainBuilder,
        make_client: MakeClient,
        *,
        keeps: bool,
        lost: Callable[[], None],
    ) -> None:
        self._kernel = kernel
        self._builder = builder
        self._make_client = make_client
        self._keeps = keeps
        self._lost = lost
        self._port = 0
        self.began_empty = False

    async def start(self) -> Xenbus:
        """Find the domain, or make it; dom0's client of it, over a ring page. ENOSYS on an old Xen."""
        domid, lives = await self._find()
        if lives:
            self._kernel.log(f"xenstored lives on in domain {domid}")
        else:
            self.began_empty = domid is not None and not self._keeps
            domid = await self._make(domid)
        assert domid is not None, "one that lives has an id"
        ring = XsRing(self._kernel.pages.frame(STORE_GFN), self._kernel.pages.words(STORE_GFN))
        client = self._make_client(RingTransport(ring, self._notify))
        await self._connect(client, domid)
        self._kernel.threads.spawn("xenstored watcher", self._look_after(client, domid))
        return client

    def check(self) -> None:
        """Nothing runs here."""

    def check_turn(self) -> None:
        """Nothing runs here."""

    def statistics(self) -> StoreStatistics | None:
        """Its domain has them."""
        return None

    def _notify(self) -> None:
        self._kernel.irq.notify(self._port)

    async def _connect(self, client: Xenbus, domid: int) -> None:
        """Grant the ring page, bind the port that is kept for us, and knock."""
        self._builder.store_domid = domid
        remote_port = await self._find_port(domid)
        self._kernel.grants.write(GNTTAB_RESERVED_XENSTORE, domid, STORE_GFN)
        self._port = await self._kernel.irq.bind_interdomain(domid, remote_port, "xenbus", client.on_event)
        self._notify()

    async def _look_after(self, client: Xenbus, domid: int) -> None:
        while True:
            await self._kernel.threads.sleep(LOOK_NS)
            if not await self._lives(domid):
                self._kernel.log(f"xenstored: domain {domid} has died; it is made again")
                self._kernel.irq.unbind(self._port)
                await self._make(domid)
                if not self._keeps:
                    self._lost()  # before anything that was asked of the dead one is asked of this one
                await self._connect(client, domid)

    async def _lives(self, domid: int) -> bool:
        try:
            info = await self._kernel.xen.domctl(Domctl.getdomaininfo, domain=domid)
        except XenError as error:
            if error.errno is not Errno.ESRCH:
                raise
            return False
        # XEN_DOMCTL_getdomaininfo tells of the next domain above where there is none of that number.
        return info["domain"] == domid and not cast("int", info["flags"]) & _OVER

    async def _make(self, dead: int | None) -> int:
        """The domain, in the place of a dead one, whose id it has then, if there is one."""
        if dead is not None:
            await self._builder.destroy(dead)
        plan = replace(_PLAN, domid=dead or 0)  # once that is free again
        domid = await self._builder.create(CreateDomain(plan))
        await self._builder.build(BuildDomain(plan), domid)
        # Whoever keeps the store has to hear of deaths, dom0's above all.
        await self._kernel.xen.domctl(Domctl.set_virq_handler, domain=domid, virq=int(Virq.DOM_EXC))
        await self._builder.perform(UnpauseDomain(domid))
        self._kernel.log(f"xenstored is domain {domid}")
        return domid

    async def _find(self) -> tuple[int | None, bool]:
        """The id of the store's domain, None if there is none, and whether it lives."""
        out = await self._kernel.xen.sysctl(Sysctl.getdomaininfolist, first_domain=0, max_domains=1024)
        for each in cast("list[dict[str, int]]", out["domains"]):
            flags = each["flags"]
            if flags & DominfFlags.xs_domain:
                half_built = flags & DominfFlags.paused and not each["cpu_time"]
                return each["domain"], not (flags & _OVER or half_built)
        return None, False

    async def _find_port(self, domid: int) -> int:
        """The port that the store's domain keeps for domain 0: unbound, as the last dom0 left it."""
        port = 1
        while True:
            try:
                out = await self._kernel.xen.event_channel_op(Evtchnop.status, dom=domid, port=port)
            except XenError as error:
                raise LookupError(f"domain {domid} keeps no port for domain 0") from error
            if out["status"] == EvtchnStatus.unbound and out.get("dom") == 0:
                return port
            port += 1
