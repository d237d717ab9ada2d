"""A request to its method: parse the payload, check it, do it.

Rules: every method gets (client, view, payload) and returns the payload of the answer, or raises XenError
before anything has changed. Watch events that a request causes are added to `events`, in order.
Source: docs/misc/xenstore.txt, tools/xenstored/core.c (payload forms, who may do what).
What is about domains, features, quotas and the daemon itself is in `administration.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.releases import Release
from actors.abi.xs_wire import HEADER_BYTES, XENSTORE_PAYLOAD_MAX, XsType
from actors.xenstore import operations
from actors.xenstore.archive import UncommittedChanges
from actors.xenstore.connections import Connection, event_message
from actors.xenstore.numbers import unsigned
from actors.xenstore.operations import Change
from actors.xenstore.paths import absolute, guarded_path, node_path, watch_path
from actors.xenstore.permissions import PRIVATE, Access, Permission
from actors.xenstore.quotas import Quotas, QuotaTable
from actors.xenstore.transactions import Operation, Transaction
from actors.xenstore.tree import Tree, View
from actors.xenstore.watches import Watch, Watches

OK: Final = b"OK\0"

OUTSIDE: Final = frozenset({XsType.WATCH, XsType.UNWATCH})
"""What does not mind the transaction that a request names."""

Method = Callable[["Requests", Connection, View, bytes], bytes]


@dataclass(slots=True)
class Outgoing:
    """A message for a client."""

    connection: int
    message: bytes


@dataclass(slots=True)
class Introduction:
    """A client wants a domain introduced; to be answered by `XenStore.answer` when that is done."""

    connection: int
    req_id: int
    domid: int
    port: int


@dataclass(slots=True)
class Released:
    """A domain's ring is not to be served any more."""

    domid: int


@dataclass(slots=True)
class LiveUpdate:
    """A client wants the daemon replaced; `XenStore.answer` answers it."""

    connection: int
    req_id: int
    force: bool = False


@dataclass(slots=True)
class Printed:
    """A line for the daemon's log."""

    text: str


Output = Outgoing | Introduction | Released | LiveUpdate | Printed


class Requests:
    """Every request that is answered at once."""

    def __init__(
        self,
        tree: Tree,
        watches: Watches,
        connections: dict[int, Connection],
        quotas: Quotas,
        release: Release,
    ) -> None:
        self.release = release
        self.tree = tree
        self.watches = watches
        self.introduced: dict[int, None] = {}
        self.shut_down: dict[int, None] = {}
        self.events: list[Output] = []
        self._told: dict[tuple[int, bytes], None] = {}
        self.watch_events = 0
        self.quotas = QuotaTable(quotas)
        self.features: dict[int, int] = {}
        self.journal: UncommittedChanges | None = None
        self.log_requests = False
        self.connections = connections

    def view(self, client: Connection, kind: int, tx_id: int) -> View:
        """What a request works on. ENOENT for no such transaction, EAGAIN for one that was lost."""
        if tx_id == 0 or kind in OUTSIDE:
            return self.tree
        transaction = client.transactions.get(tx_id)
        if transaction is None:
            # One that was open when an earlier daemon ended is to be begun again.
            raise XenError(Errno.EAGAIN if client.restored else Errno.ENOENT, f"transaction {tx_id}")
        return transaction

    def fire(self, changes: list[Change]) -> None:
        """Tell who watches of what was changed."""
        if not self.watches:
            return
        for change in changes:
            for watch in self.watches.matching(change.path, exact=change.exact):
                client = self.connections[watch.connection]
                if any(operations.may(client, each, Access.READ) for each in change.readers):
                    self.tell(watch, change.path)

    def fire_special(self, path: str, domid: int) -> None:
        """Tell who watches that a domain has come or gone; who watches with a depth, of which one."""
        node = self.tree.get(path)
        permissions = PRIVATE if node is None else node.permissions
        detailed = f"{path}/{domid}"
        for concerned in (path, detailed) if self.release.watch_depths else (path,):
            for watch in self.watches.matching(concerned, exact=True):
                if operations.may(self.connections[watch.connection], permissions, Access.READ):
                    self.tell(watch, detailed if watch.depth else concerned)

    def tell(self, watch: Watch, path: str) -> None:
        """An event for a watch's owner: not one that is too long, and none of a node twice in a request."""
        message = event_message(watch.event_path(path), watch.token)
        key = watch.connection, message
        if len(message) > HEADER_BYTES + XENSTORE_PAYLOAD_MAX or (path[:1] != "@" and key in self._told):
            return
        self._told[key] = None
        self.watch_events += 1
        self.events.append(Outgoing(watch.connection, message))

    def take_events(self) -> list[Output]:
        """What a request has caused beside its answer."""
        events, self.events = self.events, []
        self._told.clear()
        return events

    def drop_watches(self, client: Connection) -> None:
        """Take all watches of a client back."""
        if client.kept and self.journal is not None:
            for watch in self.watches.of(client.id):
                self.journal.unwatch(client.domid, watch.path, watch.token)
        self.watches.remove_all(client.id)

    def read(self, client: Connection, view: View, payload: bytes) -> bytes:
        """READ path: the value."""
        return operations.read(view, client, node_path(client, one(payload))).value

    def directory(self, client: Connection, view: View, payload: bytes) -> bytes:
        """DIRECTORY path: the names of the children. E2BIG if they do not fit an answer."""
        children = operations.read(view, client, node_path(client, one(payload))).children
        answer = "".join(f"{name}\0" for name in children).encode()
        if len(answer) > XENSTORE_PAYLOAD_MAX:
            raise XenError(Errno.E2BIG, f"{len(children)} children")
        return answer

    def directory_part(self, client: Connection, view: View, payload: bytes) -> bytes:
        """DIRECTORY_PART path offset: generation, and names from an offset on; an empty one ends them."""
        asked, offset = exactly(payload, 2)
        first = unsigned(offset)
        node = operations.read(view, client, node_path(client, asked))
        names = b"".join(b"%s\0" % name.encode() for name in node.children)
        head = b"%d\0" % node.generation
        if first >= len(names):
            return head + b"\0"
        room = XENSTORE_PAYLOAD_MAX - len(head) - 1
        if len(names) - first <= room:
            return head + names[first:] + b"\0"
        return head + names[first : names.rindex(b"\0", first, first + room) + 1]

    def get_permissions(self, client: Connection, view: View, payload: bytes) -> bytes:
        """GET_PERMS path: the entries, the owner's first."""
        node = operations.read(view, client, node_path(client, one(payload)))
        return "".join(f"{each}\0" for each in node.permissions).encode()

    def write(self, client: Connection, view: View, payload: bytes) -> bytes:
        """WRITE path value."""
        head, nul, value = payload.partition(b"\0")
        if not nul:
            raise XenError(Errno.EINVAL, "a path without its end")
        path = node_path(client, head)
        return self._change(view, partial(operations.write, client=client, path=path, value=value))

    def mkdir(self, client: Connection, view: View, payload: bytes) -> bytes:
        """MKDIR path."""
        path = node_path(client, one(payload))
        return self._change(view, partial(operations.mkdir, client=client, path=path))

    def remove(self, client: Connection, view: View, payload: bytes) -> bytes:
        """RM path."""
        path = node_path(client, one(payload))
        return self._change(view, partial(operations.remove, client=client, path=path))

    def set_permissions(self, client: Connection, view: View, payload: bytes) -> bytes:
        """SET_PERMS path entry... ENOENT for an owner that cannot be."""
        head, *entries = several(payload, at_least=2)
        if not client.privileged and len(entries) > client.quotas.permissions:
            raise XenError(Errno.ENOSPC, f"{len(entries)} permissions")
        permissions = tuple([Permission.parse(each) for each in entries])
        if permissions[0].is_for_nobody:
            raise XenError(Errno.ENOENT, f"no domain can be {permissions[0].domid}")
        path = guarded_path(client, head)
        if head[:1] == b"@":
            operations.guard(self.tree, client, path, permissions)
            return OK
        return self._change(
            view, partial(operations.set_permissions, client=client, path=path, permissions=permissions)
        )

    def watch(self, client: Connection, _: View, payload: bytes) -> bytes:
        """WATCH path token, or path token depth: the first event follows the answer. EEXIST, E2BIG."""
        asked, token, *rest = several(payload, at_least=2)
        if len(rest) > (1 if self.release.watch_depths else 0):
            raise XenError(Errno.EINVAL, f"{len(rest) + 2} parts")
        depth = number_of(rest[0]) if rest else None
        path = watch_path(client, asked)
        known = self.watches.find(client.id, path, token)
        if known is not None and known.restored:
            self.watches.remove(client.id, path, token)
        elif known is not None:
            raise XenError(Errno.EEXIST, f"{path} {token!r}")
        if not client.privileged and self.watches.count(client.id) > client.quotas.watches:
            raise XenError(Errno.E2BIG, f"{self.watches.count(client.id)} watches")
        relative = asked[:1] not in (b"/", b"@")
        watch = Watch(client.id, path, token, len(client.home) + 1 if relative else 0, depth)
        self.watches.add(watch)
        if client.kept and self.journal is not None:
            self.journal.watch(client.domid, watch)
        self.tell(watch, path)
        return OK

    def unwatch(self, client: Connection, _: View, payload: bytes) -> bytes:
        """UNWATCH path token. ENOENT, for what is no path, too."""
        asked, token = exactly(payload, 2)
        path = absolute(client, asked)
        self.watches.remove(client.id, path, token)
        if client.kept and self.journal is not None:
            self.journal.unwatch(client.domid, path, token)
        return OK

    def reset_watches(self, client: Connection, _: View, __: bytes) -> bytes:
        """RESET_WATCHES, whatever comes with it: a kernel has just started. Transactions go, too."""
        self.drop_watches(client)
        client.transactions.clear()
        return OK

    def start_transaction(self, client: Connection, view: View, _: bytes) -> bytes:
        """TRANSACTION_START, whatever comes with it: its number. EBUSY inside of another, ENOSPC."""
        if view is not self.tree:
            raise XenError(Errno.EBUSY, "a transaction inside of a transaction")
        if not client.privileged and len(client.transactions) > client.quotas.transactions:
            raise XenError(Errno.ENOSPC, f"{len(client.transactions)} transactions")
        number = client.last_transaction
        while number == client.last_transaction or number in client.transactions:
            number = number % 0xFFFFFFFF + 1
        client.last_transaction = number
        client.transactions[number] = Transaction(self.tree, client)
        return b"%d\0" % number

    def end_transaction(self, client: Connection, view: View, payload: bytes) -> bytes:
        """TRANSACTION_END T or F: over in any case, unless this very request makes no sense. EAGAIN."""
        if payload not in {b"T\0", b"F\0"}:
            raise XenError(Errno.EINVAL, "neither T nor F")
        if not isinstance(view, Transaction):
            raise XenError(Errno.ENOENT, "no transaction")
        number = next(each for each, mine in client.transactions.items() if mine is view)
        del client.transactions[number]
        if payload == b"T\0":
            self.fire(view.commit())
        return OK

    def _change(self, view: View, operation: Operation) -> bytes:
        if isinstance(view, Transaction):
            view.perform(operation)
        else:
            self.fire(operation(view))
        return OK


def number_of(data: bytes) -> int:
    """A decimal number of at most 32 bits as a request names it. EINVAL."""
    if not data.isdigit() or len(data) > 10 or int(data) > 0xFFFFFFFF:
        raise XenError(Errno.EINVAL, f"number {data[:20]!r}")
    return int(data)


def several(payload: bytes, *, at_least: int) -> list[bytes]:
    """The strings of a payload, each with its NUL; what follows the last one is ignored. EINVAL: too few."""
    parts = payload.split(b"\0")[:-1]
    if len(parts) < at_least:
        raise XenError(Errno.EINVAL, f"a payload of {len(payload)} bytes in {len(parts)} parts")
    return parts


def exactly(payload: bytes, count: int) -> list[bytes]:
    """As many strings as are wanted. EINVAL."""
    parts = several(payload, at_least=count)
    if len(parts) != count:
        raise XenError(Errno.EINVAL, f"{len(parts)} parts instead of {count}")
    return parts


def one(payload: bytes) -> bytes:
    """The one string of a payload, with nothing behind it. EINVAL."""
    data, nul, rest = payload.partition(b"\0")
    if not nul or rest:
        raise XenError(Errno.EINVAL, "not one string with a NUL at its end")
    return data
