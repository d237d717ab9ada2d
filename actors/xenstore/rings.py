"""The rings that a daemon serves: found or introduced, gone on with where an earlier daemon has left them.

Rules: one job at a time opens and closes a ring; what they ask is answered in the interrupt. Whom an earlier
daemon has served is served all at once: nobody is to miss what another one does.
Source: tools/xenstored/domain.c (introduction, restoring of connections).
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.kernel.kernel import Kernel
from actors.xenstore.archive import Records, RingRecord
from actors.xenstore.domains import CONTROL_DOMAIN
from actors.xenstore.requests import Output
from actors.xenstore.ring_client import RingClient
from actors.xenstore.ring_setup import bind_ring, map_ring, unmap
from actors.xenstore.served_store import ServedStore


class Rings:
    """The rings of one daemon. `kept_port` is one that outlives its ring."""

    def __init__(self, kernel: Kernel, served: ServedStore) -> None:
        self.by_domain: Final[dict[int, RingClient]] = {}
        self.kept_port = 0
        self._kernel = kernel
        self._served = served
        self._to_find: dict[int, int] = {}
        self._found: dict[int, RingRecord | None] = {}
        self._dead = False

    def left(self, records: Records) -> bool:
        """An earlier daemon has served these: whether domain 0, which comes by itself, is not among them."""
        self._found = {domid: records.rings.get(domid) for domid in records.domains}
        self._to_find = dict(records.domains)
        return self._to_find.pop(CONTROL_DOMAIN, None) is None

    async def find(self, *found: RingClient) -> None:
        """Serve whom an earlier daemon has served, beside those that are there."""
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
            self.serve(client)
        for domid in gone:
            del self._found[domid]
            self._served.deliver(self._served.store.domains.remove(domid))
        self._served.turn_end.owe()

    async def introduce(self, domid: int, port: int) -> None:
        """Serve the ring of a domain over its port; anew if it is served. XenError if that is refused."""
        if domid in (self._served.store.own_domid, CONTROL_DOMAIN):
            raise XenError(Errno.EINVAL, f"domain {domid} is not introduced by a request")
        await self.close(domid)
        try:
            client = await self._bind(domid, port)
        except XenError:
            if domid in self._served.store.domains.connections:
                self._served.deliver(self._served.store.domains.lose(domid))
            raise
        await self._open(client)
        self.serve(client)

    def serve(self, client: RingClient) -> None:
        """A ring has something for us, perhaps."""
        if client.connection is None or self._dead:
            return
        self._served.turn_end.touch(client)
        if client.wants_reconnect:
            self._served.store.clients.reset(client.connection)
            client.renew()
        else:
            self._served.take_requests(client)

    def release(self, domid: int) -> None:
        """The store knows a domain no more; its ring is to be closed."""
        client = self.by_domain.get(domid)
        if client is not None and client.connection is not None:
            self._served.sinks.pop(client.connection, None)
            client.connection = None

    async def close(self, domid: int) -> None:
        """Serve a domain's ring no more; what the store has of it stays."""
        self.release(domid)
        client = self.by_domain.pop(domid, None)
        if client is None:
            return
        self._served.turn_end.forget(domid)
        if client.port != self.kept_port:
            self._kernel.irq.unbind(client.port)
        await unmap(self._kernel, client.mapping)

    async def gone(self, domid: int) -> None:
        """A domain is no more."""
        await self.close(domid)
        if domid == CONTROL_DOMAIN:
            self._kernel.log("xenstored: domain 0 is gone; its nodes stay")
            self._served.deliver(self._served.store.domains.lose(domid))
        else:
            self._served.deliver(self._served.store.domains.remove(domid))

    def die(self) -> None:
        """Serve none from now on."""
        self._dead = True

    def check(self) -> None:
        """Every ring has its connection."""
        for domid, client in self.by_domain.items():
            known = self._served.store.domains.connections.get(domid)
            assert client.connection == known, f"the connection of domain {domid}"

    async def _bind(self, domid: int, port: int) -> RingClient:
        client = await map_ring(self._kernel, domid, self._served.store.domains.quotas(domid))
        await bind_ring(self._kernel, client, port, lambda: self.serve(client))
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
        self.by_domain[client.domid] = client

        def deliver(message: bytes) -> None:
            client.send(message, threads.now_ns)
            self._served.turn_end.touch(client)

        self._served.sinks[connection] = deliver
        self._served.deliver(events)

    def _connect(self, client: RingClient) -> tuple[int, list[Output]]:
        """Go on where an earlier daemon has left a ring, else begin anew; its connection, and who is told."""
        domid, domains = client.domid, self._served.store.domains
        known = domains.connections.get(domid)
        if domid in self._found and known is not None:
            if client.go_on(self._found.pop(domid), self._kernel.threads.now_ns):
                return known, []
            self._kernel.log(f"xenstored: domain {domid} was cut off within a message: it has to reconnect")
        client.take_over(domains.features(domid))
        return domains.introduce(domid, client.remote_port, privileged=domid == CONTROL_DOMAIN)
