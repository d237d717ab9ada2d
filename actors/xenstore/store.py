"""The store as a whole: a request goes in, messages for any clients come out.

Rules: nothing here waits or does I/O; what needs the hypervisor (mapping the ring of a domain that is
introduced) is handed out as an `Introduction` and answered later. A refused request changes nothing but,
for TRANSACTION_END, that the transaction is over. What an archive is to keep goes into its journal, which
the daemon commits before it lets anybody see an answer.
Source: docs/misc/xenstore.txt, tools/xenstored/{core,domain}.c.
"""

from dataclasses import dataclass, replace
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.releases import RELEASES, Release
from actors.abi.xs_wire import XsType, error_payload, pack_message
from actors.xenstore.administration import FEATURES, another_of, introduction_of
from actors.xenstore.archive import Records, UncommittedChanges
from actors.xenstore.connections import Connection
from actors.xenstore.operations import cut
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
from actors.xenstore.tree import INTRODUCE_DOMAIN, RELEASE_DOMAIN, ROOT, SPECIAL, Node, Tree
from actors.xenstore.watches import Watch, Watches

CONTROL_DOMAIN: Final = 0
EPOCH: Final = "epoch"
EPOCH_BITS: Final = 20
"""How many transactions a connection may start before its numbers could meet those of the next daemon."""

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

    def __init__(
        self,
        quotas: Quotas | None = None,
        *,
        own_domid: int | None = None,
        release: Release = RELEASES["4.17"],
    ) -> None:
        """`own_domid` is the domain in which the daemon runs: it counts as introduced.

        `release`: of which Xen the daemon is; what came later is ENOSYS.
        """
        self.defaults = quotas or Quotas()
        self.release = release
        self.own_domid = own_domid
        self.tree = Tree()
        self.watches = Watches()
        self._connections: dict[int, Connection] = {}
        self._requests = Requests(self.tree, self.watches, self._connections, self.defaults, release)
        if own_domid is not None:
            self._requests.introduced[own_domid] = None
        self._methods = {kind: method for kind, method in METHODS.items() if release.serves(kind)}
        self._journal: UncommittedChanges | None = None
        self._epoch = 0
        self._last_connection = 0
        self._of_domain: dict[int, int] = {}
        self._handled: dict[int, int] = {}
        self._conflicts = 0
        self._refused = 0

    def connect(self, domid: int, *, privileged: bool) -> int:
        """A new client that speaks for a domain; the number of the connection."""
        self._last_connection += 1
        number = self._last_connection
        quotas = self._requests.quotas.of(domid)
        self._connections[number] = client = Connection(number, domid, privileged=privileged, quotas=quotas)
        client.last_transaction = self._epoch << EPOCH_BITS & 0xFFFFFFFF
        return number

    def disconnect(self, connection: int) -> None:
        """A client is gone: its watches and transactions are, too."""
        client = self._connections[connection]
        self._requests.drop_watches(client)
        del self._connections[connection]

    def reset(self, connection: int) -> None:
        """A client begins anew: its watches and transactions are gone."""
        client = self._connections[connection]
        self._requests.drop_watches(client)
        client.transactions.clear()
        client.restored = False

    def handle(self, connection: int, kind: int, req_id: int, tx_id: int, payload: bytes) -> list[Output]:
        """One request: events for any clients, and the answer, which a WATCH's first event follows."""
        client = self._connections[connection]
        requests = self._requests
        known = kind if kind in _KINDS else UNKNOWN
        self._handled[known] = self._handled.get(known, 0) + 1
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
            self._refused += 1
            self._conflicts += kind == XsType.TRANSACTION_END and error.errno is Errno.EAGAIN
            kind, answer = XsType.ERROR, error_payload(error.errno)
        reply = Outgoing(connection, pack_message(kind, req_id, tx_id, answer))
        if requests.log_requests:
            requests.events.append(Printed(f"request {kind} of domain {client.domid}: {payload[:80]!r}"))
        if not requests.events:
            return [reply]
        events = requests.take_events()
        return [reply, *events] if kind == XsType.WATCH else [*events, reply]

    def connection_of(self, domid: int) -> int | None:
        """The connection of an introduced domain."""
        return self._of_domain.get(domid)

    def quotas(self, domid: int) -> Quotas:
        """What holds for a domain that is not privileged."""
        return self._requests.quotas.of(domid)

    def features(self, domid: int) -> int:
        """The feature bits that a domain is to see in its ring page."""
        return self._requests.features.get(domid, FEATURES)

    def introduce(self, domid: int, port: int = 0, *, privileged: bool = False) -> tuple[int, list[Output]]:
        """A domain's ring is served from now on: its connection, and who is told if it is new.

        One that was served already begins anew, which is no news to anybody.
        """
        connection = self._of_domain.get(domid)
        if self._journal is not None:
            self._journal.domain(domid, port)
        if connection is not None:
            self.reset(connection)
            return connection, []
        connection = self._of_domain[domid] = self.connect(domid, privileged=privileged)
        self._connections[connection].kept = True
        self._requests.introduced[domid] = None
        self._requests.shut_down.pop(domid, None)
        self._requests.fire_special(INTRODUCE_DOMAIN, domid)
        return connection, self._requests.take_events()

    def answer(self, request: Introduction, refusal: Errno | None = None) -> Outgoing:
        """The answer to an `Introduction`."""
        if refusal is None:
            message = pack_message(XsType.INTRODUCE, request.req_id, 0, OK)
        else:
            self._refused += 1
            message = pack_message(XsType.ERROR, request.req_id, 0, error_payload(refusal))
        return Outgoing(request.connection, message)

    def answer_control(self, request: LiveUpdate, refusal: Errno | None = None) -> Outgoing:
        """The answer to a `LiveUpdate`; EBUSY asks the client to try again."""
        if refusal is None or refusal is Errno.EBUSY:
            answer = OK if refusal is None else b"BUSY\0"
            return Outgoing(request.connection, pack_message(XsType.CONTROL, request.req_id, 0, answer))
        self._refused += 1
        message = pack_message(XsType.ERROR, request.req_id, 0, error_payload(refusal))
        return Outgoing(request.connection, message)

    def shut_down(self, domid: int) -> list[Output]:
        """An introduced domain has shut down or crashed, but still exists; told once."""
        if domid not in self._requests.introduced or domid in self._requests.shut_down:
            return []
        self._requests.shut_down[domid] = None
        self._requests.fire_special(RELEASE_DOMAIN, domid)
        return self._requests.take_events()

    def lose(self, domid: int) -> list[Output]:
        """A domain is gone, but another may come under its id: its nodes stay."""
        connection = self._of_domain.pop(domid, None)
        self._requests.introduced.pop(domid, None)
        self._requests.shut_down.pop(domid, None)
        if connection is not None:
            self.disconnect(connection)
        if self._journal is not None:
            self._journal.domain(domid, None)
        self._requests.fire_special(RELEASE_DOMAIN, domid)
        return self._requests.take_events()

    def remove(self, domid: int) -> list[Output]:
        """A domain is gone for good: its connection, the nodes that belong to it with all below, its rights.

        Whoever comes under its id later finds nothing that was meant for it (XSA-322).
        """
        events = self.lose(domid)
        self._forget_settings(domid)
        self._forget_rights(domid)
        for path in self.tree.owned_by(domid):
            if path != ROOT and self.tree.get(path) is not None:
                self._requests.fire(cut(self.tree, path))
        for path in (ROOT, *SPECIAL):
            self._return(path, domid)
        return [*self._requests.take_events(), *events]

    def _return(self, path: str, domid: int) -> None:
        """What cannot be removed with its owner is domain 0's again."""
        node = self.tree.get(path)
        if node is not None and node.owner == domid:
            owner, *others = node.permissions
            permissions = (replace(owner, domid=CONTROL_DOMAIN), *others)
            self.tree.put(path, Node(node.value, permissions, node.children))

    def _forget_rights(self, domid: int) -> None:
        self.tree.forget_permissions(domid)
        for client in self._connections.values():
            for transaction in client.transactions.values():
                transaction.forget_permissions(domid)
            if client.target == domid:
                client.target = None
                if self._journal is not None:
                    self._journal.setting(f"target/{client.domid}", None)

    # What outlives a daemon.

    def keep(self, journal: UncommittedChanges, records: Records) -> dict[int, int]:
        """Take over what an archive has, and have every change noted; (domain, port) pairs to be served.

        A restored connection has its watches; a transaction that it had open is EAGAIN.
        """
        fresh = not records.nodes
        if not fresh:
            self.tree.restore(records.nodes)
        for name, value in records.settings.items():
            self._restore_setting(name.split("/"), value)
        for domid in records.domains:
            self._restore_connection(domid, records.settings.get(f"target/{domid}"))
        for domid, path, token, shown_from, depth in records.watches:
            connection = self._of_domain.get(domid)
            if connection is not None:
                self.watches.add(Watch(connection, path, token, shown_from, depth, restored=True))
        self._journal = self.tree.journal = self._requests.journal = journal
        self._epoch += 1
        journal.setting(EPOCH, self._epoch)
        if fresh:
            for path, node in self.tree.rows():
                journal.put(path, node)
        return records.domains

    def successor(self) -> "Store":
        """The store as the daemon after a live update has it; open transactions are aborted.

        Everything is written down as rows and read into fresh tables; connections keep their numbers.
        """
        store = Store(self.defaults, own_domid=self.own_domid, release=self.release)
        store.tree.restore(
            (path, node.value, node.permissions, node.generation) for path, node in self.tree.rows()
        )
        old, new = self._requests, store._requests
        store.tree.generation = self.tree.generation
        new.introduced.update(old.introduced)
        new.shut_down.update(old.shut_down)
        new.features.update(old.features)
        for domid, name, value in old.quotas.rows():
            new.quotas.set(domid, name, value)
        for number, client in self._connections.items():
            store._restore_client(number, client)
            for watch in self.watches.of(number):
                store.watches.add(Watch(number, watch.path, watch.token, watch.shown_from, watch.depth))
        store._of_domain.update(self._of_domain)
        store._last_connection, store._epoch = self._last_connection, self._epoch
        store._handled, store._refused = self._handled, self._refused
        store._conflicts, new.watch_events = self._conflicts, old.watch_events
        new.log_requests = old.log_requests
        store._journal = store.tree.journal = new.journal = self._journal
        return store

    @property
    def has_transactions(self) -> bool:
        """Whether a transaction is open."""
        return any(each.transactions for each in self._connections.values())

    def _restore_client(self, number: int, old: Connection) -> None:
        quotas = self._requests.quotas.of(old.domid)
        client = Connection(number, old.domid, privileged=old.privileged, quotas=quotas)
        client.target, client.kept, client.restored = old.target, old.kept, True
        client.last_transaction = old.last_transaction
        self._connections[number] = client

    def _restore_connection(self, domid: int, target: int | None) -> None:
        connection = self._of_domain[domid] = self.connect(domid, privileged=domid == CONTROL_DOMAIN)
        client = self._connections[connection]
        client.kept = client.restored = True
        client.target = target
        self._requests.introduced[domid] = None

    def _restore_setting(self, name: list[str], value: int) -> None:
        match name:
            case ["epoch"]:
                self._epoch = value
            case ["quota", domid, quota]:
                self._requests.quotas.set(int(domid) if domid else None, quota, value)
            case ["feature", domid]:
                self._requests.features[int(domid)] = value

    def _forget_settings(self, domid: int) -> None:
        quotas = self._requests.quotas.forget(domid)
        feature = self._requests.features.pop(domid, None)
        if self._journal is not None:
            for name in quotas:
                self._journal.setting(f"quota/{domid}/{name}", None)
            if feature is not None:
                self._journal.setting(f"feature/{domid}", None)
            self._journal.setting(f"target/{domid}", None)

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
        if domid not in self._of_domain:
            raise XenError(Errno.ENOENT, f"domain {domid} is not introduced")
        if domid == client.domid:
            raise XenError(Errno.EINVAL, "a domain cannot release itself")
        events = self.remove(domid)
        return [Released(domid), *events, Outgoing(client.id, pack_message(kind, req_id, 0, OK))]

    def _live_update(self, client: Connection, req_id: int, payload: bytes) -> list[Output]:
        """CONTROL live-update: only `-s` does something, everything else prepares what we have anyway."""
        words = payload.split(b"\0")[1:-1]
        if not words or any(each[:1] == b"-" and each not in _LIVE_UPDATE for each in words):
            raise XenError(Errno.EINVAL, f"live-update {words}")
        request = LiveUpdate(client.id, req_id, force=b"-F" in words)
        return [request] if b"-s" in words else [self.answer_control(request)]


def _name(kind: int) -> str:
    return "unknown" if kind == UNKNOWN else XsType(kind).name.lower()


_LIVE_UPDATE: Final = frozenset({b"-a", b"-c", b"-f", b"-s", b"-t", b"-F"})
