"""What a client may do with a node: everything is checked, then it is changed.

Rules: a refusal (XenError) leaves the view as it was. An absent node is EACCES for who may not see,
or write, the nearest node above it. Each operation says what it has changed, for the watches.
Source: tools/xenstored/core.c.
"""

from dataclasses import dataclass
from typing import Protocol

from actors.abi.errno import Errno, XenError
from actors.xenstore.permissions import Access, Permissions, access_of, inherited
from actors.xenstore.quotas import Quotas
from actors.xenstore.tree import ROOT, Node, View, below, join, name_of, parent_of


class Client(Protocol):
    """On whose behalf something is done."""

    domid: int
    privileged: bool
    quotas: Quotas
    target: int | None


@dataclass(slots=True)
class Change:
    """A node that was changed or removed. `exact`: a removal that only its own watches hear of."""

    path: str
    permissions: Permissions
    exact: bool = False


def may(client: Client, permissions: Permissions, access: int) -> bool:
    """Whether a client may do all of `access`."""
    return client.privileged or access_of(permissions, client.domid, client.target) & access == access


def read(view: View, client: Client, path: str) -> Node:
    """The node at a path. ENOENT, EACCES."""
    view.note_read(path)
    return _get(view, client, path, Access.READ)


def write(view: View, client: Client, path: str, value: bytes) -> list[Change]:
    """Set the value of a node; make it, and its parents, if absent. EACCES, ENOSPC."""
    node = view.get(path)
    permissions = None if node is None else node.permissions
    if permissions is not None and not may(client, permissions, Access.WRITE):
        raise XenError(Errno.EACCES, path)
    _check_size(client, path, len(value), 1 if permissions is None else len(permissions))
    if node is None:
        return _create(view, client, path, value)
    view.put(path, Node(value, node.permissions, node.children))
    return [Change(path, node.permissions)]


def mkdir(view: View, client: Client, path: str) -> list[Change]:
    """Have an empty node; nothing if it is there. EACCES, ENOSPC."""
    node = view.get(path)
    if node is None:
        return _create(view, client, path, b"")
    if not may(client, node.permissions, Access.WRITE):
        raise XenError(Errno.EACCES, path)
    return []


def remove(view: View, client: Client, path: str) -> list[Change]:
    """Remove a node and all below; nothing if absent. EINVAL for the root, ENOENT without parent, EACCES."""
    if path == ROOT:
        raise XenError(Errno.EINVAL, "the root cannot be removed")
    node = view.get(path)
    if node is not None:
        if not may(client, node.permissions, Access.WRITE):
            raise XenError(Errno.EACCES, path)
        return cut(view, path, node)
    absent = _absent(view, client, path, Access.WRITE)
    parent = parent_of(path)
    if absent.errno is Errno.ENOENT and parent is not None and view.get(parent) is not None:
        return []
    raise absent


def set_permissions(view: View, client: Client, path: str, permissions: Permissions) -> list[Change]:
    """Replace permissions, as owner or privileged. EACCES, ENOENT, ENOSPC; EPERM for a new owner."""
    node = _get(view, client, path, Access.WRITE | Access.OWNER)
    if not client.privileged and permissions[0].domid != node.owner:
        raise XenError(Errno.EPERM, f"{path} would change hands")
    if not client.privileged and len(permissions) > client.quotas.permissions:
        raise XenError(Errno.ENOSPC, f"{path}: {len(permissions)} permissions")
    _check_size(client, path, len(node.value), len(permissions))
    view.put(path, Node(node.value, permissions, node.children))
    return [Change(path, permissions)]


def cut(view: View, path: str, node: Node) -> list[Change]:
    """Remove a node, and all below, whoever it belongs to."""
    changes = [Change(path, node.permissions)]
    for each in list(below(view, path)):
        lost = view.get(each)
        if lost is not None:  # a transaction may still see a child that others have removed
            changes.append(Change(each, lost.permissions, exact=True))
            view.drop(each)
    view.drop(path)
    above = parent_of(path)
    parent = None if above is None else view.get(above)
    if above is not None and parent is not None:
        view.put(above, parent.without_child(name_of(path)))
    return changes


def _get(view: View, client: Client, path: str, access: int) -> Node:
    node = view.get(path)
    if node is None:
        raise _absent(view, client, path, access)
    if not may(client, node.permissions, access):
        raise XenError(Errno.EACCES, path)
    return node


def _absent(view: View, client: Client, path: str, access: int) -> XenError:
    _, node, _ = _nearest(view, path)
    if node is not None and not may(client, node.permissions, access):
        return XenError(Errno.EACCES, path)
    return XenError(Errno.ENOENT, path)


def _nearest(view: View, path: str) -> tuple[str, Node | None, list[str]]:
    """The nearest node above an absent one, and the names from there down to it."""
    names: list[str] = []
    current: str | None = path
    while current is not None:
        node = view.get(current)
        if node is not None:
            return current, node, names[::-1]
        names.append(name_of(current))
        current = parent_of(current)
    return path, None, names


def _create(view: View, client: Client, path: str, value: bytes) -> list[Change]:
    above, parent, names = _nearest(view, path)
    if parent is None:
        raise XenError(Errno.ENOENT, path)
    if not may(client, parent.permissions, Access.WRITE):
        raise XenError(Errno.EACCES, path)
    if not client.privileged and view.owned(client.domid) + len(names) > client.quotas.nodes:
        raise XenError(Errno.ENOSPC, f"domain {client.domid} has {view.owned(client.domid)} nodes")
    permissions = inherited(parent.permissions, None if client.privileged else client.domid)
    view.put(above, parent.with_child(names[0]))
    for index, name in enumerate(names):
        above = join(above, name)
        last = index == len(names) - 1
        children: dict[str, None] = {} if last else {names[index + 1]: None}
        view.put(above, Node(value if last else b"", permissions, children))
    return [Change(path, permissions)]


def _check_size(client: Client, path: str, value_bytes: int, nr_permissions: int) -> None:
    if not client.privileged and value_bytes + 4 * nr_permissions > client.quotas.node_size:
        raise XenError(Errno.ENOSPC, f"{path}: {value_bytes} bytes, {nr_permissions} permissions")
