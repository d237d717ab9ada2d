"""A request to its method: parse the payload, check it, do it.

Rules: every method gets (client, view, payload) and returns the payload of the answer, or raises XenError
before anything has changed. Watch events that a request causes are added to `events`, in order.
Source: docs/misc/xenstore.txt, tools/xenstored/core.c (payload forms, who may do what).
Left out: CONTROL, RESUME, SET_TARGET, DIRECTORY_PART, features and quotas; they answer ENOSYS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.types import DOMID_FIRST_RESERVED
from actors.abi.xs_wire import XENSTORE_PAYLOAD_MAX, XsType
from actors.xenstore import operations
from actors.xenstore.connections import Connection, event_message
from actors.xenstore.operations import Change
from actors.xenstore.paths import node_path
from actors.xenstore.permissions import PRIVATE, Access, Permission
from actors.xenstore.transactions import Operation, Transaction
from actors.xenstore.tree import Tree, View
from actors.xenstore.watches import Watch, Watches

OK: Final = b"OK\0"

Method = Callable[["Requests", Connection, View, bytes], bytes]


@dataclass(slots=True)
class Outgoing:
    """A message for a client."""

    connection: int
    message: bytes


@dataclass(slots=True)
class Introduction:
    """A client wants a domain introduced; to be answered by `Store.answer` when that is done."""

    connection: int
    req_id: int
    domid: int
    port: int


@dataclass(slots=True)
class Released:
    """A domain's ring is not to be served any more."""

    domid: int


Output = Outgoing | Introduction | Released


class Requests:
    """Every request that is answered at once."""

    def __init__(self, tree: Tree, watches: Watches, connections: dict[int, Connection]) -> None:
        self.tree = tree
        self.watches = watches
        self.introduced: dict[int, None] = {}
        self.events: list[Output] = []
        self.watch_events = 0
        self._connections = connections

    def view(self, client: Connection, kind: int, tx_id: int) -> View:
        """What a request works on. ENOENT for a transaction that the client does not have."""
        if tx_id == 0 or kind in WITHOUT_TRANSACTION:
            return self.tree
        transaction = client.transactions.get(tx_id)
        if transaction is None:
            raise XenError(Errno.ENOENT, f"transaction {tx_id}")
        return transaction

    def fire(self, changes: list[Change]) -> None:
        """Tell who watches of what was changed."""
        if not self.watches:
            return
        for change in changes:
            for watch in self.watches.matching(change.path, exact=change.exact):
                client = self._connections[watch.connection]
                if operations.may(client, change.permissions, Access.READ):
                    self.watch_events += 1
                    message = event_message(watch.event_path(change.path), watch.token)
                    self.events.append(Outgoing(watch.connection, message))

    def fire_special(self, path: str) -> None:
        """Tell who watches that a domain has come or gone."""
        node = self.tree.get(path)
        self.fire([Change(path, PRIVATE if node is None else node.permissions, exact=True)])

    def read(self, client: Connection, view: View, payload: bytes) -> bytes:
        """READ path: the value."""
        return operations.read(view, client, node_path(client, _one(payload))).value

    def directory(self, client: Connection, view: View, payload: bytes) -> bytes:
        """DIRECTORY path: the names of the children. E2BIG if they do not fit an answer."""
        children = operations.read(view, client, node_path(client, _one(payload))).children
        answer = "".join(f"{name}\0" for name in children).encode()
        if len(answer) > XENSTORE_PAYLOAD_MAX:
            raise XenError(Errno.E2BIG, f"{len(children)} children")
        return answer

    def get_permissions(self, client: Connection, view: View, payload: bytes) -> bytes:
        """GET_PERMS path: the entries, the owner's first."""
        node = operations.read(view, client, node_path(client, _one(payload), special=True))
        return "".join(f"{each}\0" for each in node.permissions).encode()

    def write(self, client: Connection, view: View, payload: bytes) -> bytes:
        """WRITE path value."""
        head, nul, value = payload.partition(b"\0")
        if not nul:
            raise XenError(Errno.EINVAL, "a path without its end")
        path = node_path(client, head)
        return self._change(view, path, partial(operations.write, client=client, path=path, value=value))

    def mkdir(self, client: Connection, view: View, payload: bytes) -> bytes:
        """MKDIR path."""
        path = node_path(client, _one(payload))
        return self._change(view, path, partial(operations.mkdir, client=client, path=path))

    def remove(self, client: Connection, view: View, payload: bytes) -> bytes:
        """RM path."""
        path = node_path(client, _one(payload))
        return self._change(view, path, partial(operations.remove, client=client, path=path))

    def set_permissions(self, client: Connection, view: View, payload: bytes) -> bytes:
        """SET_PERMS path entry..."""
        head, *entries = _several(payload, at_least=2)
        path = node_path(client, head, special=True)
        entry = tuple(Permission.parse(each.decode("latin-1")) for each in entries)
        operation = partial(operations.set_permissions, client=client, path=path, permissions=entry)
        return self._change(view, path, operation)

    def watch(self, client: Connection, _: View, payload: bytes) -> bytes:
        """WATCH path token: the first event follows the answer. EEXIST, ENOSPC."""
        asked, token = _exactly(payload, 2)
        path = node_path(client, asked, special=True)
        if not client.privileged and self.watches.count(client.id) >= client.quotas.watches:
            raise XenError(Errno.ENOSPC, f"{self.watches.count(client.id)} watches")
        relative = asked[:1] not in (b"/", b"@")
        watch = Watch(client.id, path, token, len(client.home) + 1 if relative else 0)
        self.watches.add(watch)
        self.events.append(Outgoing(client.id, event_message(watch.event_path(path), token)))
        return OK

    def unwatch(self, client: Connection, _: View, payload: bytes) -> bytes:
        """UNWATCH path token. ENOENT."""
        asked, token = _exactly(payload, 2)
        self.watches.remove(client.id, node_path(client, asked, special=True), token)
        return OK

    def reset_watches(self, client: Connection, _: View, payload: bytes) -> bytes:
        """RESET_WATCHES: as a kernel does when it has just started; transactions go, too."""
        _one(payload)
        self.watches.remove_all(client.id)
        client.transactions.clear()
        return OK

    def start_transaction(self, client: Connection, view: View, payload: bytes) -> bytes:
        """TRANSACTION_START: its number. EBUSY inside of another, ENOSPC."""
        _one(payload)
        if view is not self.tree:
            raise XenError(Errno.EBUSY, "a transaction inside of a transaction")
        if not client.privileged and len(client.transactions) >= client.quotas.transactions:
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

    def domain_path(self, _: Connection, __: View, payload: bytes) -> bytes:
        """GET_DOMAIN_PATH domid: of a domain that need not exist."""
        return b"/local/domain/%d\0" % domid_of(_one(payload))

    def is_introduced(self, _: Connection, __: View, payload: bytes) -> bytes:
        """IS_DOMAIN_INTRODUCED domid."""
        return b"T\0" if domid_of(_one(payload)) in self.introduced else b"F\0"

    def _change(self, view: View, path: str, operation: Operation) -> bytes:
        if isinstance(view, Transaction):
            view.perform(path, operation)
        else:
            self.fire(operation(view))
        return OK


def domid_of(data: bytes) -> int:
    """A domain id as a request names it. EINVAL."""
    domid = number_of(data)
    if domid >= DOMID_FIRST_RESERVED:
        raise XenError(Errno.EINVAL, f"domain {domid}")
    return domid


def number_of(data: bytes) -> int:
    """A decimal number of at most 32 bits as a request names it. EINVAL."""
    if not data.isdigit() or len(data) > 10 or int(data) > 0xFFFFFFFF:
        raise XenError(Errno.EINVAL, f"number {data[:20]!r}")
    return int(data)


def introduction_of(payload: bytes) -> tuple[int, int]:
    """(domid, port) of INTRODUCE domid gfn port; the gfn is not used, since grant 1 is mapped. EINVAL."""
    domid, gfn, port = _exactly(payload, 3)
    number_of(gfn)
    return domid_of(domid), number_of(port)


def release_of(payload: bytes) -> int:
    """The domain of RELEASE domid. EINVAL."""
    return domid_of(_one(payload))


def _several(payload: bytes, *, at_least: int) -> list[bytes]:
    parts = payload.split(b"\0")
    if parts.pop() or len(parts) < at_least:
        raise XenError(Errno.EINVAL, f"a payload of {len(payload)} bytes in {len(parts)} parts")
    return parts


def _exactly(payload: bytes, count: int) -> list[bytes]:
    parts = _several(payload, at_least=count)
    if len(parts) != count:
        raise XenError(Errno.EINVAL, f"{len(parts)} parts instead of {count}")
    return parts


def _one(payload: bytes) -> bytes:
    data, nul, rest = payload.partition(b"\0")
    if not nul or rest:
        raise XenError(Errno.EINVAL, "not one string with a NUL at its end")
    return data


METHODS: Final[dict[int, Method]] = {
    XsType.DIRECTORY: Requests.directory,
    XsType.READ: Requests.read,
    XsType.GET_PERMS: Requests.get_permissions,
    XsType.WATCH: Requests.watch,
    XsType.UNWATCH: Requests.unwatch,
    XsType.TRANSACTION_START: Requests.start_transaction,
    XsType.TRANSACTION_END: Requests.end_transaction,
    XsType.GET_DOMAIN_PATH: Requests.domain_path,
    XsType.WRITE: Requests.write,
    XsType.MKDIR: Requests.mkdir,
    XsType.RM: Requests.remove,
    XsType.SET_PERMS: Requests.set_permissions,
    XsType.IS_DOMAIN_INTRODUCED: Requests.is_introduced,
    XsType.RESET_WATCHES: Requests.reset_watches,
}

PRIVILEGED: Final = frozenset(
    {
        XsType.CONTROL,
        XsType.INTRODUCE,
        XsType.RELEASE,
        XsType.IS_DOMAIN_INTRODUCED,
        XsType.RESUME,
        XsType.SET_TARGET,
        XsType.SET_FEATURE,
        XsType.GET_QUOTA,
        XsType.SET_QUOTA,
    }
)

WITHOUT_TRANSACTION: Final = frozenset(
    {
        XsType.WATCH,
        XsType.UNWATCH,
        XsType.RESET_WATCHES,
        XsType.INTRODUCE,
        XsType.RELEASE,
        XsType.IS_DOMAIN_INTRODUCED,
        XsType.GET_DOMAIN_PATH,
    }
)
