"""The store on a kernel: the rings of domains, their ports, and what the hypervisor says of their deaths.

Rules: whatever needs a hypercall is a job, and jobs run one after the other in one thread; requests are
answered at once, in the interrupt. The page of a domain is found by its grant 1, never by what a request
says. The control domain of a stub daemon may die and come again: its nodes and its port stay.
Source: tools/xenstored/domain.c (introduction, VIRQ_DOM_EXC), init-xenstore-domain.c.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl, Evtchnop, Sysctl
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.interface import GNTTAB_RESERVED_XENSTORE, DominfFlags, EvtchnStatus, Virq
from actors.abi.types import DOMID_FIRST_RESERVED, DOMID_SELF
from actors.abi.xs_wire import HEADER_BYTES, unpack_header
from actors.kernel.grants import GrantRefused, Mapping
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future, Signal
from actors.kernel.xs_ring import XsRing
from actors.kernel.xs_transport import LocalTransport
from actors.xenstore.quotas import Quotas
from actors.xenstore.requests import Introduction, LiveUpdate, Outgoing, Output, Printed, Released
from actors.xenstore.ring_client import RingClient
from actors.xenstore.store import Store

CONTROL_DOMAIN = 0
SETTLE_ROUNDS = 8
"""How often one turn looks into the rings again; a guest may fill its own as fast as it is emptied."""


class Xenstored:
    """The daemon. `domid` is the domain in which it runs."""

    def __init__(self, kernel: Kernel, *, domid: int = 0, quotas: Quotas | None = None) -> None:
        self.store = Store(quotas, own_domid=domid)
        self._kernel = kernel
        self._domid = domid
        self._rings: dict[int, RingClient] = {}
        self._touched: dict[int, RingClient] = {}
        self._sinks: dict[int, Callable[[bytes], None]] = {}
        self._jobs: deque[Callable[[], Awaitable[None]]] = deque()
        self._job_came = Signal()
        self._reap_wanted = False
        self._settling = False
        self._control_port = 0
        self._hears_of_deaths = False

    async def start(self) -> None:
        """Hear of deaths, and serve. The kernel's grant table must be there."""
        self._kernel.threads.spawn("xenstored", self._work())
        try:
            await self._kernel.irq.bind_virq(Virq.DOM_EXC, "evtchn:xenstored", self._domains_changed)
            self._hears_of_deaths = True
        except XenError as error:
            self._kernel.log(f"xenstored: no VIRQ_DOM_EXC ({error}): deaths of domains go unnoticed")

    def connect_local(self) -> LocalTransport:
        """A connection for the kernel in which the daemon runs."""
        connection = self.store.connect(self._domid, privileged=True)
        transport = LocalTransport(lambda message: self._local_request(connection, message))
        self._sinks[connection] = transport.deliver
        return transport

    def connect_tool(self, deliver: Callable[[bytes], None]) -> int:
        """A tool of the control domain; the number of its connection."""
        connection = self.store.connect(CONTROL_DOMAIN, privileged=True)
        self._sinks[connection] = deliver
        return connection

    def disconnect_tool(self, connection: int) -> None:
        """A tool is gone, with its watches and transactions."""
        del self._sinks[connection]
        self.store.disconnect(connection)

    def request(self, connection: int, kind: int, req_id: int, tx_id: int, payload: bytes) -> None:
        """A tool or the kernel asks something; what it is answered leaves with the end of the turn."""
        self._owe_commit()
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

        self._spawn(job)
        return done

    def serve_control_domain(self, port: int) -> None:
        """Serve domain 0 over a port of ours that waits for it: now if it has a ring, else when it knocks."""
        self._control_port = port
        self._kernel.irq.bind(port, "xen-dyn -event", "evtchn:xenstored", self._control_domain_event)
        self._spawn(self._find_control_domain)

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

    # Jobs, in the thread.

    def _spawn(self, job: Callable[[], Awaitable[None]]) -> None:
        self._jobs.append(job)
        self._job_came.set()

    async def _work(self) -> None:
        while True:
            await self._job_came.wait()
            while self._jobs:
                await self._jobs.popleft()()

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
        self._open(client)

    async def _bind(self, domid: int, port: int) -> RingClient:
        client = await self._map(domid)
        client.remote_port = port
        try:
            client.port = await self._kernel.irq.bind_interdomain(
                domid, port, "evtchn:xenstored", lambda: self._serve(client)
            )
        except XenError:
            await self._unmap(client.mapping)
            raise
        return client

    async def _map(self, domid: int) -> RingClient:
        grants = self._kernel.grants
        try:
            mapping = await grants.map(domid, GNTTAB_RESERVED_XENSTORE)
        except GrantRefused as error:
            raise XenError(Errno.EINVAL, str(error)) from error
        memory = self._kernel.memory
        ring = XsRing(memory.frame(mapping.mfn), memory.words(mapping.mfn))
        quotas = None if domid == CONTROL_DOMAIN else self.store.quotas(domid)
        return RingClient(domid, ring, mapping, quotas)

    def _open(self, client: RingClient) -> None:
        irq, threads, port = self._kernel.irq, self._kernel.threads, client.port
        client.notify = lambda: irq.notify(port)
        client.take_over(self.store.features(client.domid))
        privileged = client.domid == CONTROL_DOMAIN
        connection, events = self.store.introduce(client.domid, client.remote_port, privileged=privileged)
        client.connection = connection
        self._rings[client.domid] = client

        def deliver(message: bytes) -> None:
            client.send(message, threads.now_ns)
            self._touch(client)

        self._sinks[connection] = deliver
        self._deliver(events)
        self._serve(client)

    async def _close(self, domid: int) -> None:
        """Serve a domain's ring no more; what the store has of it stays."""
        client = self._rings.pop(domid, None)
        if client is None:
            return
        self._touched.pop(domid, None)
        if client.connection is not None:
            self._sinks.pop(client.connection, None)
        if client.port != self._control_port:
            self._kernel.irq.unbind(client.port)
        await self._unmap(client.mapping)

    async def _unmap(self, mapping: Mapping) -> None:
        try:
            await self._kernel.grants.unmap(mapping)
        except GrantRefused as error:
            self._kernel.log(f"xenstored: {error}")

    async def _reap(self) -> None:
        """See which of the introduced domains are gone, or have shut down."""
        self._reap_wanted = False
        served = list(self._rings)
        states = await self._states(served)
        for domid in served:
            flags = states.get(domid, DominfFlags.dying)
            if flags & DominfFlags.dying:
                await self._gone(domid)
            elif flags & DominfFlags.shutdown:
                self._deliver(self.store.shut_down(domid))
        if self._control_port and CONTROL_DOMAIN in self._rings:
            await self._find_control_domain()

    async def _states(self, served: list[int]) -> dict[int, int]:
        """The flags of the domains that exist. Only the control domain may ask for all of them at once."""
        xen = self._kernel.xen
        if self._domid == CONTROL_DOMAIN:
            out = await xen.sysctl(Sysctl.getdomaininfolist, first_domain=0, max_domains=DOMID_FIRST_RESERVED)
            return {each["domain"]: each["flags"] for each in cast("list[dict[str, int]]", out["domains"])}
        calls = [
            xen.call(
                Number.domctl,
                Domctl.getdomaininfo,
                {"domain": domid, "interface_version": xen.release.domctl},
            )
            for domid in served
        ]
        # Where there is no such domain the call tells of the next one above.
        infos = [cast("dict[str, int]", (await call).out or {}) for call in calls]
        return {each["domain"]: each["flags"] for each in infos if each}

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
            client = await self._map(CONTROL_DOMAIN)
        except XenError as error:
            self._kernel.log(f"xenstored: domain 0 has bound its port, but: {error}")
            if known is not None:
                await self._gone(CONTROL_DOMAIN)
            return
        if known is not None and known.mapping.mfn == client.mapping.mfn:
            await self._unmap(client.mapping)
            return
        if known is not None:
            await self._gone(CONTROL_DOMAIN)
        client.port = self._control_port
        self._kernel.log("xenstored: domain 0 is there")
        self._open(client)

    # In the interrupt.

    def _domains_changed(self) -> None:
        if not self._reap_wanted:
            self._reap_wanted = True
            self._spawn(self._reap)

    def _control_domain_event(self) -> None:
        client = self._rings.get(CONTROL_DOMAIN)
        if client is not None:
            self._serve(client)
        if client is None or not self._hears_of_deaths:
            self._spawn(self._find_control_domain)

    def _serve(self, client: RingClient) -> None:
        connection = client.connection
        if connection is None:
            return
        if client.wants_reconnect:
            self.store.reset(connection)
            client.begin_anew()
            return
        self._touch(client)
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

    def _touch(self, client: RingClient) -> None:
        """What this ring was answered leaves at the end of the turn, once an archive has kept the changes."""
        self._owe_commit()
        self._touched[client.domid] = client

    def _owe_commit(self) -> None:
        # While rings settle, the rounds see to what is touched: else this turn would have no end.
        if not self._settling:
            self._kernel.at_turn_end(self._settle)

    def _settle(self) -> None:
        self._settling = True
        try:
            self._settle_rounds()
        finally:
            self._settling = False
        if self._touched:
            # A domain fills its ring as fast as it is read: the others are to have their turn.
            threads = self._kernel.threads
            threads.at(threads.now_ns + 1).when_done(self._owe_commit)

    def _settle_rounds(self) -> None:
        self.store.commit()
        for _ in range(SETTLE_ROUNDS):
            if not self._touched:
                return
            touched, self._touched = self._touched, {}
            for client in touched.values():
                client.settle()
                # What was left in the ring because too much waited can be taken now, perhaps.
                if client.connection is not None and self._take_requests(client):
                    self._touched[client.domid] = client
            self.store.commit()

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
        """Go on as a daemon that was started anew with what this one has; not while transactions are open."""
        if self.store.has_transactions and not request.force:
            self._deliver([self.store.answer_control(request, Errno.EBUSY)])
            return
        self.store = self.store.successor()
        nodes = self.store.statistics().nodes
        self._kernel.log(f"xenstored: live update: {nodes} nodes and every connection taken over")
        self._deliver([self.store.answer_control(request)])

    def _release(self, domid: int) -> None:
        client = self._rings.get(domid)
        if client is not None and client.connection is not None:
            self._sinks.pop(client.connection, None)
            client.connection = None
        self._spawn(lambda: self._close(domid))

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
