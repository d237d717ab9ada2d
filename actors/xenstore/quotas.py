"""How much an unprivileged domain may have of everything.

Rules: privileged domains have no quota. A request over quota is refused with ENOSPC (a path that is
too long with EINVAL) and changes nothing.
Source: tools/xenstored/domain.c (defaults). Left out: the memory quota, which counts C structures.
"""

from dataclasses import dataclass


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
