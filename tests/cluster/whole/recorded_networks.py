"""What was written to the store of a Xen 4.17.7 for a network interface, by whom and in which order.

Debian 12 with Linux 6.1 in dom0, driver domain and guest. Rows are (end, key, value): `front` is
the guest's kernel, `back` the driver domain's, and `script` its hotplug script; `toolstack` is xl, whose keys
are told by folder. None for a value that differs from machine to machine.
"""

from typing import Final

Row = tuple[str, str, str | None]

FEATURES: Final[list[Row]] = [
    ("back", "feature-sg", "1"),
    ("back", "feature-gso-tcpv4", "1"),
    ("back", "feature-gso-tcpv6", "1"),
    ("back", "feature-ipv6-csum-offload", "1"),
    ("back", "feature-rx-copy", "1"),
    ("back", "feature-xdp-headroom", "1"),
    ("back", "feature-rx-flip", "0"),
    ("back", "feature-multicast-control", "1"),
    ("back", "feature-dynamic-multicast-control", "1"),
    ("back", "feature-split-event-channels", "1"),
    ("back", "multi-queue-max-queues", None),
    ("back", "feature-ctrl-ring", "1"),
    ("back", "state", "2"),
]
OFFER: Final[list[Row]] = [
    ("front", "xdp-headroom", "0"),
    ("front", "multi-queue-num-queues", "1"),
    ("front", "tx-ring-ref", None),
    ("front", "rx-ring-ref", None),
    ("front", "event-channel-tx", None),
    ("front", "event-channel-rx", None),
    ("front", "request-rx-copy", "1"),
    ("front", "feature-rx-notify", "1"),
    ("front", "feature-sg", "1"),
    ("front", "feature-gso-tcpv4", "1"),
    ("front", "feature-gso-tcpv6", "1"),
    ("front", "feature-ipv6-csum-offload", "1"),
    ("front", "state", "4"),
]
TOOLSTACK_FRONT: Final = {
    "backend": None,
    "backend-id": None,
    "state": "1",
    "handle": "0",
    "mac": None,
    "trusted": "1",
    "mtu": "1500",
}
TOOLSTACK_BACK: Final = {
    "frontend": None,
    "frontend-id": None,
    "online": "1",
    "state": "1",
    "script": "/etc/xen/scripts/vif-bridge",
    "mac": None,
    "bridge": "xenbr0",
    "handle": "0",
    "type": "vif",
    "hotplug-status": "",
}
CREATED: Final[list[Row]] = [
    *FEATURES,
    ("script", "front mtu", "1500"),
    ("script", "hotplug-status", "connected"),
    *OFFER,
    ("back", "state", "4"),
]
"""Step net-19: a guest is created whose interface a driver domain serves."""
BOUND_AGAIN: Final[list[Row]] = [("back", "RM hotplug-status", None), *FEATURES]
"""Step net-06: netback is unbound from a connected interface, and bound again; its frontend is silent."""
DESTROYED: Final[list[Row]] = []
"""Step net-15: the driver domain is destroyed. Nobody writes to what the guest has of the interface."""
STATES_AFTER: Final = {"net-06": ("4", "2"), "net-15": ("4", None)}
"""Of frontend and backend, for as long as anybody looked: None is a backend whose nodes are gone."""
