"""Who may do what with a node.

Rules: the first entry names the owner, and what everybody without an entry may do; the owner may do
everything. A new node has its parent's permissions, and belongs to its creator if that is unprivileged.
Source: docs/misc/xenstore.txt, tools/xenstored/core.c.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.types import DOMID_FIRST_RESERVED


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
    """One entry: what `domid` may do, as bits of `Access` (READ and WRITE)."""

    domid: int
    access: int

    @classmethod
    def parse(cls, text: str) -> "Permission":
        """The entry that `r5` stands for. EINVAL."""
        letter, digits = text[:1], text[1:]
        if (
            letter not in _LETTERS
            or not letter
            or not (digits.isascii() and digits.isdigit())
            or len(digits) > 5
        ):
            raise XenError(Errno.EINVAL, f"permission {text!r}")
        domid = int(digits)
        if domid >= DOMID_FIRST_RESERVED:
            raise XenError(Errno.EINVAL, f"permission {text!r}")
        return cls(domid, _LETTERS[letter])

    def __str__(self) -> str:
        return f"{_NAMES[self.access]}{self.domid}"


Permissions = tuple[Permission, ...]

PRIVATE: Final[Permissions] = (Permission(0, 0),)
"""Domain 0's, and nobody else's business."""


def access_of(permissions: Permissions, domid: int, target: int | None = None) -> int:
    """What an unprivileged domain may do, as bits of `Access`; it may do what its `target` may."""
    owner = permissions[0]
    if owner.domid in {domid, target}:
        return _ALL
    for each in permissions[1:]:
        if each.domid in {domid, target}:
            return each.access
    return owner.access


def inherited(permissions: Permissions, creator: int | None) -> Permissions:
    """The permissions of a new node below one with `permissions`; `creator` is None if privileged."""
    if creator is None or permissions[0].domid == creator:
        return permissions
    return (Permission(creator, permissions[0].access), *permissions[1:])
