"""The XenStore client of a domain that a toolstack has built: ring page and port are in its start info.

Source: Linux drivers/xen/xenbus/xenbus_probe.c (xen_store_evtchn, xen_store_gfn of start_info).
"""

from actors.kernel.kernel import Kernel
from actors.kernel.xenbus import RingTransport, Xenbus
from actors.kernel.xs_ring import XsRing


def connect_to_store(kernel: Kernel, *, reconnect: bool) -> Xenbus:
    """A client over the ring that the toolstack made; `reconnect`: it takes up with a server that is new."""
    info = kernel.start_info
    ring = XsRing(kernel.pages.frame(info.store_gfn), kernel.pages.words(info.store_gfn))
    transport = RingTransport(ring, lambda: kernel.irq.notify(info.store_port))
    xenbus = Xenbus(
        kernel.threads, transport, reconnect=reconnect, log=kernel.log, observer=kernel.store_observer
    )
    kernel.irq.bind(info.store_port, "xen-dyn -event", "xenbus", xenbus.on_event)
    xenbus.on_event()
    return xenbus
