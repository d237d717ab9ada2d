"""What is asked of both stores: a stream of steps by four clients, and what came of each.

Source: ours; the numbers are those of xen/include/public/io/xs_wire.h.
"""

from dataclasses import dataclass, field

from actors.abi.xs_wire import XsType

TOOLS = (0, 1)
"""Clients on sockets, as privileged as domain 0."""

DOMAINS = {2: 1, 3: 2}
"""Clients on rings, and the domain of each."""

CLIENTS = (*TOOLS, *DOMAINS)

SHUTDOWN = -1
DESTROY = -2
"""Not requests: the hypervisor says that a domain has shut down, or is gone. The payload is its number."""

NEVER_BEGUN = 0x7FFF_0000


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `transaction` is the step in which it was begun, by its number; 0 is none.

    Numbers stay with their steps when others are left out, so that a shorter stream means the same.
    """

    number: int
    client: int
    kind: int
    payload: bytes = b""
    transaction: int = 0

    def __str__(self) -> str:
        kind = {SHUTDOWN: "domain shuts down:", DESTROY: "domain is gone:"}.get(self.kind)
        if kind is None:
            kind = XsType(self.kind).name if self.kind in set(XsType) else f"request {self.kind}"
        inside = f" in the transaction of step {self.transaction}" if self.transaction else ""
        who = "tool" if self.client in TOOLS else f"domain {DOMAINS[self.client]}, client"
        return f"step {self.number}: {who} {self.client}: {kind} {shown(self.payload)}{inside}"


@dataclass(slots=True)
class Heard:
    """What a store has said in a step: the answer (None if nobody was there to answer), and to whom what.

    `before` are the events that the asker got before its answer; `after` all others, by client.
    """

    answer: tuple[int, bytes] | None
    before: list[bytes] = field(default_factory=list)
    after: dict[int, list[bytes]] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.answer is None:
            lines = ["no answer"]
        else:
            kind, payload = self.answer
            name = XsType(kind).name if kind in set(XsType) else str(kind)
            lines = [f"{name} {shown(payload)}"]
        lines += [f"  event before the answer: {shown(each)}" for each in self.before]
        lines += [
            f"  event for client {client}: {shown(each)}"
            for client in sorted(self.after)
            for each in self.after[client]
        ]
        return "\n".join(lines)


def shown(payload: bytes) -> str:
    """Bytes as one reads them; the middle of a long payload is left out."""
    if len(payload) <= 160:
        return repr(payload)[1:]
    return f"{repr(payload[:60])[1:]}...{len(payload) - 120} more...{repr(payload[-60:])[1:]}"
