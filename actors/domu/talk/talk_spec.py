"""A talk as the configuration gives it: what a guest does with one of its network interfaces."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.notebook.talk_header import TalkKind, TalkRole


@dataclass(frozen=True, slots=True)
class TalkSpec:
    """Sizes in bytes, times in nanoseconds, 0 for no limit; addresses as numbers.

    `name` is what its journal is called after, `number` its place among the talks of its guest. A server
    has a `port` and no peer. A client talks to `address`, that of guest `peer_id`, or 0 for the outside.
    """

    name: str
    number: int
    kind: TalkKind
    role: TalkRole
    interface: str
    address: int = 0
    port: int = 0
    peer_id: int = 0
    rate: float = 0.0
    """Echoes, datagrams or documents a second; for a stream, bytes a second on each connection."""
    size: int = 64
    """Bytes of a datagram or an echo, with the label."""
    connections: int = 1
    block: int = 1 << 16
    bytes: int = 0
    """How many a connection carries until it is closed."""
    requests: int = 0
    """How many are sent before the talk is done."""
    documents: tuple[str, ...] = ()
    retry_ns: int | None = 1_000_000_000
    """How long after a connection that died a new one is begun; None for never."""

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> "TalkSpec":
        """What a command line has of one."""
        kind, role, documents = TalkKind(told["kind"]), TalkRole(told["role"]), tuple(told["documents"])
        return cls(**{**told, "kind": kind, "role": role, "documents": documents})
