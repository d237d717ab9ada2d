"""What a client may do with a node: everything is checked, then it is changed.

Rules: a refusal (XenError) leaves the tree as it was. An absent node is EACCES for who may do nothing of
the kind with the nearest node above it. Each operation says what it has changed, for the watches; and each
look at a node is one that a transaction depends on, so that their number and order are part of the contract.
Source: tools/xenstored/core.c.
"""

from dataclasses import dataclass
from typing import Protocol

from actors.abi.errno import Errno, XenError
from actors.xenstore.permissions import Access, Permissions, access_of, inherited
from actors.xenstore.quotas import Quotas
from actors.xenstore.tree import ROOT, Node, Tree, View, join, name_of, parent_of

RECORD_BYTES = 24
"""What a node takes in the C daemon beside its permissions, its value and the names of its children."""

PERMISSION_BYTES = 8


class Requester(Protocol):
    """On whose behalf something is done."""

    domid: int
    privileged: bool
    quotas: Quotas
    target: int | None


@dataclass(slots=True)
class Change:
    """A node that was changed or removed: who may read by one of `readers` may know.

    `exact`: a removal that only its own watches hear of.
    """

    path: str
    readers: tuple[Permissions, ...]
    exact: bool = False


def may(client: Requester, permissions: Permissions, access: int) -> bool:
    """Whether a client may do all of `access`."""
    return client.privileged or access_of(permissions, client.domid, client.target) & access == access


def read(view: View, client: Requester, path: str) -> Node:
    """The node at a path. ENOENT, EACCES."""
    node, refusal = _look(view, client, path, Access.READ)
    if node is None:
        raise XenError(refusal, path)
    return node


def write(view: View, client: Requester, path: str, value: bytes) -> list[Change]:
    """do_write: set the value of a node; make it, and its parents, if absent. EACCES, ENOSPC."""
    node, refusal = _look(view, client, path, Access.WRITE)
    if node is not None:
        _put(view, client, {path: Node(value, node.permissions, node.children)})
        return [Change(path, view.readers(path, node.permissions))]
    if refusal is not Errno.ENOENT:
        raise XenError(refusal, path)
    return _create(view, client, path, value)


def mkdir(view: View, client: Requester, path: str) -> list[Change]:
    """do_mkdir: have an empty node; nothing if it is there. EACCES, ENOSPC."""
    node, refusal = _look(view, client, path, Access.WRITE)
    if node is not None:
        return []
    if refusal is not Errno.ENOENT:
        raise XenError(refusal, path)
    return _create(view, client, path, b"")


def remove(view: View, client: Requester, path: str) -> list[Change]:
    """do_rm: remove a node and all below; nothing if absent. EINVAL the root, ENOENT no parent, EACCES.

    EIO where a transaction, which others have overtaken, sees a child that is not there or the other way.
    """
    node, refusal = _look(view, client, path, Access.WRITE)
    parent = parent_of(path)
    if node is None:
        if refusal is Errno.ENOENT and parent is not None and view.get(parent) is not None:
            return []
        raise XenError(refusal, path)
    if parent is None:
        raise XenError(Errno.EINVAL, "the root cannot be removed")
    return cut(view, path)


def set_permissions(view: View, client: Requester, path: str, permissions: Permissions) -> list[Change]:
    """do_set_perms: replace permissions, as owner or privileged. EACCES, ENOENT, ENOSPC; EPERM: new owner."""
    node, refusal = _look(view, client, path, Access.WRITE | Access.OWNER)
    if node is None:
        raise XenError(refusal, path)
    if not client.privileged and permissions[0].domid != node.owner:
        raise XenError(Errno.EPERM, f"{path} would change hands")
    _put(view, client, {path: Node(node.value, permissions, node.children)})
    return [Change(path, view.readers(path, permissions, node.permissions))]


def guard(tree: Tree, client: Requester, path: str, permissions: Permissions) -> None:
    """Replace the permissions of a special node, which no transaction sees and no watch hears of. EACCES."""
    node = tree.get(path)
    if node is None or not may(client, node.permissions, Access.WRITE | Access.OWNER):
        raise XenError(Errno.EACCES, path)
    tree.put(path, Node(node.value, permissions, node.children))


def cut(view: View, path: str) -> list[Change]:
    """Remove a node, and all below before it, whoever they belong to. EIO: see `remove`."""
    above = parent_of(path)
    assert above is not None, "the root stays"
    if view.get(above) is None:
        raise XenError(Errno.EINVAL, above)
    try:
        changes = _cut_branch(view, path)
    except XenError as error:
        raise XenError(Errno.EIO, str(error)) from error
    parent = view.get(above)
    if parent is None or name_of(path) not in parent.children:
        raise XenError(Errno.EIO, f"{above} does not know {path}")
    view.put(above, parent.without_child(name_of(path)))
    return changes


def _cut_branch(view: View, top: str) -> list[Change]:
    """Without recursion, since a tree may be deep: children in their order, each before its parent."""
    changes: list[Change] = []
    pending = [(top, False)]
    while pending:
        path, children_gone = pending.pop()
        node = view.get(path)
        if node is None:
            raise XenError(Errno.EIO, f"{path} is a child that is not there")
        if not children_gone:
            pending.append((path, True))
            pending.extend((join(path, name), False) for name in reversed(node.children))
            continue
        changes.append(Change(path, view.readers(path, node.permissions), exact=path != top))
        view.drop(path)
        parent = view.get(parent_of(path) or ROOT)
        if path != top and parent is not None:
            view.put(parent_of(path) or ROOT, parent.without_child(name_of(path)))
    return changes


def _look(view: View, client: Requester, path: str, access: int) -> tuple[Node | None, Errno]:
    """get_node: the node at a path if the client may do all of `access`, else why not.

    Who may do nothing of it above an absent node is told EACCES (errno_from_parents).
    """
    node = view.get(path)
    if node is not None and may(client, node.permissions, access):
        return node, Errno.ENOENT
    above = _nearest_above(view, path)
    if node is None and (
        client.privileged or access_of(above.permissions, client.domid, client.target) & access
    ):
        return None, Errno.ENOENT
    return None, Errno.EACCES


def _nearest_above(view: View, path: str) -> Node:
    current: str = path
    while True:
        current = parent_of(current) or ROOT
        node = view.get(current)
        if node is not None:
            return node
        assert current != ROOT, "there is always a root"


def _create(view: View, client: Requester, path: str, value: bytes) -> list[Change]:
    """create_node, with the parents that construct_node makes."""
    names: list[str] = []
    above = path
    parent: Node | None = None
    while parent is None:
        names.append(name_of(above))
        above = parent_of(above) or ROOT
        parent = view.get(above)
    if not client.privileged and not view.has_room(client.domid, len(names), client.quotas.nodes):
        raise XenError(Errno.ENOSPC, f"domain {client.domid} may have {client.quotas.nodes} nodes")
    permissions = inherited(parent.permissions, None if client.privileged else client.domid)
    nodes = {above: parent.with_child(names[-1])}
    while names:
        above = join(above, names.pop())
        nodes[above] = Node(b"" if names else value, permissions, tuple(names[-1:]))
    _put(view, client, nodes)
    return [Change(path, view.readers(path, permissions))]


def _put(view: View, client: Requester, nodes: dict[str, Node]) -> None:
    """Set all of these nodes, parents first. ENOSPC."""
    if not client.privileged:
        for path, node in nodes.items():
            names = sum(len(each) + 1 for each in node.children)
            size = RECORD_BYTES + PERMISSION_BYTES * len(node.permissions) + len(node.value) + names
            if size >= client.quotas.node_size:
                view.fail()
                raise XenError(Errno.ENOSPC, f"{path}: {size} bytes")
    for path, node in nodes.items():
        view.put(path, node)
