"""Channels whose events the two domains send to each other, as long as the hypervisor has nothing against it.

Both ends are offered the channel; when both have taken the offer, each may send on the link that the board
has made for the two. An offer is withdrawn whenever an event on the channel has to do more here than to be
handed on, and for good when an end closes.
Rules: the way by the hypervisor is always open and always right. With a withdrawal both ends get an event,
since one may have been sent directly and not have arrived; what is sent directly after that, before the
withdrawal was heard of, is followed by an event by the hypervisor (`actors/kernel/direct_links.py`). So none
is lost. An offer has a number (`generation`), so that what was taken is the one that stands.
Source: ours; Xen delivers every event itself.
"""

from collections.abc import Callable

from actors.event_messages import LinkDomains, OfferEvents, SendDirectly, WithdrawEvents
from actors.hypervisor.outbox import SUPERVISOR, Outbox
from actors.hypervisor.ports import Channel, Offer, PortState, PortTable


class Delegation:
    """The offers of one host; with `enabled` False it makes none.

    `set_pending` puts an event on a port.
    """

    def __init__(self, outbox: Outbox, set_pending: Callable[[Channel], None], *, enabled: bool) -> None:
        self.enabled = enabled
        self._outbox = outbox
        self._set_pending = set_pending
        self._linked: set[frozenset[PortTable]] = set()
        self._generation = 0

    def review(self, channel: Channel) -> None:
        """Something has changed that decides whether events of a channel have to come here."""
        if not self.enabled:
            return
        if not self._may(channel):
            self.withdraw(channel)
        elif channel.offer is Offer.none:
            self._offer(channel)

    def review_all(self, table: PortTable) -> None:
        """The same for all channels of a domain."""
        if self.enabled:
            for channel in list(table.channels.values()):
                self.review(channel)

    def polls(self, table: PortTable) -> None:
        """A domain waits in the hypervisor for events: from now on they have to come there."""
        if not table.polled:
            table.polled = True
            self.review_all(table)

    def taken(self, table: PortTable, port: int, generation: int) -> None:
        """A domain has taken an offer, which may have been withdrawn meanwhile."""
        channel = table.channels.get(port)
        if channel is None or channel.offer is not Offer.made or channel.generation != generation:
            return
        channel.offer = Offer.taken
        peer = channel.peer
        assert peer is not None, "what is offered has a peer"
        if peer.offer is Offer.taken:
            for end, other in ((channel, peer), (peer, channel)):
                end.offer = Offer.direct
                end.table.was_direct = True
                self._tell(end, SendDirectly(end.port, other.port))

    def withdraw(self, channel: Channel) -> None:
        """Events of a channel come here again."""
        if channel.offer is Offer.none:
            return
        peer = channel.peer
        assert peer is not None, "what is offered has a peer"
        for end in (channel, peer):
            self._tell(end, WithdrawEvents(end.port))
            if end.offer is Offer.direct:
                self._set_pending(end)
            end.offer = Offer.none

    def withdraw_all(self, table: PortTable) -> None:
        """A domain stops: events for it come here, and events that it has sent are not lost with it."""
        if self.enabled:
            for channel in list(table.channels.values()):
                self.withdraw(channel)

    def forget(self, table: PortTable) -> None:
        """A domain is gone, and its links with it."""
        self._linked = {each for each in self._linked if table not in each}

    def check(self, tables: list[PortTable]) -> None:
        """What is offered may be offered, at both ends; there is a link for it."""
        for table in tables:
            for channel in table.channels.values():
                if channel.offer is not Offer.none:
                    where = f"port {channel.port} of domain {table.domid}"
                    assert self._may(channel), f"{where} is offered and may not be"
                    peer = channel.peer
                    assert peer is not None, f"{where} is offered and has no peer"
                    assert peer.offer is not Offer.none, f"{where} is offered, its peer is not"
                    assert frozenset((table, peer.table)) in self._linked, (
                        f"{where} is offered without a link"
                    )

    def _may(self, channel: Channel) -> bool:
        """Whether an event on a channel does no more here than to be handed on."""
        peer = channel.peer
        if not self.enabled or channel.state is not PortState.INTERDOMAIN or peer is None:
            return False
        return peer.table is not channel.table and _plain(channel) and _plain(peer)

    def _offer(self, channel: Channel) -> None:
        peer = channel.peer
        assert peer is not None, "it may be offered"
        pair = frozenset((channel.table, peer.table))
        if pair not in self._linked:
            self._linked.add(pair)
            self._outbox.send(SUPERVISOR, LinkDomains(channel.table.domid, peer.table.domid))
        self._generation += 1
        for end, other in ((channel, peer), (peer, channel)):
            end.offer, end.generation = Offer.made, self._generation
            self._tell(end, OfferEvents(end.port, other.table.domid, self._generation))

    def _tell(self, channel: Channel, message: object) -> None:
        if channel.table.link is not None:
            self._outbox.send(channel.table.link, message)


def _plain(channel: Channel) -> bool:
    table = channel.table
    runs = table.link is not None and not table.paused and not table.dying
    return runs and not table.polled and not channel.vcpu and channel.port not in table.priorities
