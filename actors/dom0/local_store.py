"""xenstored in dom0's own kernel: a program that can die there and be started again.

Rules: a dead daemon's tables are gone at once; the next one is started when the kernel has closed its ports
and mappings. What lives on is in the archive, if there is one.
"""

from collections.abc import Callable

from actors.dom0.store_home import MakeClient
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future
from actors.kernel.xenbus import LocalTransport, Xenbus
from actors.policies import StoreRestart
from actors.xenstore.archive import Archive
from actors.xenstore.daemon import Xenstored
from actors.xenstore.store import StoreStatistics
from actors.xenstore.tool_clients import ToolClients


class LocalStore:
    """A `StoreHome`. `restart` is the host's policy."""

    def __init__(
        self,
        kernel: Kernel,
        tools: ToolClients,
        make_client: MakeClient,
        *,
        restart: StoreRestart,
        archive: Archive | None,
        lost: Callable[[], None],
    ) -> None:
        self._kernel = kernel
        self._tools = tools
        self._make_client = make_client
        self._archive = archive
        self._lost = lost
        self._daemon: Xenstored | None = None
        self._transport: LocalTransport | None = None
        self._killed_early = False
        self.began_empty = True
        kernel.faults["xenstored-kill"] = lambda _fault: self._die(planned=False)
        kernel.faults["xenstored-live-update"] = lambda _fault: self._die(planned=restart.keeps_when_planned)

    async def start(self) -> Xenbus:
        """Start the daemon; dom0's client of it."""
        daemon = self._daemon = self._make()
        await daemon.start()
        self.began_empty = not daemon.restored
        self._tools.serve(daemon.served)
        self._transport = LocalTransport()
        daemon.served.connect_kernel(self._transport)
        return self._make_client(self._transport)

    def _die(self, *, planned: bool) -> bool:
        """Nothing before the first daemon serves. One that is being started dies once it serves."""
        if self._transport is None:
            return True
        if self._daemon is None:
            self._killed_early = self._killed_early or not planned
        elif planned:
            self._daemon.served.live_update()
        else:
            self._replace(self._daemon, self._transport)
        return True

    def check(self) -> None:
        """Invariants of the daemon."""
        if self._daemon is not None:
            self._daemon.check()

    def check_turn(self) -> None:
        """The same of what the last turn touched."""
        if self._daemon is not None:
            self._daemon.check_turn()

    def statistics(self) -> StoreStatistics | None:
        """The store's, once there is one."""
        return self._daemon.served.store.statistics() if self._daemon is not None else None

    def _make(self) -> Xenstored:
        return Xenstored(self._kernel, domid=0, archive=self._archive)

    def _replace(self, dead: Xenstored, transport: LocalTransport) -> None:
        self._kernel.log("xenstored: Killed")
        self._daemon = None
        self._tools.lose_server()
        transport.cut()
        self._kernel.threads.spawn("xenstored start", self._start_again(dead.die(), transport))

    async def _start_again(self, ended: Future[None], transport: LocalTransport) -> None:
        await ended
        daemon = self._make()
        await daemon.start()
        self._daemon = daemon
        self._tools.serve(daemon.served)
        self._kernel.log("xenstored: started again")
        if not daemon.restored:
            self._lost()  # before anything that was asked of the dead one is asked of this one
        daemon.served.connect_kernel(transport)
        if self._killed_early:
            self._killed_early = False
            self._replace(daemon, transport)
