"""A private view of the tree, and the rule by which it is committed.

Rules: every node that was looked at counts, whether that was to read it, to write it, or to see whether
somebody may: a commit is refused with EAGAIN if, and only if, one of them has changed since it was first
looked at. To come and to go is a change, to come and to be gone again is none, and a node changes when it
gets a child or loses one. Watches hear of each node once, in the order in which they were first looked at.
Source: tools/xenstored/transaction.c (accessed nodes and their generation counts).
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.xenstore.operations import Change, Requester
from actors.xenstore.permissions import Permissions, without
from actors.xenstore.tree import Node, Tree, View

PRIVATE_GENERATIONS: Final = 1 << 62
"""From here on count the generations of nodes that only their transaction knows."""

Operation = Callable[[View], list[Change]]


class Transaction:
    """The view of one transaction on a tree."""

    def __init__(self, tree: Tree, client: Requester) -> None:
        self._tree = tree
        self._client = client
        self._seen: dict[str, Node | None] = {}
        self._changed: dict[str, Node | None] = {}
        self._owned: dict[int, int] = {}
        self._exact: dict[str, bool] = {}
        self._created = False
        self._failed = False
        self._puts = 0

    def get(self, path: str) -> Node | None:
        """access_node: the node at a path, as this transaction sees it; the commit depends on it. ENOSPC."""
        if path in self._changed:
            return self._changed[path]
        if path not in self._seen:
            limited = not self._client.privileged
            if limited and len(self._seen) >= self._client.quotas.transaction_nodes:
                self.fail()
                raise XenError(Errno.ENOSPC, f"{len(self._seen)} nodes in a transaction")
            self._seen[path] = self._tree.get(path)
        return self._seen[path]

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

    def has_room(self, domid: int, count: int, limit: int) -> bool:  # noqa: ARG002 (a view's contract)
        """Whether a domain has less than `limit`: how many it makes is counted when they are committed."""
        self._created = True
        return self._tree.owned(domid) < limit

    def fail(self) -> None:
        """fail_transaction: something was refused half way, so this can never be committed."""
        self._failed = True

    def readers(self, path: str, *permissions: Permissions) -> tuple[Permissions, ...]:  # noqa: ARG002
        """Nobody hears of anything before the commit."""
        return ()

    def perform(self, operation: Operation) -> None:
        """Do an operation that changes something. ENOSPC, and what the operation refuses."""
        for change in operation(self):
            self._exact[change.path] = change.exact and self._exact.get(change.path, True)

    def forget_permissions(self, domid: int) -> None:
        """A domain is gone: what this was to let it do is void."""
        for node in self._changed.values():
            if node is not None:
                node.permissions = without(node.permissions, domid)

    def commit(self) -> list[Change]:
        """finalize_transaction: bring the changes into the tree; what was changed. Refused, it is as it was.

        ENOMEM if something failed half way, ENOSPC for nodes, EAGAIN.
        """
        if self._failed:
            raise XenError(Errno.ENOMEM, "something in this transaction has failed")
        if self._created and not self._client.privileged:
            self._check_room()
        for path, node in self._seen.items():
            if _generation(self._tree.get(path)) != _generation(node):
                raise XenError(Errno.EAGAIN, f"{path} has changed")
        return self._apply()

    def _apply(self) -> list[Change]:
        changes = []
        for path, before in self._seen.items():
            if path not in self._changed:
                continue
            node = self._changed[path]
            if node is not None:
                self._tree.put(path, node)
            elif before is not None:
                self._tree.drop(path)
            if path in self._exact:
                readers: tuple[Permissions, ...] = () if before is None else (before.permissions,)
                if (
                    node is not None
                ):  # what comes after it is not in the tree yet: perhaps not even its parent
                    readers = self._tree.readers(path, *readers, node.permissions)
                changes.append(Change(path, readers, exact=self._exact[path]))
        return changes

    def _check_room(self) -> None:
        for domid, change in self._owned.items():
            count = self._tree.owned(domid) + change
            if domid and count >= self._client.quotas.nodes:
                raise XenError(Errno.ENOSPC, f"domain {domid} would have {count} nodes")

    def _count(self, path: str, node: Node | None) -> None:
        old = self.get(path)
        if old is not None and node is not None and old.permissions is node.permissions:
            return  # whose permissions are set counts, even if the owner stays: its quota is looked at
        if old is not None:
            self._owned[old.owner] = self._owned.get(old.owner, 0) - 1
        if node is not None:
            self._owned[node.owner] = self._owned.get(node.owner, 0) + 1


def _generation(node: Node | None) -> int | None:
    return None if node is None else node.generation
