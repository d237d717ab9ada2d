"""The store as a whole: a request goes in, messages for any clients come out.

Rules: nothing here waits or does I/O; what needs the hypervisor (mapping the ring of a domain that is
introduced) is handed out as an `Introduction` and answered later. A refused request changes nothing but,
for TRANSACTION_END, that the transaction is over. What an archive is to keep goes into its journal, which
the daemon commits before it lets anybody see an answer.
Source: docs/misc/xenstore.txt, tools/xenstored/{core,domain}.c.
"""

from dataclasses import dataclass, field
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.releases import RELEASES, Release
from actors.abi.xs_wire import XsType, error_payload, pack_message
from actors.xenstore.administration import another_of, introduction_of
from actors.xenstore.clients import Clients
from actors.xenstore.connections import Connection
from actors.xenstore.domains import Domains
from actors.xenstore.quotas import Quotas
from actors.xenstore.request_table import BY_DAEMON, METHODS, PRIVILEGED
from actors.xenstore.requests import (
    OK,
    Introduction,
    LiveUpdate,
    Outgoing,
    Output,
    Printed,
    Released,
    Requests,
)
from actors.xenstore.tree import Tree
from actors.xenstore.watches import Watches

UNKNOWN: Final = -1
_KINDS: Final = frozenset(int(each) for each in XsType)


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """Counters and gauges of a store; `operations` counts requests by name, `conflicts` refused commits."""

    requests: int
    operations: dict[str, int]
    refusals: int
    nodes: int
    watches: int
    watch_events: int
    transactions: int
    transactions_started: int
    conflicts: int
    connections: int
    domains: int


@dataclass(slots=True)
class Counts:
    """What a store has been asked, by the kind of the request, and what it has refused."""

    handled: dict[int, int] = field(default_factory=dict)
    refused: int = 0
    conflicts: int = 0


class XenStore:
    """Nodes, watches, transactions and clients."""

    def __init__(
        self,
        quotas: Quotas | None = None,
        *,
        own_domid: int | None = None,
        release: Release = RELEASES["4.17"],
        counts: Counts | None = None,
    ) -> None:
        """`own_domid` is the domain in which the daemon runs: it counts as introduced.

        `release`: of which Xen the daemon is; what came later is ENOSYS. `counts` are gone on with.
        """
        self.defaults = quotas or Quotas()
        self.release = release
        self.own_domid = own_domid
        self.tree = Tree()
        self.watches = Watches()
        self._connections: dict[int, Connection] = {}
        self.requests = Requests(self.tree, self.watches, self._connections, self.defaults, release)
        if own_domid is not None:
            self.requests.introduced[own_domid] = None
        self.clients = Clients(self.requests)
        self.domains = Domains(self.requests, self.clients)
        self.counts = counts or Counts()
        self._methods = {kind: method for kind, method in METHODS.items() if release.serves(kind)}

    def handle(self, connection: int, kind: int, req_id: int, tx_id: int, payload: bytes) -> list[Output]:
        """One request: events for any clients, and the answer, which a WATCH's first event follows."""
        client = self._connections[connection]
        requests, counts = self.requests, self.counts
        known = kind if kind in _KINDS else UNKNOWN
        counts.handled[known] = counts.handled.get(known, 0) + 1
        try:
            method = self._methods.get(kind)
            if method is None or kind in PRIVILEGED:
                self._check_kind(client, kind)
            view = requests.view(client, kind, tx_id)
            if method is None:
                return self._about_domain(client, kind, req_id, payload)
            if kind == XsType.CONTROL and payload.startswith(b"live-update\0"):
                return self._live_update(client, req_id, payload)
            answer = method(requests, client, view, payload)
        except XenError as error:
            counts.refused += 1
            counts.conflicts += kind == XsType.TRANSACTION_END and error.errno is Errno.EAGAIN
            kind, answer = XsType.ERROR, error_payload(error.errno)
        reply = Outgoing(connection, pack_message(kind, req_id, tx_id, answer))
        if requests.log_requests:
            requests.events.append(Printed(f"request {kind} of domain {client.domid}: {payload[:80]!r}"))
        if not requests.events:
            return [reply]
        events = requests.take_events()
        return [reply, *events] if kind == XsType.WATCH else [*events, reply]

    def answer(self, request: Introduction | LiveUpdate, refusal: Errno | None = None) -> Outgoing:
        """The answer to what the daemon was to do; EBUSY asks who wants a live update to try again."""
        kind, answer = (XsType.INTRODUCE if isinstance(request, Introduction) else XsType.CONTROL), OK
        if refusal is Errno.EBUSY and kind is XsType.CONTROL:
            answer = b"BUSY\0"
        elif refusal is not None:
            self.counts.refused += 1
            kind, answer = XsType.ERROR, error_payload(refusal)
        return Outgoing(request.connection, pack_message(kind, request.req_id, 0, answer))

    @property
    def has_transactions(self) -> bool:
        """Whether a transaction is open."""
        return any(each.transactions for each in self._connections.values())

    def check(self) -> None:
        """Invariants of the tree, and nothing is left of who is gone."""
        self.tree.check()
        self.watches.check()
        self._check_connections()

    def check_touched(self) -> None:
        """The same of what was touched since the last call."""
        self.tree.check_touched()
        self._check_connections()

    def _check_connections(self) -> None:
        for connection in self.domains.connections.values():
            assert connection in self._connections, f"connection {connection} is gone"
        assert not self.requests.events, "events were left behind"

    def statistics(self) -> StoreStatistics:
        """What the store has done and has."""
        return StoreStatistics(
            requests=sum(self.counts.handled.values()),
            operations={_name(kind): count for kind, count in sorted(self.counts.handled.items())},
            refusals=self.counts.refused,
            nodes=len(self.tree),
            watches=len(self.watches),
            watch_events=self.requests.watch_events,
            transactions=sum(len(each.transactions) for each in self._connections.values()),
            transactions_started=self.counts.handled.get(XsType.TRANSACTION_START, 0),
            conflicts=self.counts.conflicts,
            connections=len(self._connections),
            domains=len(self.requests.introduced),
        )

    def _check_kind(self, client: Connection, kind: int) -> None:
        """ENOSYS for what there is not in this release; EACCES for what only the privileged may ask."""
        if kind not in self._methods and kind not in BY_DAEMON:
            raise XenError(Errno.ENOSYS, f"request {kind}")
        if kind in PRIVILEGED and not client.privileged:
            raise XenError(Errno.EACCES, f"request {kind} of domain {client.domid}")

    def _about_domain(self, client: Connection, kind: int, req_id: int, payload: bytes) -> list[Output]:
        if kind == XsType.INTRODUCE:
            return [Introduction(client.id, req_id, *introduction_of(payload))]
        domid = another_of(payload)
        if domid not in self.domains.connections:
            raise XenError(Errno.ENOENT, f"domain {domid} is not introduced")
        if domid == client.domid:
            raise XenError(Errno.EINVAL, "a domain cannot release itself")
        events = self.domains.remove(domid)
        return [Released(domid), *events, Outgoing(client.id, pack_message(kind, req_id, 0, OK))]

    def _live_update(self, client: Connection, req_id: int, payload: bytes) -> list[Output]:
        """CONTROL live-update: only `-s` does something, everything else prepares what we have anyway."""
        words = payload.split(b"\0")[1:-1]
        if not words or any(each[:1] == b"-" and each not in _LIVE_UPDATE for each in words):
            raise XenError(Errno.EINVAL, f"live-update {words}")
        request = LiveUpdate(client.id, req_id, force=b"-F" in words)
        return [request] if b"-s" in words else [self.answer(request)]


def _name(kind: int) -> str:
    return "unknown" if kind == UNKNOWN else XsType(kind).name.lower()


_LIVE_UPDATE: Final = frozenset({b"-a", b"-c", b"-f", b"-s", b"-t", b"-F"})
