"""Event channels to handlers, and the events that this turn owes to others.

A GSI's irq is its own number, as the thread's patches have it; everything else gets the lowest free one
above. Source: Linux drivers/xen/events (an irq for each port, the names in /proc/interrupts).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Final, Protocol

from actors.abi.hypercalls import Evtchnop
from actors.abi.hypercalls import Hypercall as Number
from actors.abi.interface import Virq
from actors.kernel.hypercalls import Hypercalls

NR_GSIS: Final = 24
PER_VCPU: Final = (Virq.TIMER, Virq.DEBUG, Virq.XENOPROF, Virq.XENPMU)
LATE_EOI: Final = re.compile(r"evtchn:|blkif-backend|vif\d+\.\d+")
"""Takers whose event has ended only when they say so: programs, through /dev/xen/evtchn, and backends."""


class DirectWay(Protocol):
    """A way to other domains that does not lead by the hypervisor."""

    def notify(self, port: int) -> bool:
        """Send an event on a port; False if it does not go this way."""
        ...

    def forget(self, port: int) -> bool:
        """The port is about to be closed; True if an event has to be sent before, by the hypervisor."""
        ...


@dataclass(slots=True)
class Binding:
    """One port: its irq, what kind of event it carries (as /proc/interrupts names it), and who takes it."""

    irq: int
    kind: str
    name: str
    handler: Callable[[], None]
    masked: bool = False
    pending: bool = False
    count: int = 0


class Irq:
    """The interrupt layer of a kernel. `direct`: what is asked first how an event goes."""

    def __init__(self, xen: Hypercalls) -> None:
        self._xen = xen
        self._bindings: dict[int, Binding] = {}
        self._owed: dict[int, None] = {}
        self._fresh_irqs = count(NR_GSIS)
        self._freed_irqs: list[int] = []
        self.direct: DirectWay | None = None
        self.spurious = 0
        self.upcalls = 0

    def bind(
        self, port: int, kind: str, name: str, handler: Callable[[], None], gsi: int | None = None
    ) -> None:
        """Let `handler` run for each event on `port`, which carries the interrupt `gsi`, or none."""
        assert port not in self._bindings, f"port {port} has a handler already"
        if kind.startswith("xen-dyn") and LATE_EOI.match(name):
            kind = "xen-dyn-lateeoi -event"
        irq = gsi if gsi is not None and gsi < NR_GSIS else self._free_irq()
        self._bindings[port] = Binding(irq, kind, name, handler)

    def deliver(self, ports: list[int]) -> None:
        """An upcall: run the handlers; a masked port stays pending; a port without handler is counted."""
        bindings = self._bindings
        self.upcalls += 1
        for port in ports:
            binding = bindings.get(port)
            if binding is None:
                self.spurious += 1
            elif binding.masked:
                binding.pending = True
            else:
                binding.count += 1
                binding.handler()

    def mask(self, port: int) -> None:
        """Hold events of a port back; one is remembered."""
        self._bindings[port].masked = True

    def unmask(self, port: int) -> None:
        """Let events of a port through; one that came meanwhile is delivered now."""
        binding = self._bindings[port]
        binding.masked = False
        if binding.pending:
            binding.pending = False
            binding.count += 1
            binding.handler()

    def notify(self, port: int) -> None:
        """Send an event on `port` at the end of this turn; several become one, as they do in Xen."""
        self._owed[port] = None

    def flush(self) -> None:
        """Issue what `notify` has collected."""
        if self._owed:
            owed, self._owed = self._owed, {}
            for port in owed:
                if self.direct is not None and self.direct.notify(port):
                    continue
                self._xen.post(Number.event_channel_op, Evtchnop.send, {"port": port})

    async def alloc_unbound(self, remote_dom: int) -> int:
        """A new port of ours that `remote_dom` may bind."""
        return _port(
            await self._xen.event_channel_op(Evtchnop.alloc_unbound, dom=0x7FF0, remote_dom=remote_dom)
        )

    async def bind_interdomain(
        self, remote_dom: int, remote_port: int, name: str, handler: Callable[[], None]
    ) -> int:
        """Bind a port that another domain has allocated for us; our port. XenError if it is not for us."""
        out = await self._xen.event_channel_op(
            Evtchnop.bind_interdomain, remote_dom=remote_dom, remote_port=remote_port
        )
        port = _port(out, "local_port")
        self.bind(port, "xen-dyn -event", name, handler)
        return port

    async def bind_virq(self, virq: int, name: str, handler: Callable[[], None]) -> int:
        """Bind a virtual interrupt on vcpu 0; our port."""
        port = _port(await self._xen.event_channel_op(Evtchnop.bind_virq, virq=virq, vcpu=0))
        if virq in PER_VCPU:
            self.bind(port, "xen-percpu -virq", f"{name}0", handler)
        else:
            self.bind(port, "xen-dyn -virq", name, handler)
        return port

    async def bind_pirq(self, pirq: int, kind: str, name: str, handler: Callable[[], None]) -> int:
        """Bind a physical interrupt; our port."""
        port = _port(await self._xen.event_channel_op(Evtchnop.bind_pirq, pirq=pirq, flags=1))
        self.bind(port, kind, name, handler, gsi=pirq)
        return port

    def unbind(self, port: int) -> None:
        """Forget the handler of a port and close the port."""
        binding = self._bindings.pop(port, None)
        if binding is not None and binding.irq >= NR_GSIS:
            heappush(self._freed_irqs, binding.irq)
        self._owed.pop(port, None)
        if self.direct is not None and self.direct.forget(port):
            self._xen.post(Number.event_channel_op, Evtchnop.send, {"port": port})
        self._xen.post(Number.event_channel_op, Evtchnop.close, {"port": port})

    def table(self) -> str:
        """What /proc/interrupts shows."""
        rows = sorted(self._bindings.values(), key=lambda each: each.irq)
        lines = [f"{'':>4} {'CPU0':>10}"]
        lines += [f"{each.irq:>3}: {each.count:>10}   {each.kind:<22}  {each.name}" for each in rows]
        lines.append(f"HYP: {self.upcalls:>10}   Hypervisor callback interrupts")
        lines.append(f"ERR: {self.spurious:>10}")
        return "\n".join(lines) + "\n"

    def _free_irq(self) -> int:
        return heappop(self._freed_irqs) if self._freed_irqs else next(self._fresh_irqs)


def _port(out: dict[str, object], field: str = "port") -> int:
    port = out[field]
    assert isinstance(port, int), "the hypervisor fills in a number"
    return port
