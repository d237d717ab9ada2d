"""The store as a whole: a request goes in, messages for any clients come out.

Rules: nothing here waits or does I/O; what needs the hypervisor (mapping the ring of a domain that is
introduced) is handed out as an `Introduction` and answered later. A refused request changes nothing but,
for TRANSACTION_END, that the transaction is over.
Source: docs/misc/xenstore.txt, tools/xenstored/{core,domain}.c.
"""

from dataclasses import dataclass
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.xs_wire import XsType, error_payload, pack_message
from actors.xenstore.connections import Connection
from actors.xenstore.operations import cut
from actors.xenstore.permissions import PRIVATE
from actors.xenstore.quotas import Quotas
from actors.xenstore.requests import (
    METHODS,
    OK,
    PRIVILEGED,
    Introduction,
    Method,
    Outgoing,
    Output,
    Released,
    Requests,
    introduction_of,
    release_of,
)
from actors.xenstore.tree import INTRODUCE_DOMAIN, RELEASE_DOMAIN, ROOT, SPECIAL, Node, Tree
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


class Store:
    """Nodes, watches, transactions and clients."""

    def __init__(self, quotas: Quotas | None = None, *, own_domid: int | None = None) -> None:
        """`own_domid` is the domain in which the daemon runs: it counts as introduced."""
        self.quotas = quotas or Quotas()
        self.tree = Tree()
        self.watches = Watches()
        self._connections: dict[int, Connection] = {}
        self._requests = Requests(self.tree, self.watches, self._connections)
        if own_domid is not None:
            self._requests.introduced[own_domid] = None
        self._last_connection = 0
        self._of_domain: dict[int, int] = {}
        self._shut_down: dict[int, None] = {}
        self._handled: dict[int, int] = {}
        self._conflicts = 0
        self._refused = 0

    def connect(self, domid: int, *, privileged: bool) -> int:
        """A new client that speaks for a domain; the number of the connection."""
        self._last_connection += 1
        number = self._last_connection
        self._connections[number] = Connection(number, domid, privileged=privileged, quotas=self.quotas)
        return number

    def disconnect(self, connection: int) -> None:
        """A client is gone: its watches and transactions are, too."""
        self.watches.remove_all(connection)
        del self._connections[connection]

    def reset(self, connection: int) -> None:
        """A client begins anew: its watches and transactions are gone."""
        self.watches.remove_all(connection)
        self._connections[connection].transactions.clear()

    def handle(self, connection: int, kind: int, req_id: int, tx_id: int, payload: bytes) -> list[Output]:
        """One request: events for any clients, and the answer, which a WATCH's first event follows."""
        client = self._connections[connection]
        requests = self._requests
        known = kind if kind in _KINDS else UNKNOWN
        self._handled[known] = self._handled.get(known, 0) + 1
        try:
            method = _method(client, kind)
            if method is None:
                return self._about_domain(client, kind, req_id, payload)
            answer = method(requests, client, requests.view(client, kind, tx_id), payload)
        except XenError as error:
            self._refused += 1
            self._conflicts += kind == XsType.TRANSACTION_END and error.errno is Errno.EAGAIN
            kind, answer = XsType.ERROR, error_payload(error.errno)
        reply = Outgoing(connection, pack_message(kind, req_id, tx_id, answer))
        if not requests.events:
            return [reply]
        events = self._take_events()
        return [reply, *events] if kind == XsType.WATCH else [*events, reply]

    def connection_of(self, domid: int) -> int | None:
        """The connection of an introduced domain."""
        return self._of_domain.get(domid)

    def introduce(self, domid: int, *, privileged: bool = False) -> tuple[int, list[Output]]:
        """A domain's ring is served from now on: its connection, new or begun anew, and who is told."""
        connection = self._of_domain.get(domid)
        if connection is None:
            connection = self._of_domain[domid] = self.connect(domid, privileged=privileged)
        else:
            self.reset(connection)
        self._requests.introduced[domid] = None
        self._shut_down.pop(domid, None)
        self._requests.fire_special(INTRODUCE_DOMAIN)
        return connection, self._take_events()

    def answer(self, request: Introduction, refusal: Errno | None = None) -> Outgoing:
        """The answer to an `Introduction`."""
        if refusal is None:
            message = pack_message(XsType.INTRODUCE, request.req_id, 0, OK)
        else:
            self._refused += 1
            message = pack_message(XsType.ERROR, request.req_id, 0, error_payload(refusal))
        return Outgoing(request.connection, message)

    def shut_down(self, domid: int) -> list[Output]:
        """An introduced domain has shut down or crashed, but still exists; told once."""
        if domid not in self._requests.introduced or domid in self._shut_down:
            return []
        self._shut_down[domid] = None
        self._requests.fire_special(RELEASE_DOMAIN)
        return self._take_events()

    def lose(self, domid: int) -> list[Output]:
        """A domain is gone, but another may come under its id: its nodes stay."""
        connection = self._of_domain.pop(domid, None)
        self._requests.introduced.pop(domid, None)
        self._shut_down.pop(domid, None)
        if connection is not None:
            self.disconnect(connection)
        self._requests.fire_special(RELEASE_DOMAIN)
        return self._take_events()

    def remove(self, domid: int) -> list[Output]:
        """A domain is gone for good: its connection, and the nodes that belong to it with all below."""
        events = self.lose(domid)
        for path in self.tree.owned_by(domid):
            node = self.tree.get(path)
            if path in {ROOT, *SPECIAL} and node is not None:
                self.tree.put(path, Node(node.value, PRIVATE, node.children))
            elif node is not None:
                self._requests.fire(cut(self.tree, path, node))
        return [*self._take_events(), *events]

    def check(self) -> None:
        """Invariants of the tree, and nothing is left of who is gone."""
        self.tree.check()
        self.watches.check()
        for connection in self._of_domain.values():
            assert connection in self._connections, f"connection {connection} is gone"
        assert not self._requests.events, "events were left behind"

    def statistics(self) -> StoreStatistics:
        """What the store has done and has."""
        return StoreStatistics(
            requests=sum(self._handled.values()),
            operations={_name(kind): count for kind, count in sorted(self._handled.items())},
            refusals=self._refused,
            nodes=len(self.tree),
            watches=len(self.watches),
            watch_events=self._requests.watch_events,
            transactions=sum(len(each.transactions) for each in self._connections.values()),
            transactions_started=self._handled.get(XsType.TRANSACTION_START, 0),
            conflicts=self._conflicts,
            connections=len(self._connections),
            domains=len(self._requests.introduced),
        )

    def _about_domain(self, client: Connection, kind: int, req_id: int, payload: bytes) -> list[Output]:
        if kind == XsType.INTRODUCE:
            return [Introduction(client.id, req_id, *introduction_of(payload))]
        domid = release_of(payload)
        if domid not in self._of_domain:
            raise XenError(Errno.ENOENT, f"domain {domid} is not introduced")
        if domid == client.domid:
            raise XenError(Errno.EINVAL, "a domain cannot release itself")
        events = self.remove(domid)
        return [Released(domid), *events, Outgoing(client.id, pack_message(kind, req_id, 0, OK))]

    def _take_events(self) -> list[Output]:
        events, self._requests.events = self._requests.events, []
        return events


def _name(kind: int) -> str:
    return "unknown" if kind == UNKNOWN else XsType(kind).name.lower()


def _method(client: Connection, kind: int) -> Method | None:
    """What does this request; None for the two that are about a domain's ring. EACCES, ENOSYS."""
    if kind in PRIVILEGED and not client.privileged:
        raise XenError(Errno.EACCES, f"request {kind} of domain {client.domid}")
    method = METHODS.get(kind)
    if method is None and kind not in {XsType.INTRODUCE, XsType.RELEASE}:
        raise XenError(Errno.ENOSYS, f"request {kind}")
    return method
