"""The ports whose events go straight to the other domain, and the links by which they go.

The hypervisor offers a port; who takes the offer takes its events from the link of that domain, and sends its
own there once both have. It withdraws an offer when it likes. The board makes the links, and cuts them when
events have to go by the hypervisor alone.
Rules: both are needed, a port that may and a link that is there; without one of them an event goes by the
hypervisor, which is always right. What was sent directly may have come to nothing when the way ends, be it
the port's or the link's: then one event follows by the hypervisor. So none is lost; one too many is nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from actors.address import EVENTS
from actors.event_messages import OfferEvents, OfferTaken, SendDirectly, WithdrawEvents
from actors.kernel.direct_link import DirectLink, LinkBrokenError
from actors.kernel.irq import Irq
from actors.kernel.pages import Pages
from actors.runtime.memory import Memory
from actors.start_info import COUNTS_GFN, DirectCounts


@dataclass(slots=True)
class OfferedPort:
    """One port that was offered: from which domain its events may come, and where its own may go.

    `taken`: the hypervisor was told; `used`: events were sent directly that may be on their way.
    """

    domid: int
    generation: int
    taken: bool = False
    remote_port: int | None = None
    used: bool = False


class Linked(Protocol):
    """What a kernel has for them."""

    irq: Irq
    memory: Memory
    pages: Pages

    def send(self, link: str, message: object) -> None:
        """Send a message on a link."""
        ...

    def close_link(self, link: str, reason: str) -> None:
        """Cut a link off."""
        ...

    def on_link(self, link: str, receive: Callable[[object], None]) -> None:
        """Messages of this link go to `receive`."""
        ...


class DirectLinks:
    """Those of one kernel."""

    def __init__(self, kernel: Linked, xen: str) -> None:
        """`xen`: the name of the link to the hypervisor."""
        self._kernel = kernel
        self._irq = kernel.irq
        self._xen = xen
        self._counts: DirectCounts | None = None
        self._ports: dict[int, OfferedPort] = {}
        self._links: dict[int, DirectLink] = {}
        self._touched: dict[DirectLink, None] = {}

    def told(self, message: object) -> bool:
        """Take what the hypervisor says of a port; False if it is something else."""
        match message:
            case OfferEvents(port=port, domid=domid, generation=generation):
                offer = self._ports[port] = OfferedPort(domid, generation)
                if domid in self._links:
                    self._take(port, offer)
            case SendDirectly(port=port, remote_port=remote_port):
                if port in self._ports:
                    self._ports[port].remote_port = remote_port
            case WithdrawEvents(port=port):
                offered = self._ports.pop(port, None)
                if offered is not None and offered.used:
                    self._irq.notify(port)
            case _:
                return False
        return True

    def notify(self, port: int) -> bool:
        """Send an event on a port directly; False if it has to go by the hypervisor."""
        offered = self._ports.get(port)
        if offered is None or offered.remote_port is None:
            return False
        link = self._links.get(offered.domid)
        if link is None or self._counts is None:
            return False
        link.notify(offered.remote_port)
        offered.used = True
        self._counts.sent += 1
        self._touched[link] = None
        return True

    def forget(self, port: int) -> bool:
        """The port is about to be closed; True if an event has to be sent before, by the hypervisor.

        The offer may have been withdrawn already: the peer does not take then what was sent directly.
        """
        offered = self._ports.pop(port, None)
        return offered is not None and offered.used

    def flush(self) -> None:
        """The turn ends: send what is owed."""
        if self._touched:
            touched, self._touched = self._touched, {}
            for link in touched:
                message = link.message()
                if message is not None and self._links.get(link.domid) is link:
                    self._kernel.send(link.name, message)

    def owns(self, link: str) -> bool:
        """Whether it is such a link."""
        return link.startswith(EVENTS)

    def opened(self, link: str) -> None:
        """The board has made one."""
        domid = int(link.removeprefix(EVENTS))
        if self._counts is None:
            self._counts = DirectCounts(self._kernel.memory, self._kernel.pages.mfn(COUNTS_GFN))
        made = self._links[domid] = DirectLink(domid, link)
        self._kernel.on_link(link, partial(self._received, made))
        for port, offered in self._ports.items():
            if offered.domid == domid and not offered.taken:
                self._take(port, offered)

    def closed(self, link: str, reason: str) -> None:  # noqa: ARG002 (the contract of a `LinkOwner`)
        """It is gone, and perhaps what was under way on it."""
        domid = int(link.removeprefix(EVENTS))
        del self._links[domid]
        for port, offered in self._ports.items():
            if offered.domid == domid and offered.used:
                offered.used = False
                self._irq.notify(port)

    def check(self) -> None:
        """Invariants of the links."""
        for link in self._links.values():
            link.check()

    def _take(self, port: int, offered: OfferedPort) -> None:
        offered.taken = True
        self._kernel.send(self._xen, OfferTaken(port, offered.generation))

    def _received(self, link: DirectLink, message: object) -> None:
        if self._links.get(link.domid) is not link:
            return
        try:
            ports = link.take(message)
        except LinkBrokenError as error:
            self._kernel.close_link(link.name, str(error))
            return
        self._touched[link] = None
        if ports:
            self._deliver(link.domid, ports)

    def _deliver(self, domid: int, ports: list[int]) -> None:
        """An event for a port that was not offered of that domain, or no longer is, is a spurious one."""
        assert self._counts is not None, "there is a link"
        mine = self._ports
        wanted = [port for port in ports if port in mine and mine[port].domid == domid]
        self._counts.taken += 1
        self._irq.spurious += len(ports) - len(wanted)
        self._irq.deliver(wanted)
