"""The client of the kernel in which a daemon runs."""

from actors.kernel.kernel import Kernel
from actors.kernel.xenbus import LocalTransport, Xenbus
from actors.xenstore.daemon import Xenstored


def local_client(kernel: Kernel, daemon: Xenstored) -> Xenbus:
    """One that is served."""
    transport = LocalTransport()
    daemon.served.connect_kernel(transport)
    return Xenbus(kernel.threads, transport, reconnect=True, log=kernel.log)
