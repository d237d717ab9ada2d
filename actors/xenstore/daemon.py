"""The store on a kernel: the rings of domains, their ports, and what the hypervisor says of their deaths.

Rules: whatever needs a hypercall is a job, and jobs run one after the other in one thread; requests are
answered at once, in the interrupt. With an archive nobody sees an answer before it is kept, which is at
the end of the turn. The control domain of a stub daemon may die and come again: its nodes and its port stay.
Source: tools/xenstored/domain.c (introduction, VIRQ_DOM_EXC), init-xenstore-domain.c.
"""

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Evtchnop
from actors.abi.interface import DominfFlags, EvtchnStatus, Virq
from actors.abi.types import DOMID_SELF
from actors.abi.xs_wire import HEADER_BYTES, unpack_header
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.kernel.xs_transport import LocalTransport
from actors.xenstore.archive import Archive, ArchiveError, RingRecord, UncommittedChanges
from actors.xenstore.jobs import Jobs
from actors.xenstore.quotas import Quotas
from actors.xenstore.requests import Introduction, LiveUpdate, Outgoing, Output, Printed, Released
from actors.xenstore.ring_client import RingClient
from actors.xenstore.ring_setup import DAEMON, bind_ring, domain_states, map_ring, unmap
from actors.xenstore.store import CONTROL_DOMAIN, Store
from actors.xenstore.turn_end import Sink, TurnEnd


class Xenstored:
    """The daemon. `domid` is the domain in which it runs; it goes on from what an `archive` has.

    `restored`: that was something; else its store has begun empty.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        domid: int = 0,
        quotas: Quotas | None = None,
        archive: Archive | None = None,
    ) -> None:
        self.store = Store(quotas, own_domid=domid, release=kernel.xen.release)
        self.restored = False
        self._kernel = kernel
        self._domid = domid
        self._archive = archive
        self._found: dict[int, RingRecord | None] = {}
        self._turn_end = TurnEnd(kernel, self._take_requests)
        self._dead = False
        self._ready: Future[None] = Future()
        self._to_find: dict[int, int] = {}
        self._virq_port = 0
        self._rings: dict[int, RingClient] = {}
        self._sinks: dict[int, Sink] = {}
        self._jobs = Jobs()
        self._reap_wanted = False
        self._control_port = 0

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
        self._dead = True
        self._turn_end.die()
        self._sinks.clear()
        self._jobs.end_with(self._close_all)
        return self._jobs.ended

    def live_update(self) -> None:
        """Go on as a daemon that was started anew with what this one has; open transactions are aborted."""
        self.store = self.store.successor()
        nodes = self.store.statistics().nodes
        self._kernel.log(f"xenstored: live update: {nodes} nodes and every connection taken over")

    def connect_local(self) -> LocalTransport:
        """A connection for the kernel in which the daemon runs."""
        connection = self.store.connect(self._domid, privileged=True)
        transport = LocalTransport(lambda message: self._local_request(connection, message))
        self._sinks[connection] = self._turn_end.once_kept(transport.deliver)
        return transport

    def serve_local(self, transport: LocalTransport) -> None:
        """Serve the kernel in which the daemon runs, which an earlier daemon has served."""
        connection = self.store.connect(self._domid, privileged=True)
        self._sinks[connection] = self._turn_end.once_kept(transport.deliver)
        transport.connect(lambda message: self._local_request(connection, message))

    def connect_tool(self, deliver: Sink) -> int:
        """A tool of the control domain; the number of its connection."""
        connection = self.store.connect(CONTROL_DOMAIN, privileged=True)
        self._sinks[connection] = self._turn_end.once_kept(deliver)
        return connection

    def disconnect_tool(self, connection: int) -> None:
        """A tool is gone, with its watches and transactions."""
        del self._sinks[connection]
        self.store.disconnect(connection)

    def request(self, connection: int, kind: int, req_id: int, tx_id: int, payload: bytes) -> None:
        """A tool or the kernel asks something; what it is answered leaves with the end of the turn."""
        self._turn_end.owe()
        self._kernel.spend("xenstore")
        self._deliver(self.store.handle(connection, kind, req_id, tx_id, payload))

    def introduce(self, domid: int, port: int) -> Future[None]:
        """Serve the ring of a domain over its `port`; again if it is served already.

        Fails with XenError EINVAL if the domain has granted no ring or the port is not for us.
        """
        done: Future[None] = Future()

        async def job() -> None:
            try:
                await self._introduce(domid, port)
            except XenError as error:
                self._kernel.log(f"xenstored: domain {domid}, port {port}: {error}")
                done.fail(error)
            else:
                done.set(None)

        self._jobs.add(job)
        return done

    def serve_control_domain(self, port: int) -> None:
        """Serve domain 0 over a port of ours that waits for it: now if it has a ring, else when it knocks."""
        self._control_port = port
        self._kernel.irq.bind(port, "xen-dyn -event", DAEMON, self._control_domain_event)
        self._jobs.add(self._find_control_domain)

    def check(self) -> None:
        """Invariants of the store, and that every ring has its connection."""
        self.store.check()
        self._check_rings()

    def check_turn(self) -> None:
        """The same of what was touched since the last call."""
        self.store.check_touched()
        self._check_rings()

    def _check_rings(self) -> None:
        for domid, client in self._rings.items():
            assert client.connection == self.store.connection_of(domid), f"the connection of domain {domid}"

    # Jobs.

    async def _close_all(self) -> None:
        if self._virq_port:
            self._kernel.irq.unbind(self._virq_port)
        for domid in list(self._rings):
            await self._close(domid)

    def _restore(self, archive: Archive) -> None:
        """Go on from what the last daemon has kept."""
        records = archive.load()
        self.restored = bool(records.nodes)
        self._turn_end.journal = UncommittedChanges(archive)
        domains = self.store.keep(self._turn_end.journal, records)
        self._found = {domid: records.rings.get(domid) for domid in domains}
        self._turn_end.owe()
        if self.restored:
            self._kernel.log(f"xenstored: {len(self.store.tree)} nodes, {len(domains)} domains are restored")
        if CONTROL_DOMAIN in domains:
            del domains[CONTROL_DOMAIN]  # it comes by itself, and the others wait for it
            self._ready.set(None)
        else:
            self._jobs.add(self._find_rings)
        self._to_find = domains

    async def _find_rings(self, *found: RingClient) -> None:
        """Serve whom an earlier daemon has served, all at once: nobody is to miss what another one does."""
        clients, gone = list(found), []
        for domid, port in self._to_find.items():
            try:
                clients.append(await self._bind(domid, port))
            except XenError as error:
                self._kernel.log(f"xenstored: domain {domid} is gone: {error}")
                gone.append(domid)
        self._to_find.clear()
        for client in clients:
            await self._open(client)
        for client in clients:
            self._serve(client)
        for domid in gone:
            del self._found[domid]
            self._deliver(self.store.remove(domid))
        self._turn_end.owe()
        self._domains_changed()
        self._ready.set(None)

    async def _introduce(self, domid: int, port: int) -> None:
        if domid in (self._domid, CONTROL_DOMAIN):
            raise XenError(Errno.EINVAL, f"domain {domid} is not introduced by a request")
        await self._close(domid)
        try:
            client = await self._bind(domid, port)
        except XenError:
            if self.store.connection_of(domid) is not None:
                self._deliver(self.store.lose(domid))
            raise
        await self._open(client)
        self._serve(client)

    async def _bind(self, domid: int, port: int) -> RingClient:
        client = await map_ring(self._kernel, domid, self.store.quotas(domid))
        await bind_ring(self._kernel, client, port, lambda: self._serve(client))
        return client

    async def _open(self, client: RingClient) -> None:
        irq, threads, port = self._kernel.irq, self._kernel.threads, client.port
        if self._dead:
            irq.unbind(port)
            await unmap(self._kernel, client.mapping)
            return
        client.notify = lambda: irq.notify(port)
        connection, events = self._connect(client)
        client.connection = connection
        self._rings[client.domid] = client

        def deliver(message: bytes) -> None:
            client.send(message, threads.now_ns)
            self._turn_end.touch(client)

        self._sinks[connection] = deliver
        self._deliver(events)

    def _connect(self, client: RingClient) -> tuple[int, list[Output]]:
        """Go on where an earlier daemon has left a ring, else begin anew; its connection, and who is told."""
        domid = client.domid
        known = self.store.connection_of(domid)
        if domid in self._found and known is not None:
            if client.go_on(self._found.pop(domid), self._kernel.threads.now_ns):
                return known, []
            self._kernel.log(f"xenstored: domain {domid} was cut off within a message: it has to reconnect")
        client.take_over(self.store.features(domid))
        return self.store.introduce(domid, client.remote_port, privileged=domid == CONTROL_DOMAIN)

    async def _close(self, domid: int) -> None:
        """Serve a domain's ring no more; what the store has of it stays."""
        client = self._rings.pop(domid, None)
        if client is None:
            return
        self._turn_end.forget(domid)
        if client.connection is not None:
            self._sinks.pop(client.connection, None)
        if client.port != self._control_port:
            self._kernel.irq.unbind(client.port)
        await unmap(self._kernel, client.mapping)

    async def _reap(self) -> None:
        """See which of the introduced domains are gone, or have shut down."""
        self._reap_wanted = False
        served = list(self._rings)
        states = await domain_states(self._kernel, self._domid, served)
        for domid in served:
            flags = states.get(domid, DominfFlags.dying)
            if flags & DominfFlags.dying:
                await self._gone(domid)
            elif flags & DominfFlags.shutdown:
                self._deliver(self.store.shut_down(domid))
        if self._control_port and CONTROL_DOMAIN in self._rings:
            await self._find_control_domain()

    async def _gone(self, domid: int) -> None:
        await self._close(domid)
        if domid == CONTROL_DOMAIN:
            self._kernel.log("xenstored: domain 0 is gone; its nodes stay")
            self._deliver(self.store.lose(domid))
        else:
            self._deliver(self.store.remove(domid))

    async def _find_control_domain(self) -> None:
        """Let domain 0 be served if it has bound our port: anew if its page is not the one that we know."""
        status = await self._kernel.xen.event_channel_op(
            Evtchnop.status, dom=DOMID_SELF, port=self._control_port
        )
        known = self._rings.get(CONTROL_DOMAIN)
        if status.get("status") != EvtchnStatus.interdomain:
            if known is not None:
                await self._gone(CONTROL_DOMAIN)
            return
        try:
            client = await map_ring(self._kernel, CONTROL_DOMAIN, None)
        except XenError as error:
            self._kernel.log(f"xenstored: domain 0 has bound its port, but: {error}")
            if known is not None:
                await self._gone(CONTROL_DOMAIN)
            return
        if known is not None and known.mapping.mfn == client.mapping.mfn:
            await unmap(self._kernel, client.mapping)
            return
        if known is not None:
            await self._gone(CONTROL_DOMAIN)
        client.port = self._control_port
        self._kernel.log("xenstored: domain 0 is there")
        await self._find_rings(client)

    # In the interrupt.

    def _domains_changed(self) -> None:
        if not self._reap_wanted:
            self._reap_wanted = True
            self._jobs.add(self._reap)

    def _control_domain_event(self) -> None:
        client = self._rings.get(CONTROL_DOMAIN)
        if client is not None:
            self._serve(client)
        if client is None or not self._virq_port:
            self._jobs.add(self._find_control_domain)

    def _serve(self, client: RingClient) -> None:
        connection = client.connection
        if connection is None or self._dead:
            return
        self._turn_end.touch(client)
        if client.wants_reconnect:
            self.store.reset(connection)
            client.renew()
            return
        self._take_requests(client)

    def _take_requests(self, client: RingClient) -> bool:
        """Do what a ring asks; whether it asked anything."""
        if client.quotas is not None:
            client.quotas = self.store.quotas(client.domid)
        requests = client.requests()
        for each in requests:
            if client.connection is None:
                break
            self._kernel.spend("xenstore")
            self._deliver(
                self.store.handle(client.connection, each.kind, each.req_id, each.tx_id, each.payload)
            )
        return bool(requests)

    def _local_request(self, connection: int, message: bytes) -> None:
        kind, req_id, tx_id, _ = unpack_header(message)
        self.request(connection, kind, req_id, tx_id, message[HEADER_BYTES:])

    def _deliver(self, outputs: list[Output]) -> None:
        for output in outputs:
            if type(output) is Outgoing:
                sink = self._sinks.get(output.connection)
                if sink is not None:
                    sink(output.message)
            elif isinstance(output, Introduction):
                self._perform(output)
            elif isinstance(output, Released):
                self._release(output.domid)
            elif isinstance(output, LiveUpdate):
                self._live_update(output)
            elif isinstance(output, Printed):
                self._kernel.log(f"xenstored: {output.text}")

    def _live_update(self, request: LiveUpdate) -> None:
        """A client wants it: not while transactions are open."""
        if self.store.has_transactions and not request.force:
            self._deliver([self.store.answer_control(request, Errno.EBUSY)])
            return
        self.live_update()
        self._deliver([self.store.answer_control(request)])

    def _release(self, domid: int) -> None:
        client = self._rings.get(domid)
        if client is not None and client.connection is not None:
            self._sinks.pop(client.connection, None)
            client.connection = None
        self._jobs.add(lambda: self._close(domid))

    def _perform(self, request: Introduction) -> None:
        done = self.introduce(request.domid, request.port)

        def answer() -> None:
            refusal: Errno | None = None
            try:
                done.result()
            except XenError as error:
                refusal = error.errno
            self._deliver([self.store.answer(request, refusal)])

        done.when_done(answer)
