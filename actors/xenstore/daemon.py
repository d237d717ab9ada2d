"""The store on a kernel: its start and end, introductions, and what the hypervisor says of deaths.

Rules: whatever needs a hypercall is a job; introductions go side by side, all else one after the other. The
control domain of a stub daemon may die and come again: its nodes and its port stay.
Source: tools/xenstored/domain.c (introduction, VIRQ_DOM_EXC), init-xenstore-domain.c.
"""

from actors.abi.errno import Errno, XenError
from actors.abi.interface import DominfFlags, Virq
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.xenstore.archive import Archive, ArchiveError, UncommittedChanges
from actors.xenstore.control_ring import ControlRing
from actors.xenstore.domains import CONTROL_DOMAIN
from actors.xenstore.jobs import Jobs
from actors.xenstore.quotas import Quotas
from actors.xenstore.requests import Introduction, Released
from actors.xenstore.ring_client import RingClient
from actors.xenstore.ring_setup import DAEMON, domain_states
from actors.xenstore.rings import Rings
from actors.xenstore.served_store import ServedStore
from actors.xenstore.store import XenStore
from actors.xenstore.takeover import go_on


class Xenstored:
    """The daemon. `domid` is the domain in which it runs; it goes on from what an `archive` has.

    `served`: its store, for those who have no ring. `restored`: the archive had something; else its store
    has begun empty.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        domid: int = 0,
        quotas: Quotas | None = None,
        archive: Archive | None = None,
    ) -> None:
        store = XenStore(quotas, own_domid=domid, release=kernel.xen.release)
        self.served = ServedStore(kernel, store, self._perform)
        self.rings = Rings(kernel, self.served)
        self.restored = False
        self._kernel = kernel
        self._domid = domid
        self._archive = archive
        self._ready: Future[None] = Future()
        self._virq_port = 0
        self._jobs = Jobs()
        self._reap_wanted = False
        self._control = ControlRing(kernel, self.rings, self._find_rings)

    async def start(self) -> None:
        """Hear of deaths, and serve. It needs the kernel's grant table, and an archive that can be read."""
        try:
            if self._archive is not None:
                self._restore(self._archive)
        except ArchiveError as error:
            self._kernel.cannot_go_on(f"xenstored cannot be started: {error}")
            await self._ready
        if not self.restored:
            self._kernel.store_began()
        self._jobs.start(self._kernel.threads)
        try:
            self._virq_port = await self._kernel.irq.bind_virq(Virq.DOM_EXC, DAEMON, self._domains_changed)
        except XenError as error:
            self._kernel.log(f"xenstored: no VIRQ_DOM_EXC ({error}): deaths of domains go unnoticed")
        if self._archive is not None:
            await self._ready

    def die(self) -> Future[None]:
        """End as a killed process does: what it has is gone; set when the kernel has closed all for it.

        Only once `start` is over.
        """
        self.rings.die()
        self.served.die()
        self._jobs.end_with(self._close_all)
        return self._jobs.ended

    def introduce(self, domid: int, port: int) -> Future[None]:
        """Serve the ring of a domain over its `port`; again if it is served already.

        Fails with XenError EINVAL if the domain has granted no ring or the port is not for us.
        """
        done: Future[None] = Future()

        async def job() -> None:
            try:
                await self.rings.introduce(domid, port)
            except XenError as error:
                self._kernel.log(f"xenstored: domain {domid}, port {port}: {error}")
                done.fail(error)
            else:
                done.set(None)

        self._jobs.add(job, domid)
        return done

    def serve_control_domain(self, port: int) -> None:
        """Serve domain 0 over a port of ours that waits for it: now if it has a ring, else when it knocks."""
        self.rings.kept_port = port
        self._kernel.irq.bind(port, "xen-dyn -event", DAEMON, self._control_domain_event)
        self._jobs.add(self._control.find)

    def check(self) -> None:
        """Invariants of the store, and that every ring has its connection."""
        self.served.store.check()
        self.rings.check()

    def check_turn(self) -> None:
        """The same of what was touched since the last call."""
        self.served.store.check_touched()
        self.rings.check()

    # Jobs.

    async def _close_all(self) -> None:
        if self._virq_port:
            self._kernel.irq.unbind(self._virq_port)
        for domid in list(self.rings.by_domain):
            await self.rings.close(domid)

    def _restore(self, archive: Archive) -> None:
        """Go on from what the last daemon has kept."""
        records, store, turn_end = archive.load(), self.served.store, self.served.turn_end
        self.restored = bool(records.nodes)
        turn_end.journal = UncommittedChanges(archive)
        go_on(store, turn_end.journal, records)
        turn_end.owe()
        if self.restored:
            self._kernel.log(
                f"xenstored: {len(store.tree)} nodes, {len(records.domains)} domains are restored"
            )
        if self.rings.left(records):
            self._jobs.add(self._find_rings)
        else:
            self._ready.set(None)

    async def _find_rings(self, *found: RingClient) -> None:
        await self.rings.find(*found)
        self._domains_changed()
        self._ready.set(None)

    async def _reap(self) -> None:
        """See which of the introduced domains are gone, or have shut down."""
        self._reap_wanted = False
        served = list(self.rings.by_domain)
        states = await domain_states(self._kernel, self._domid, served)
        for domid in served:
            flags = states.get(domid, DominfFlags.dying)
            if flags & DominfFlags.dying:
                await self.rings.gone(domid)
            elif flags & DominfFlags.shutdown:
                self.served.deliver(self.served.store.domains.shut_down(domid))
        if self.rings.kept_port and CONTROL_DOMAIN in self.rings.by_domain:
            await self._control.find()

    # In the interrupt.

    def _domains_changed(self) -> None:
        if not self._reap_wanted:
            self._reap_wanted = True
            self._jobs.add(self._reap)

    def _control_domain_event(self) -> None:
        client = self.rings.by_domain.get(CONTROL_DOMAIN)
        if client is not None:
            self.rings.serve(client)
        if client is None or not self._virq_port:
            self._jobs.add(self._control.find)

    def _perform(self, request: Introduction | Released) -> None:
        if isinstance(request, Released):
            self.rings.release(request.domid)
            self._jobs.add(lambda: self.rings.close(request.domid))
            return
        done = self.introduce(request.domid, request.port)

        def answer() -> None:
            refusal: Errno | None = None
            try:
                done.result()
            except XenError as error:
                refusal = error.errno
            self.served.deliver([self.served.store.answer(request, refusal)])

        done.when_done(answer)
