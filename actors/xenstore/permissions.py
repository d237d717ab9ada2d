"""Who may do what with a node.

Rules: the first entry names the owner, and what everybody without an entry may do; the owner may do
everything. A new node has its parent's permissions, and belongs to its creator if that is unprivileged.
An entry of a domain that is gone stays where it can be seen, and says nothing to whoever has its number
later (XSA-322).
Source: docs/misc/xenstore.txt, tools/xenstored/core.c.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.types import DOMID_FIRST_RESERVED
from actors.xenstore.numbers import strtol


class Access(IntFlag):
    """What a domain may do with a node."""

    NONE = 0
    READ = 1
    WRITE = 2
    OWNER = 4


_LETTERS: Final = {"n": 0, "r": 1, "w": 2, "b": 3}
_NAMES: Final = "nrwb"
_ALL: Final = 7


@dataclass(frozen=True, slots=True)
class Permission:
    """One entry: what `domid` may do, as bits of `Access` (READ and WRITE). `void`: it may not any more."""

    domid: int
    access: int
    void: bool = False

    @classmethod
    def parse(cls, data: bytes) -> "Permission":
        """The entry that `r5` stands for; the number is one as C writes them (`0x5`, `05`). EINVAL."""
        letter = data[:1].decode("latin-1")
        domid = strtol(data[1:])
        if letter not in _LETTERS or not letter or domid is None:
            raise XenError(Errno.EINVAL, f"permission {data!r}")
        return cls(domid & 0xFFFFFFFF, _LETTERS[letter])

    @property
    def is_for_nobody(self) -> bool:
        """Whether no domain can have that number."""
        return self.domid >= DOMID_FIRST_RESERVED

    def __str__(self) -> str:
        signed = self.domid - (1 << 32) if self.domid >> 31 else self.domid
        return f"{_NAMES[self.access]}{signed}"


Permissions = tuple[Permission, ...]

PRIVATE: Final[Permissions] = (Permission(0, 0),)
"""Domain 0's, and nobody else's business."""


def access_of(permissions: Permissions, domid: int, target: int | None = None) -> int:
    """perm_for_conn: what an unprivileged domain may do, as bits of `Access`; also what its `target` may."""
    owner = permissions[0]
    if owner.domid in {domid, target}:
        return _ALL
    for each in permissions[1:]:
        if each.domid in {domid, target} and not each.void:
            return each.access
    return owner.access


def let(permissions: Permissions) -> Iterable[int]:
    """The domains that they let do something, each once; the owner is none for being it."""
    others = permissions[1:]
    return {each.domid: None for each in others if not each.void} if others else ()


def without(permissions: Permissions, domid: int) -> Permissions:
    """The same with what they let a domain do void, unless it is the owner."""
    if not any(each.domid == domid for each in permissions[1:]):
        return permissions
    owner, *others = permissions
    return (owner, *[replace(each, void=True) if each.domid == domid else each for each in others])


def inherited(permissions: Permissions, creator: int | None) -> Permissions:
    """The permissions that construct_node gives below `permissions`; `creator` is None if privileged."""
    if creator is None or permissions[0].domid == creator:
        return permissions
    return (Permission(creator, permissions[0].access), *permissions[1:])
