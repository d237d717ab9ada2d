"""How much an unprivileged domain may have of everything.

Rules: privileged domains have no quota but that for paths. A request over quota is refused with ENOSPC (a
watch with E2BIG, a path that is too long with EINVAL) and changes nothing; of watches and transactions there
may be one more than the quota says. A quota of 0 is none. What is set for one domain stands above the
defaults, which hold for all others.
Source: tools/xenstored/{domain,watch,transaction}.c, docs/misc/xenstore.txt (GET_QUOTA, SET_QUOTA).
Left out: the memory quotas, which count C structures.
"""

from dataclasses import dataclass, replace
from typing import Final

from actors.abi.errno import Errno, XenError

NO_LIMIT: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits for each domain; `event_ns` is how long it may leave a watch event unread."""

    nodes: int = 1000
    watches: int = 128
    outstanding: int = 20
    transactions: int = 10
    transaction_nodes: int = 1024
    permissions: int = 5
    path: int = 2048
    node_size: int = 2048
    event_ns: int = 20_000_000_000


NAMES: Final = {
    "nodes": "nodes",
    "watches": "watches",
    "transactions": "transactions",
    "outstanding": "outstanding",
    "transaction-nodes": "transaction_nodes",
    "node-permissions": "permissions",
    "path-max": "path",
    "node-size": "node_size",
}
"""The names on the wire, in the order in which they are listed."""


class QuotaTable:
    """The defaults, and what is set for single domains."""

    def __init__(self, defaults: Quotas) -> None:
        self._defaults = defaults
        self._set: dict[tuple[int | None, str], int] = {}

    def of(self, domid: int) -> Quotas:
        """What holds for a domain."""
        if not self._set:
            return self._defaults
        changed = {field: self.get(domid, name) or NO_LIMIT for name, field in NAMES.items()}
        return replace(self._defaults, **changed)

    def get(self, domid: int | None, name: str) -> int:
        """A quota by name, for a domain or (None) by default; 0 is none. EINVAL for an unknown name."""
        if name not in NAMES:
            raise XenError(Errno.EINVAL, f"quota {name!r}; there are {', '.join(NAMES)}")
        if (domid, name) in self._set:
            return self._set[domid, name]
        default: int = getattr(self._defaults, NAMES[name])
        return self._set.get((None, name), default)

    def set(self, domid: int | None, name: str, value: int) -> None:
        """Set a quota for a domain, or by default. EINVAL for an unknown name."""
        self.get(domid, name)
        self._set[domid, name] = value

    def forget(self, domid: int) -> list[str]:
        """A domain is gone: what was set for it; the names."""
        names = [name for of, name in self._set if of == domid]
        for name in names:
            del self._set[domid, name]
        return names

    def rows(self) -> list[tuple[int | None, str, int]]:
        """Everything that was set: (domain or None, name, value)."""
        return [(domid, name, value) for (domid, name), value in self._set.items()]
