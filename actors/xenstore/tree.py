"""Nodes by their path, and the generation that each had when it was last changed.

Rules: a node is replaced, never changed, so that a transaction can keep what it has seen; except that
the rights of a domain that is gone are void at once. Children keep the order in which they were made. `put`
and `drop` alone change the tree; who calls them keeps parents and children in step. What a domain owns and
may do is found without a look at what is others', since every domain that ends asks.
Source: tools/xenstored/core.c (a record for each node, with a generation count).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from actors.xenstore.permissions import PRIVATE, Permissions, let, without

INTRODUCE_DOMAIN: Final = "@introduceDomain"
RELEASE_DOMAIN: Final = "@releaseDomain"
SPECIAL: Final = (INTRODUCE_DOMAIN, RELEASE_DOMAIN)
ROOT: Final = "/"


@dataclass(slots=True)
class Node:
    """A node; immutable once it is in a tree. `children` are their names."""

    value: bytes
    permissions: Permissions
    children: tuple[str, ...] = ()
    generation: int = 0

    @property
    def owner(self) -> int:
        """The domain that the node counts for."""
        return self.permissions[0].domid

    def with_child(self, name: str) -> "Node":
        """The same node with one more child."""
        return Node(self.value, self.permissions, (*self.children, name))

    def without_child(self, name: str) -> "Node":
        """The same node with one child less; where it is listed twice, it still is one."""
        at = self.children.index(name)
        return Node(self.value, self.permissions, self.children[:at] + self.children[at + 1 :])


class View(Protocol):
    """What an operation works on: the tree itself, or a transaction's private view of it."""

    def get(self, path: str) -> Node | None:
        """The node at a path, on which a transaction depends from now on. ENOSPC if it has seen too many."""
        ...

    def put(self, path: str, node: Node) -> None:
        """Set the node at a path."""
        ...

    def drop(self, path: str) -> None:
        """Remove the node at a path, which is there."""
        ...

    def has_room(self, domid: int, count: int, limit: int) -> bool:
        """Whether a domain may make `count` nodes if it may have `limit`."""
        ...

    def fail(self) -> None:
        """Something was refused half way: a transaction can never be committed after that."""
        ...

    def readers(self, path: str, *permissions: Permissions) -> tuple[Permissions, ...]:
        """By which permissions one may hear of a change: by those that a node has or had, or its parent has.

        A transaction says so when it is committed, and has nobody hear of anything before.
        """
        ...


class NodeJournal(Protocol):
    """Who is told of every change of the tree."""

    def put(self, path: str, node: Node) -> None:
        """A node was made, or has changed."""
        ...

    def drop(self, path: str) -> None:
        """A node is gone."""
        ...


class Tree:
    """The nodes that everybody sees."""

    def __init__(self) -> None:
        self.generation = 0
        self.journal: NodeJournal | None = None
        self._nodes: dict[str, Node] = {}
        self._owned: dict[int, dict[str, None]] = {}
        self._let: dict[
            int, dict[str, None]
        ] = {}  # which nodes let a domain do something, not as their owner
        self._touched: dict[str, None] = {}
        for path in (ROOT, *SPECIAL):
            self.put(path, Node(b"", PRIVATE))

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, path: str) -> Node | None:
        """The node at a path."""
        return self._nodes.get(path)

    def has_room(self, domid: int, count: int, limit: int) -> bool:
        """Whether a domain may make `count` nodes if it may have `limit`."""
        return self.owned(domid) + count <= limit

    def fail(self) -> None:
        """Nothing: what is refused here has changed nothing."""

    def readers(self, path: str, *permissions: Permissions) -> tuple[Permissions, ...]:
        """By which permissions one may hear of a change: those that a node has or had, or its parent has."""
        above = self._nodes.get(parent_of(path) or path)
        return permissions if above is None else (*permissions, above.permissions)

    def put(self, path: str, node: Node) -> None:
        """Set the node at a path, as the newest."""
        old = self._nodes.get(path)
        if old is None or old.permissions is not node.permissions:
            if old is not None:
                self._forget(path, old)
            self._remember(path, node)
        self.generation += 1
        node.generation = self.generation
        self._nodes[path] = node
        self._touched[path] = None
        if self.journal is not None:
            self.journal.put(path, node)

    def drop(self, path: str) -> None:
        """Remove the node at a path, which is there."""
        self.generation += 1
        self._touched[path] = None
        self._forget(path, self._nodes.pop(path))
        if self.journal is not None:
            self.journal.drop(path)

    def rows(self) -> Iterator[tuple[str, Node]]:
        """Every node by its path, each after the one above it, and after older children of that."""
        pending = [ROOT]
        while pending:
            path = pending.pop()
            node = self._nodes[path]
            yield path, node
            pending.extend(join(path, name) for name in reversed(node.children))
        for path in SPECIAL:
            yield path, self._nodes[path]

    def restore(self, rows: Iterable[tuple[str, bytes, Permissions, int]]) -> None:
        """Have these nodes instead, in the order of `rows`, with the generations that they had."""
        self._nodes.clear()
        self._owned.clear()
        self._let.clear()
        self._touched.clear()
        children: dict[str, list[str]] = {}
        for path, value, permissions, generation in rows:
            self._nodes[path] = Node(value, permissions, (), generation)
            self._remember(path, self._nodes[path])
            self.generation = max(self.generation, generation)
            above = parent_of(path)
            if above is not None:
                children.setdefault(above, []).append(name_of(path))
        for path, names in children.items():
            self._nodes[path].children = tuple(names)

    def owned(self, domid: int) -> int:
        """How many nodes count for a domain: special ones do for nobody."""
        return len(self._owned.get(domid, ()))

    def owned_by(self, domid: int) -> list[str]:
        """The paths of a domain's nodes, parents before their children, in the order of `rows`."""
        owned = self._owned.get(domid, {})
        on_the_way: dict[str, dict[str, None]] = {}  # to them: the names of children, by the path above
        for each in owned:
            path, above = each, parent_of(each)
            while above is not None and name_of(path) not in (names := on_the_way.setdefault(above, {})):
                names[name_of(path)] = None
                path, above = above, parent_of(above)
        found = []
        pending = [ROOT] if owned else []
        while pending:
            path = pending.pop()
            if path in owned:
                found.append(path)
            if names := on_the_way.get(path, {}):
                in_order = (
                    names
                    if len(names) == 1
                    else [each for each in self._nodes[path].children if each in names]
                )
                pending.extend(join(path, name) for name in reversed(in_order))
        return found

    def forget_permissions(self, domid: int) -> None:
        """What nodes let a domain do is void, unless it is the owner; that is no change of the nodes."""
        for path in self._let.pop(domid, {}):
            node = self._nodes[path]
            node.permissions = without(node.permissions, domid)
            if self.journal is not None:
                self.journal.put(path, node)

    def check(self) -> None:
        """Every node is its parent's child, once, and the other way round; the counts are right."""
        owned: dict[int, dict[str, None]] = {}
        lets: dict[int, dict[str, None]] = {}
        children: list[str] = []
        for path, node in self._nodes.items():
            if path not in SPECIAL:
                owned.setdefault(node.owner, {})[path] = None
            for domid in let(node.permissions):
                lets.setdefault(domid, {})[path] = None
            children += [join(path, name) for name in node.children]
            assert node.generation <= self.generation, f"{path} comes from the future"
        assert owned == self._owned, f"the nodes of domains are said to be {self._owned}, and are {owned}"
        assert lets == self._let, f"what lets domains do something is said to be {self._let}, and is {lets}"
        wrong = {*children} ^ (self._nodes.keys() - {ROOT, *SPECIAL})
        assert not wrong, f"{sorted(wrong)} are nodes without a parent, or children without a node"
        assert len(children) == len({*children}), "a node has a child twice"

    def check_touched(self) -> None:
        """The same of the nodes that were set or removed since the last call."""
        if not self._touched:
            return
        for path in self._touched:
            node = self._nodes.get(path)
            if node is not None:
                self._check_node(path, node)
            elif (above := self._nodes.get(parent_of(path) or ROOT)) is not None:
                assert name_of(path) not in above.children, f"{path} is gone and still a child"
        self._touched.clear()
        counted = len(self._nodes) - len(SPECIAL)
        assert sum(map(len, self._owned.values())) == counted, f"nodes {self._owned}, and there are {counted}"

    def _check_node(self, path: str, node: Node) -> None:
        parent = parent_of(path)
        if parent is not None:
            above = self._nodes.get(parent)
            assert above is not None, f"{path} has no parent"
            assert name_of(path) in above.children, f"{path} is not a child of its parent"
        for name in node.children:
            assert join(path, name) in self._nodes, f"{path} has a child {name} that is not there"
        assert node.generation <= self.generation, f"{path} comes from the future"

    def _remember(self, path: str, node: Node) -> None:
        """A node has these permissions from now on."""
        if path not in SPECIAL:
            self._owned.setdefault(node.owner, {})[path] = None
        for domid in let(node.permissions):
            self._let.setdefault(domid, {})[path] = None

    def _forget(self, path: str, node: Node) -> None:
        """A node does not have these permissions any more."""
        if path not in SPECIAL:
            _take_out(self._owned, node.owner, path)
        for domid in let(node.permissions):
            _take_out(self._let, domid, path)


def _take_out(paths: dict[int, dict[str, None]], domid: int, path: str) -> None:
    of_domain = paths[domid]
    del of_domain[path]
    if not of_domain:
        del paths[domid]


def parent_of(path: str) -> str | None:
    """The path one up; None above the root and above special nodes."""
    cut = path.rfind("/")
    if cut > 0:
        return path[:cut]
    return ROOT if cut == 0 and path != ROOT else None


def name_of(path: str) -> str:
    """The last part of a path."""
    return path[path.rfind("/") + 1 :]


def join(path: str, name: str) -> str:
    """The path of a child."""
    return f"/{name}" if path == ROOT else f"{path}/{name}"


def below(view: View, path: str) -> Iterator[str]:
    """The paths of all nodes below one, parents before their children."""
    pending = [path]
    while pending:
        current = pending.pop()
        if current != path:
            yield current
        node = view.get(current)
        if node is not None:
            pending.extend(join(current, name) for name in reversed(node.children))
