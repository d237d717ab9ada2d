"""The messages by which domains are let send each other events without the hypervisor, and those events.

As the rest of them (`messages.py`); only hosts with `links: direct` have any of these.
"""

from dataclasses import dataclass

from actors.runtime.codec import wire

# Between a domain and the hypervisor.


@wire(6)
@dataclass(slots=True)
class OfferEvents:
    """Events for `port` may come straight from domain `domid`, by the link that the two have: take them.

    An `OfferTaken` answers, once that link is there.
    """

    port: int
    domid: int
    generation: int


@wire(7)
@dataclass(slots=True)
class OfferTaken:
    """The domain takes events for `port` from the link of the offer with this `generation`."""

    port: int
    generation: int


@wire(8)
@dataclass(slots=True)
class SendDirectly:
    """Both ends have taken the offer: events on `port` may go by the link, for the peer's `remote_port`."""

    port: int
    remote_port: int


@wire(9)
@dataclass(slots=True)
class WithdrawEvents:
    """The offer for `port` is off: its events go by the hypervisor, in both directions.

    What was sent directly may have come to nothing, so who did sends one event by the hypervisor.
    """

    port: int


# Between two domains, by the link that the board has made for their events.


@wire(10)
@dataclass(slots=True)
class Notify:
    """Events for these ports of the receiver. At most UPCALL_WINDOW of these wait to be confirmed as taken.

    `taken`: so many of the receiver's own are confirmed by this.
    """

    ports: list[int]
    taken: int = 0


@wire(11)
@dataclass(slots=True)
class NotifyTaken:
    """The `count` oldest `Notify` that were not confirmed yet have been taken."""

    count: int


# Between the hypervisor and the host's supervisor.


@wire(26)
@dataclass(slots=True)
class LinkDomains:
    """Two running domains are to have a link for their events, for as long as both run."""

    domid: int
    peer_domid: int
