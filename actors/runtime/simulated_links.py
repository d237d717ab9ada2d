"""The links of a simulated world: what is sent on them arrives later, and in order.

Rules: what is under way stands in the world's heap. Each direction of a link keeps its order, but for what
rules let overtake; a link that an end leaves closes at the other behind everything that was sent before.
"""

import heapq
from collections.abc import Callable
from random import Random

from actors.runtime.link_rules import LinkRules
from actors.runtime.machine import Disturb, Event, LinkClosed, LinkOpened, Received
from actors.runtime.simulated_actor import LinkEnd, SimulatedActor, join_ends
from actors.runtime.simulated_world import SimulatedWorld

Latency = Callable[[str, str, object, Random], int]


def no_latency(source: str, destination: str, message: object, random: Random) -> int:  # noqa: ARG001
    """Everything arrives at the time of its sending, after what is already there."""
    return 0


class SimulatedLinks(SimulatedWorld):
    """A world with links. `latency(source, destination, message, random)` is in nanoseconds.

    The message of an opening or closing link is its LinkOpened or LinkClosed.
    """

    def __init__(self, seed: int, latency: Latency) -> None:
        super().__init__(seed)
        self._latency = latency
        self._nr_links = 0

    def connect(self, address: str, link: str, peer_address: str, peer_link: str) -> None:
        """Link two running actors; a link of that name that an end already has is closed first."""
        self._connect(self._actors[address], link, self._actors[peer_address], peer_link)

    def close_link(self, address: str, link: str, reason: str) -> None:
        """Cut a link, as a fault: both ends see it closed."""
        self._close(self._actors[address], link, reason, peer_reason=reason)

    def _connect(
        self, actor: SimulatedActor | None, link: str, peer: SimulatedActor | None, peer_link: str
    ) -> None:
        """Both ends open; one that does not run any more hangs up at once."""
        ends = []
        for each, name in ((actor, link), (peer, peer_link)):
            self._nr_links += 1
            random = self.random("links", str(self._nr_links))
            ends.append(LinkEnd(each or SimulatedActor("", None, None, self.now_ns), name, random))
        join_ends(*ends)
        for end in ends:
            old = end.actor.links.get(end.name)
            end.last_arrival_ns = max(
                self.now_ns, end.actor.start_ns, old.last_arrival_ns if old is not None else 0
            )
            self._push(end.last_arrival_ns, end.actor, end, LinkOpened(end.name))

    def _set_rules(self, effect: Disturb) -> None:
        actor = self._actors.get(effect.address)
        end = actor.links.get(effect.link) if actor is not None else None
        if end is not None:
            end.rules = LinkRules(effect.rules, Random(effect.seed)) if effect.rules else None

    def _send_by_rules(self, end: LinkEnd, message: object, rules: LinkRules) -> None:
        """Carry what the rules of a broken link leave of a message."""
        for each in rules.decide(message):
            event = Received(end.peer.name, each.message)
            self._carry(end, each.message, event, each.late_ns, in_order=each.in_order)

    def _carry(
        self, end: LinkEnd, message: object, event: Event, late_ns: int = 0, *, in_order: bool = True
    ) -> None:
        """Have an event arrive at the other end, after the step, after the latency and in order."""
        actor, peer = end.actor, end.peer
        latency_ns = self._latency(actor.address, peer.actor.address, message, end.random)
        arrival_ns = self.now_ns + actor.spent_ns + latency_ns + late_ns
        if in_order:
            if arrival_ns < peer.last_arrival_ns:  # noqa: PLR1730 (max() costs more than the rest of it)
                arrival_ns = peer.last_arrival_ns
            peer.last_arrival_ns = arrival_ns
        self._sequence += 1
        heapq.heappush(self._heap, (arrival_ns, self._sequence, peer.actor, peer, event))

    def _hang_up(self, end: LinkEnd, reason: str = "closed by the peer") -> None:
        """An end is gone: the other one learns it behind everything that was sent."""
        if end.open:
            end.open = False
            event = LinkClosed(end.peer.name, reason)
            self._carry(end, event, event)

    def _close(
        self, actor: SimulatedActor, link: str, reason: str, peer_reason: str = "closed by the peer"
    ) -> None:
        """An actor that lives on loses its end, if it has one."""
        end = actor.links.pop(link, None)
        if end is not None:
            self._hang_up(end, peer_reason)
            self._push(self.now_ns, actor, None, LinkClosed(link, reason))
