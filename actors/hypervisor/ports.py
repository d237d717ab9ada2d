"""The event channels of one domain: which ports are in use, as what, and which have events pending.

Rules: port 0 is reserved; a new channel takes the lowest free port; a port is valid up to the end of
the last bucket that was ever allocated; only `event_channels.py` changes a channel.
Source: xen/common/event_channel.c (get_free_port, evtchn_allocate_port), xen/include/xen/sched.h.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final

from actors.abi.errno import Errno, XenError

PORTS_PER_BUCKET: Final = 64
MAX_PORTS: Final = 131072
DEFAULT_PRIORITY: Final = 7


class PortState(IntEnum):
    """`ECS_*`."""

    FREE = 0
    RESERVED = 1
    UNBOUND = 2
    INTERDOMAIN = 3
    PIRQ = 4
    VIRQ = 5
    IPI = 6


class Offer(IntEnum):
    """How far one end of a channel is on its way to send and take events directly."""

    none = 0
    made = 1
    taken = 2
    direct = 3


@dataclass(slots=True, eq=False)
class Channel:
    """One port in use. Which fields from `remote_domid` to `pirq` count depends on the state."""

    table: "PortTable"
    port: int
    state: PortState
    vcpu: int = 0
    remote_domid: int = 0
    peer: "Channel | None" = None
    virq: int = 0
    pirq: int = 0
    offer: Offer = Offer.none
    generation: int = 0


@dataclass(slots=True, eq=False)
class Poll:
    """A call that waits for an event: on `ports`, or, if None, on any."""

    sequence: int
    ports: frozenset[int] | None


@dataclass(slots=True, eq=False)
class PortTable:
    """The ports of one incarnation of a domain. `link` is None while the domain cannot take upcalls.

    `priorities` are those that are not the default one; `blocked_ns` is how long somebody has waited.
    `paused`: it has a link and is held; `polled`: it has waited in the hypervisor at least once;
    `was_direct`: some of its events have not come by the hypervisor.
    `sent` to `interrupts_ended` only count, the last two by irq.
    """

    domid: int
    max_port: int
    nr_vcpus: int = 0
    link: str | None = None
    dying: bool = False
    paused: bool = False
    polled: bool = False
    was_direct: bool = False
    upcalls_open: int = 0
    sent: int = 0
    upcalls: int = 0
    upcalls_taken: int = 0
    interrupts: dict[int, int] = field(default_factory=dict)
    interrupts_ended: dict[int, int] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    virqs: dict[tuple[int, int], Channel] = field(default_factory=dict)
    pirqs: dict[int, Channel] = field(default_factory=dict)
    pending: set[int] = field(default_factory=set)
    priorities: dict[int, int] = field(default_factory=dict)
    polls: list[Poll] = field(default_factory=list)
    blocked_since_ns: int = 0
    blocked_ns: int = 0
    valid_ports: int = PORTS_PER_BUCKET
    _freed: list[int] = field(default_factory=list)
    _next: int = 1

    def is_valid(self, port: int) -> bool:
        """Whether there is a record for this port, in use or not."""
        return 0 <= port < self.valid_ports

    def in_order(self) -> list[int]:
        """The ports with events, as an upcall has them: by priority, then by number."""
        if not self.priorities:
            return sorted(self.pending)
        return sorted(self.pending, key=lambda port: (self.priorities.get(port, DEFAULT_PRIORITY), port))

    def has_undelivered(self) -> bool:
        """Whether there are events that the domain has not taken yet."""
        return self.upcalls_open > 0 or bool(self.pending)

    def free_port(self) -> int:
        """The lowest free port, not yet taken. EINVAL for a dying domain, ENOSPC at the limit."""
        if self.dying:
            raise XenError(Errno.EINVAL, f"domain {self.domid} is dying")
        port = self._freed[0] if self._freed else self._next
        if port > self.max_port or port >= MAX_PORTS:
            raise XenError(Errno.ENOSPC, f"domain {self.domid} has no free port")
        return port

    def take(self, port: int, state: PortState) -> Channel:
        """Use the port that `free_port` has named."""
        if self._freed and self._freed[0] == port:
            heappop(self._freed)
        else:
            assert port == self._next, f"port {port} is not the lowest free one"
            self._next += 1
            if port >= self.valid_ports:
                self.valid_ports += PORTS_PER_BUCKET
        channel = self.channels[port] = Channel(self, port, state)
        return channel

    def release(self, channel: Channel) -> None:
        """The port is free again; an event that was pending on it is gone."""
        channel.state = PortState.FREE
        del self.channels[channel.port]
        self.pending.discard(channel.port)
        self.priorities.pop(channel.port, None)
        heappush(self._freed, channel.port)
