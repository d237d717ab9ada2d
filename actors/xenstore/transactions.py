"""A private view of the tree, and the rule by which it is committed.

Rules: a commit is refused with EAGAIN if, and only if, a node that the transaction has read changed
since its first access (to come or to go is a change, and so is a new child); what was merely written
overwrites. If the tree has moved on, the writes are done again on it, with all their checks; one that
would be refused is EAGAIN.
Source: tools/xenstored/transaction.c (generation counts), docs/misc/xenstore.txt.
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.xenstore.operations import Change, Client
from actors.xenstore.tree import Node, Tree, View

PRIVATE_GENERATIONS: Final = 1 << 62
"""From here on count the generations of nodes that only their transaction knows."""

Operation = Callable[[View], list[Change]]


class Transaction:
    """The view of one transaction on a tree."""

    def __init__(self, tree: Tree, client: Client) -> None:
        self._tree = tree
        self._client = client
        self._started = tree.generation
        self._seen: dict[str, Node | None] = {}
        self._changed: dict[str, Node | None] = {}
        self._before: dict[str, Node | None] = {}
        self._owned: dict[int, int] = {}
        self._operations: list[Operation] = []
        self._changes: list[Change] = []
        self._noted: dict[str, None] = {}
        self._puts = 0

    def get(self, path: str) -> Node | None:
        """The node at a path, as this transaction sees it."""
        if path in self._changed:
            return self._changed[path]
        if path in self._seen:
            return self._seen[path]
        return self._tree.get(path)

    def note_read(self, path: str) -> None:
        """The commit depends on this node from now on. ENOSPC."""
        if path not in self._seen:
            self._check_room(path)
            self._noted[path] = None
            self._seen[path] = self._before[path] if path in self._before else self._tree.get(path)

    def put(self, path: str, node: Node) -> None:
        """Set the node at a path, for this transaction."""
        self._count(path, node)
        self._puts += 1
        node.generation = PRIVATE_GENERATIONS + self._puts
        self._changed[path] = node

    def drop(self, path: str) -> None:
        """Remove the node at a path, for this transaction."""
        self._count(path, None)
        self._changed[path] = None

    def owned(self, domid: int) -> int:
        """How many nodes count for a domain, if this transaction were committed."""
        return self._tree.owned(domid) + self._owned.get(domid, 0)

    def perform(self, path: str, operation: Operation) -> None:
        """Do an operation that changes the node at `path`. ENOSPC, and what the operation refuses."""
        self._check_room(path)
        self._changes.extend(operation(self))
        self._noted[path] = None
        self._operations.append(operation)

    def commit(self) -> list[Change]:
        """Bring the changes into the tree; what was changed. EAGAIN: then the tree is as it was."""
        if self._tree.generation == self._started:
            return self._apply()
        for path, node in self._seen.items():
            now = self._tree.get(path)
            if now is not node:
                raise XenError(Errno.EAGAIN, f"{path} has changed")
        again = Transaction(self._tree, self._client)
        try:
            for operation in self._operations:
                again.perform("", operation)
        except XenError as error:
            raise XenError(Errno.EAGAIN, str(error)) from error
        return again._apply()

    def _apply(self) -> list[Change]:
        for path, node in self._changed.items():
            if node is not None:
                self._tree.put(path, node)
            elif self._tree.get(path) is not None:
                self._tree.drop(path)
        return self._changes

    def _check_room(self, path: str) -> None:
        limited = not self._client.privileged and path not in self._noted
        if limited and len(self._noted) >= self._client.quotas.transaction_nodes:
            raise XenError(Errno.ENOSPC, f"{len(self._noted)} nodes in a transaction")

    def _count(self, path: str, node: Node | None) -> None:
        old = self.get(path)
        if path not in self._changed:
            self._before[path] = old
        if old is not None:
            self._owned[old.owner] = self._owned.get(old.owner, 0) - 1
        if node is not None:
            self._owned[node.owner] = self._owned.get(node.owner, 0) + 1
