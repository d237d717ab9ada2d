"""Two ends of a channel that share memory: each writes and tells the other, who looks when it is told."""

from tests.xen.linked_xen import GUEST, LinkedXen


class EventEnds:
    """The guest has allocated the port, dom0 has bound it. What was written is a number that grows."""

    def __init__(self, xen: LinkedXen) -> None:
        self.xen = xen
        self.written = {0: 0, GUEST: 0}
        self.seen = {0: 0, GUEST: 0}
        self.calls = {0: 0, GUEST: 0}
        self.ports: dict[int, int] = {}
        port = xen.do(GUEST, xen.kernels[GUEST].irq.alloc_unbound(0))
        xen.kernels[GUEST].irq.bind(port, "xen-dyn -event", "test", lambda: self.look(GUEST))
        self.ports[GUEST] = port
        self.bind()

    def bind(self) -> None:
        """dom0 binds the guest's port, which it may have closed before."""
        irq = self.xen.kernels[0].irq
        self.ports[0] = self.xen.do(
            0, irq.bind_interdomain(GUEST, self.ports[GUEST], "test", lambda: self.look(0))
        )

    def close(self) -> None:
        """dom0 closes its port, when it has sent what it wanted to."""
        self.xen._turn_with(self.xen.kernels[0], 0, [])
        self.xen.kernels[0].irq.unbind(self.ports.pop(0))
        self.xen._turn_with(self.xen.kernels[0], 0, [])

    def look(self, domid: int) -> None:
        """The domain is told: it sees what the other one has written."""
        self.calls[domid] += 1
        self.seen[domid] = self.written[GUEST - domid]

    def tell(self, domid: int) -> None:
        """A domain writes something and tells the other, at the end of its next turn."""
        self.written[domid] += 1
        self.xen.kernels[domid].irq.notify(self.ports[domid])

    def check(self) -> None:
        """Nothing was lost: each has looked after the other's last word."""
        assert self.seen == {0: self.written[GUEST], GUEST: self.written[0]}
