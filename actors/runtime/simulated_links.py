"""The links of a simulated world: what is sent on them arrives later, and in order.

Rules: what is under way stands in the world's heap. What a turn sends on a link leaves at its end and arrives
together, in a turn: a frame; while rules break a link, each message travels alone. Between two actors of one
process a frame needs no time, and no entry if the other can take it at once: it is called when the turn is
over. Each direction of a link keeps its order, but for what rules let overtake; a link that an end leaves
closes at the other behind everything that was sent before.
"""

from collections import deque
from collections.abc import Callable
from heapq import heappush
from itertools import repeat
from random import Random

from actors.runtime.codec import Codec
from actors.runtime.distribution import Draw
from actors.runtime.link_rules import LinkRules
from actors.runtime.machine import Disturb, LinkClosed, LinkOpened
from actors.runtime.simulated_actor import Frame, LinkEnd, SimulatedActor, What, join_ends
from actors.runtime.simulated_world import SimulatedWorld

Latency = Callable[[str, str, Random], Draw]


def no_latency(source: str, destination: str, random: Random) -> Draw:  # noqa: ARG001
    """Everything arrives at the time of its sending, after what is already there."""
    return repeat(0).__next__


class SimulatedLinks(SimulatedWorld):
    """A world with links.

    `latency(source, destination, random)` is asked once for each direction of a link; what it gives is asked
    for each frame, opening and closing. With `codec` every message goes through its wire form.
    """

    def __init__(self, seed: int, latency: Latency, codec: Codec | None = None) -> None:
        super().__init__(seed)
        self._latency = latency
        self._codec = codec
        self._nr_links = 0
        self._calls: deque[tuple[int, int, SimulatedActor, LinkEnd, Frame]] = deque()
        self._lead_ns = 0

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
        actors = [each or SimulatedActor("", None, None, self.now_ns) for each in (actor, peer)]
        ends = []
        for each, other, name in zip(actors, reversed(actors), (link, peer_link), strict=True):
            self._nr_links += 1
            random = self.random("links", str(self._nr_links))
            within = each.pack is not None and each.pack == other.pack
            latency = no_latency if within else self._latency
            ends.append(LinkEnd(each, name, latency(each.address, other.address, random)))
            ends[-1].within = within
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

    def _post(self, actor: SimulatedActor) -> None:
        """What an actor has sent in its turn leaves."""
        departure_ns = self.now_ns + self._lead_ns + actor.spent_ns
        for end in actor.touched:
            frame = end.outbox
            if not frame:
                continue
            end.outbox = []
            if self._codec is not None:
                frame = [self._codec.decode_frame(self._codec.encode(each))[0] for each in frame]
            if end.rules is not None:
                self._post_by_rules(end, frame, end.rules)
                continue
            peer = end.peer
            before_ns, arrival_ns = peer.last_arrival_ns, departure_ns + end.latency()
            arrival_ns = max(arrival_ns, before_ns)
            peer.last_arrival_ns = arrival_ns
            self._sequence += 1
            entry = (arrival_ns, self._sequence, peer.actor, peer, frame)
            if end.within and before_ns < self.now_ns:
                self._calls.append(entry)
            else:
                heappush(self._heap, entry)
        actor.touched.clear()

    def _post_by_rules(self, end: LinkEnd, frame: Frame, rules: LinkRules) -> None:
        """Carry what the rules of a broken link leave of each message."""
        for message in frame:
            for each in rules.decide(message):
                self._carry(end, [each.message], each.late_ns, in_order=each.in_order)

    def _carry(self, end: LinkEnd, what: What, late_ns: int = 0, *, in_order: bool = True) -> None:
        """Have something arrive at the other end, after the step, after the latency and in order."""
        peer = end.peer
        arrival_ns = self.now_ns + self._lead_ns + end.actor.spent_ns + end.latency() + late_ns
        if in_order:
            arrival_ns = peer.last_arrival_ns = max(arrival_ns, peer.last_arrival_ns)
        self._push(arrival_ns, peer.actor, peer, what)

    def _hang_up(self, end: LinkEnd, reason: str = "closed by the peer") -> None:
        """An end is gone: the other one learns it behind everything that was sent."""
        if end.open:
            self._post(end.actor)
            end.open = False
            self._carry(end, LinkClosed(end.peer.name, reason))

    def _close(
        self, actor: SimulatedActor, link: str, reason: str, peer_reason: str = "closed by the peer"
    ) -> None:
        """An actor that lives on loses its end, if it has one."""
        end = actor.links.pop(link, None)
        if end is not None:
            self._hang_up(end, peer_reason)
            self._push(self.now_ns, actor, None, LinkClosed(link, reason))
