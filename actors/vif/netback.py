"""The backend of a paravirtual network interface: its place at a bridge, and the rings of its frontend.

It plays the hotplug script, too: it joins the bridge when it begins to wait for its frontend, says so in
`hotplug-status`, and connects only if that went well. When it takes up where another died, the old rings are
mapped and the old ports bound again: what was under way is lost, and nothing comes twice.
Rules: the handshake is `xenbus_backend`'s. A frontend that breaks its rings loses its service, others go on.
Source: Linux drivers/net/xen-netback/xenbus.c (netback_probe, connect, hotplug_status_changed), interface.c;
tools/hotplug/Linux/vif-bridge.
"""

from collections.abc import Mapping
from typing import Final

from actors.abi.errno import XenError
from actors.abi.interface import GrantStatus, XenbusState
from actors.kernel.grants import GrantRefused
from actors.kernel.grants import Mapping as MappedFrame
from actors.kernel.kernel import Kernel
from actors.kernel.ring import RingBroken
from actors.kernel.store import Store, StoreNodes, read_or
from actors.kernel.xenbus_backend import ResumeImpossibleError, Served, XenbusBackend
from actors.network.host_bridge import HostBridge
from actors.network.packet import Packet
from actors.network.tap import Direction
from actors.vif.bridge_plug import BridgePlug
from actors.vif.netback_connection import NetbackConnection
from actors.vif.netback_counters import NO_CARRIER, NetbackCounters
from actors.vif.netback_credit import UNLIMITED, Credit, parse_rate
from actors.vif.netback_offer import MAX_QUEUES, NetbackOffer
from actors.vif.netback_statistics import NetbackStatistics

FEATURES: Final = {
    "feature-sg": "1",
    "feature-gso-tcpv4": "1",
    "feature-gso-tcpv6": "0",
    "feature-ipv6-csum-offload": "1",
    "feature-rx-copy": "1",
    "feature-rx-flip": "0",
    "feature-multicast-control": "0",
    "feature-dynamic-multicast-control": "0",
    "feature-split-event-channels": "1",
    "multi-queue-max-queues": str(MAX_QUEUES),
    "feature-ctrl-ring": "1",
}
"""What netback_probe writes, in all but that a backend of Linux offers more."""


class Netback(XenbusBackend):
    """One paravirtual network interface, at a bridge of this domain; by its name if there is none."""

    driver = "xen_netback"
    invites = True
    probed: Mapping[str, str] = FEATURES

    def __init__(self, kernel: Kernel, store: Store, served: Served, bridge: HostBridge | str) -> None:
        super().__init__(kernel, store, served)
        self._counters = NetbackCounters()
        self._plug = BridgePlug(bridge, f"vif{served.domid}.{self.number}", self._deliver)
        self._connection: NetbackConnection | None = None
        self._tap = kernel.taps.tap(self._plug.name)
        self._restarting = False

    def restart(self) -> bool:
        """Die alone, and be probed again: a fault that is put in; False if it is not connected."""
        self._restarting = self.state is XenbusState.Connected
        self._changed.set()
        return self._restarting

    def freeze(self, *, frozen: bool) -> bool:
        """Take and give nothing, or go on, if it is connected: a fault that is put in."""
        if self._connection is not None:
            self._connection.freeze(frozen=frozen)
        return self._connection is not None or not frozen

    @property
    def attached(self) -> bool:
        """Whether it serves rings."""
        return self._connection is not None

    def check(self) -> None:
        """Invariants."""
        if self._connection is not None:
            self._connection.check()

    def statistics(self) -> NetbackStatistics:
        """What this backend has done."""
        counters, connection = self._counters, self._connection
        queues = connection.queues if connection is not None else []
        return NetbackStatistics(
            domid=self.served.domid,
            device=self.number,
            state=self.state.name,
            resumes=self.recoveries.resumes,
            renegotiations=self.recoveries.renegotiations,
            resumes_refused=self.recoveries.resumes_refused,
            queues=len(queues),
            carrier=int(connection is not None and connection.carrier),
            sent=counters.sent,
            sent_bytes=counters.sent_bytes,
            received=counters.received,
            received_bytes=counters.received_bytes,
            drops=dict(counters.drops),
            stalls=counters.stalls,
            throttled=counters.throttled,
            tx_in_flight=sum(each.tx.in_flight for each in queues),
            rx_in_flight=sum(each.rx.in_flight for each in queues),
            rx_queued=sum(each.rx.queued for each in queues),
            control_requests=counters.control_requests,
            control_refused=counters.control_refused,
        )

    def keys(self) -> dict[str, str]:
        """All of it, for a store that may have been lost since."""
        return {**self.probed, **self._plug.nodes()}

    async def run(self) -> None:
        """As in every backend; at its end the interface is pulled out of the bridge."""
        try:
            await super().run()
        finally:
            self._plug.pull()

    async def attach(self, *, resuming: bool) -> None:
        """Map the rings that the frontend has offered, bind its ports, and take what is there."""
        offer = await NetbackOffer.read(self.store, self.served.frontend_path)
        credit = await self._credit()
        refs = [ref for queue in offer.queues for ref in (queue.tx_ref, queue.rx_ref)]
        if offer.control is not None:
            refs.append(offer.control[0])
        mappings = await self._map(refs)
        connection = None
        try:
            connection = self._make(offer, mappings, credit)
            if resuming:
                connection.take_up()
            await connection.bind()
        except (RingBroken, XenError) as error:
            if connection is not None:
                await connection.close()
            await self._unmap(mappings)
            if resuming and isinstance(error, RingBroken):
                raise ResumeImpossibleError(str(error)) from error
            raise
        self._connection = connection
        connection.begin(resuming=resuming)

    async def detach(self) -> None:
        """Answer nothing more, wait for what is under way, give the rings back."""
        connection = self._connection
        assert connection is not None, "only what is attached is detached"
        self._connection = None
        await connection.close()
        await self._unmap(connection.mappings)

    async def _look(self) -> None:
        restarts, self._restarting = self._restarting, False
        if restarts and self.state is XenbusState.Connected and not self.store_lost:
            self.say("is probed again")
            await self._reopen()
        await super()._look()

    async def _wait_for_frontend(self) -> None:
        await super()._wait_for_frontend()
        nodes = await self.store.read_all(f"{self.path}/{key}" for key in ("mac", "ip", "antispoof"))
        mac, ip, antispoof = (nodes.get(f"{self.path}/{key}", "") for key in ("mac", "ip", "antispoof"))
        problem = self._plug.join(mac, ip, antispoof=antispoof == "yes")
        if problem:
            self.say(f"hotplug: {problem}")
        await self.store.transact(self._tell_hotplug)

    async def _tell_hotplug(self, transaction: StoreNodes) -> None:
        if await read_or(transaction, f"{self.path}/frontend", ""):  # it may have been removed meanwhile
            nodes = self._plug.nodes()
            await transaction.write_all({f"{self.path}/{key}": value for key, value in nodes.items()})

    async def _connect(self) -> None:
        if self._plug.is_in:
            await super()._connect()

    async def _take_up(self) -> None:
        if self._plug.is_in:
            await super()._take_up()

    async def _credit(self) -> Credit:
        text = (await self.store.read_all([f"{self.path}/rate"])).get(f"{self.path}/rate", "")
        rate = parse_rate(text)
        if rate is None:
            self.say(f"rate {text[:40]!r} makes no sense: traffic is unlimited")
        return Credit(*(rate or UNLIMITED), self.kernel.threads.now_ns)

    async def _map(self, refs: list[int]) -> list[MappedFrame]:
        found = await self.kernel.grants.map_all([(self.served.domid, ref) for ref in refs])
        mappings = [each for each in found if each is not None]
        if len(mappings) < len(refs):
            await self._unmap(mappings)
            raise GrantRefused(GrantStatus.bad_gntref, f"rings of domain {self.served.domid}")
        return mappings

    async def _unmap(self, mappings: list[MappedFrame]) -> None:
        for each in mappings:
            await self.kernel.grants.unmap(each)

    def _make(self, offer: NetbackOffer, mappings: list[MappedFrame], credit: Credit) -> NetbackConnection:
        return NetbackConnection(
            self.kernel,
            (self.served.domid, self._plug.name),
            offer,
            mappings,
            counters=self._counters,
            credit=credit,
            send=self._take,
            say=self.say,
            broken=self._break,
        )

    def _take(self, packet: Packet) -> None:
        if self._tap.on:
            self._tap.saw(Direction.inbound, packet, self.kernel.threads.now_ns)
        self._plug.send(packet)

    def _deliver(self, packet: Packet) -> None:
        # Its guest may know that this end is Connected before the store has told so here.
        connection = self._connection
        if self._tap.on:
            drop = "" if connection is not None else NO_CARRIER
            self._tap.saw(Direction.outbound, packet, self.kernel.threads.now_ns, drop)
        if connection is None:
            self._counters.drop(NO_CARRIER)
        else:
            connection.deliver(packet)

    def _break(self, why: str) -> None:
        if self._connection is not None:
            self._connection.stop()
        self.break_off(f"domain {self.served.domid} broke the ring: {why}")
