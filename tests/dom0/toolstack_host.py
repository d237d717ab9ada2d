"""A dom0 with a store and a toolstack; the domains that it creates do nothing."""

from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.plan import DomainPlan, HostPlan
from actors.dom0.toolstack import Toolstack
from actors.kernel.kernel import Kernel
from actors.policies import Reconnect, StorePlace
from actors.xenstore.daemon import Xenstored
from tests.xen.simulated_xen import SimulatedXen
from tests.xenstore.local_client import local_client


class Host:
    """On a simulated Xen."""

    def __init__(self, *plans: DomainPlan) -> None:
        self.xen = SimulatedXen({0: Kernel}).boot()
        kernel = self.xen.kernels[0]
        daemon = Xenstored(kernel)
        self.xen.do(0, daemon.start())
        self.xenbus = xenbus = local_client(kernel, daemon)
        self.builder = DomainBuilder(kernel, xenbus, store_domid=0)
        host = HostPlan(plans, StorePlace.dom0, Reconnect.resume, 2, {}, ("4.17",))
        self.toolstack = Toolstack(kernel, host, self.builder)
        self.xen.do(0, self.toolstack.start(store_lost=False))

    @property
    def logs(self) -> list[str]:
        return self.xen.consoles[0]

    @property
    def domains(self) -> list[int]:
        """The domains beside dom0 that exist."""
        return [domid for domid in self.xen.machine.owned_frames() if domid]

    def create(self, plan: DomainPlan) -> int:
        domid = self.xen.do(0, self.toolstack.create(plan))
        assert isinstance(domid, int)
        return domid

    def look_again(self) -> None:
        """The toolstack looks at its domains once more."""
        self.toolstack._changed.set()
        self.xen.run()
