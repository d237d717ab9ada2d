"""The kernel of a domain that runs the store and nothing else.

How domain 0 and the stub find each other:
- dom0's toolstack allocates a port of the stub for domain 0 (alloc_unbound dom=stub, remote_dom=0)
  before anything else, so that it is the stub's first, and writes it as `store_port` into the stub's
  start info. It routes VIRQ_DOM_EXC to the stub (set_virq_handler) before the stub runs.
- dom0 grants its own ring page to the stub with its grant 1, binds the port and sends an event.
- When dom0 dies, the port falls back to *unbound, reserved for domain 0*. The next dom0 finds the stub
  by its xs_domain flag and the port by EVTCHNOP_status on the stub's ports, and does the same again.
Source: tools/helpers/init-xenstore-domain.c (a stub is introduced to dom0, not the other way round).
"""

from actors.kernel.kernel import Kernel
from actors.messages import Fault
from actors.runtime.memory import Memory
from actors.xenstore.archive import Archive
from actors.xenstore.daemon import Xenstored
from actors.xenstore.quotas import Quotas
from actors.xenstore.store import StoreStatistics
from actors.xenstore.tool_clients import ToolClients


class XenstoreDomain(Kernel):
    """The machine of a xenstore stub domain."""

    def __init__(
        self,
        memory: Memory,
        extents: list[list[int]],
        quotas: Quotas | None = None,
        *,
        archive: Archive | None = None,
    ) -> None:
        """`archive`: where the daemon keeps what is to outlive this domain."""
        super().__init__(memory, extents)
        self._archive = archive
        domid = self.start_info.store_domid
        self.daemon = Xenstored(self, domid=domid, quotas=quotas, archive=archive)
        self._tools = ToolClients(self)
        self.link_owners.append(self._tools)
        self.faults["xenstored-live-update"] = self._live_update

    async def boot(self) -> None:
        """Start the daemon and wait for domain 0."""
        await self.grants.setup()
        await self.daemon.start()
        self._tools.serve(self.daemon.served)
        self.daemon.serve_control_domain(self.start_info.store_port)
        self.log(
            f"xenstored: domain {self.start_info.store_domid}, port {self.start_info.store_port} for dom0"
        )

    def _live_update(self, _: Fault) -> bool:
        """The daemon is replaced in order; a kill of it is the death of this whole domain."""
        self.daemon.served.live_update()
        return True

    def close(self) -> None:
        """Let go of the archive: this machine may have been killed in a process that lives on."""
        if self._archive is not None:
            self._archive.close()

    def check(self) -> None:
        """Invariants of the kernel and the daemon."""
        super().check()
        self.daemon.check()

    def check_turn(self) -> None:
        """The same of what the last turn touched."""
        super().check()
        self.daemon.check_turn()

    def statistics(self) -> StoreStatistics:
        """What the store has done and has."""
        return self.daemon.served.store.statistics()
