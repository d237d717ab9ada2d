"""What the tables of the hypervisor want done, in order, and the time of the event at hand.

Rules: the machine puts a fresh list in for each event; the tables only append.
Source: ours; the prefix of console lines is Xen's (xen/drivers/char/console.c).
"""

from collections import defaultdict

from actors.abi.types import DOMID_FIRST_RESERVED
from actors.address import domain_actor, spare_actor
from actors.hypervisor.console_ring import ConsoleRing
from actors.messages import HypercallReply
from actors.runtime.machine import Effect, Log, Send

SUPERVISOR = "supervisor"
IOAPIC = "ioapic"


class Outbox:
    """Collects the effects of one event. `unanswered` counts hypercalls under way, by the caller's link."""

    __slots__ = ("effects", "now_ns", "ring", "unanswered")

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.now_ns = 0
        self.ring = ConsoleRing()
        self.unanswered: defaultdict[str, int] = defaultdict(int)

    def send(self, link: str, message: object) -> None:
        """Send a message on a link."""
        self.effects.append(Send(link, message))

    def answer(self, link: str, sequence: int, ret: int) -> None:
        """Return from a hypercall that was not answered when it was made."""
        self.unanswered[link] -= 1
        self.send(link, HypercallReply(sequence, ret, None))

    def log(self, text: str) -> None:
        """A line on the hypervisor's console."""
        line = f"(XEN) {text}"
        self.effects.append(Log(line))
        self.ring.put(line)


def link_of(domid: int) -> str:
    """The name of the link to a domain."""
    assert 0 <= domid < DOMID_FIRST_RESERVED, f"no domain can have the id {domid}"
    return domain_actor(domid)


def spare_link_of(domid: int) -> str:
    """The name of the link to the spare of a domain."""
    return spare_actor(domid)
