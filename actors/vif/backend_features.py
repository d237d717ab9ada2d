"""What a network backend can do, as it says in the store.

Source: xen/include/public/io/netif.h; Linux drivers/net/xen-netfront.c
(talk_to_netback, xennet_fix_features).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.kernel.store import number_of

QUEUES_MAX: Final = 8
"""Linux has no more by default, whatever a backend offers (MAX_QUEUES_DEFAULT)."""

KEYS: Final = (
    "feature-rx-copy",
    "feature-sg",
    "feature-gso-tcpv4",
    "feature-no-csum-offload",
    "feature-split-event-channels",
    "multi-queue-max-queues",
)


@dataclass(frozen=True, slots=True)
class BackendFeatures:
    """`scatter`: packets of several slots; `segments`: it cuts TCP segments; `checksums`: it completes these.

    `split`: each ring has a port of its own. `queues`: how many it serves at most, 0 if it does not say.
    """

    scatter: bool = False
    segments: bool = False
    checksums: bool = False
    split: bool = False
    queues: int = 0

    @classmethod
    def told(cls, nodes: Mapping[str, str]) -> "BackendFeatures":
        """By `KEYS`. XenError EINVAL if it cannot copy, or says something that is no number."""

        def has(key: str) -> bool:
            return key in nodes and number_of(nodes, key) != 0

        if not has("feature-rx-copy"):
            raise XenError(Errno.EINVAL, "backend does not support copying receive path")
        told = "multi-queue-max-queues" in nodes
        checksums = not has("feature-no-csum-offload")
        scatter = has("feature-sg")
        return cls(
            scatter=scatter,
            segments=scatter and checksums and has("feature-gso-tcpv4"),
            checksums=checksums,
            split=has("feature-split-event-channels"),
            queues=max(number_of(nodes, "multi-queue-max-queues"), 1) if told else 0,
        )
