"""dom0's machine: the hardware first, then XenStore, then the domains.

Rules: nothing survives in here from an earlier dom0; what lives on is found again by asking.
"""

from dataclasses import asdict, dataclass
from typing import cast

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Domctl, Evtchnop, Hypercall, Schedop, Sysctl
from actors.abi.interface import GNTTAB_RESERVED_XENSTORE, DominfFlags, EvtchnStatus, ShutdownReason, Virq
from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.hypervisor_meeting import HypervisorMeeting
from actors.dom0.plan import DomainPlan, HostPlan
from actors.dom0.steps import BuildDomain, CreateDomain, UnpauseDomain
from actors.dom0.toolstack import NOT_REBUILT, Toolstack
from actors.drivers.backends import DOM0_ROOT, Backends
from actors.drivers.disks import Disks
from actors.kernel.kernel import Kernel
from actors.kernel.threads import Future, Signal
from actors.kernel.watchdog import pet_watchdog
from actors.kernel.xenbus import RingTransport, Transport, Xenbus
from actors.kernel.xs_ring import XsRing
from actors.messages import Fault
from actors.runtime.memory import Memory
from actors.start_info import STORE_GFN
from actors.xenstore.daemon import Xenstored
from actors.xenstore.tool_clients import TOOL, ToolClients

XENSTORE_HANDLE = b"xenstore-stubdom"
XENSTORE_PAGES = 4096


@dataclass(frozen=True, slots=True)
class ControlDomainStatistics:
    """Counters of one dom0, from its boot on.

    `vbds`: one record for each backend (`BlkbackStatistics`, and whose it is); `store`: the store's
    (`StoreStatistics`) if xenstored runs here, else empty.
    """

    domains: dict[str, int]
    backends: int
    in_flight: int
    grants_mapped: int
    requests: int
    resumes: int
    renegotiations: int
    taken_over: int
    created: int
    restarted: int
    store_lost: bool
    not_rebuilt: list[str]
    all_shut_down: bool
    vbds: list[dict[str, object]]
    store: dict[str, object]


class ControlDomain(Kernel):
    """Domain 0: drivers, toolstack, and xenstored unless that has a domain of its own."""

    def __init__(self, memory: Memory, extents: list[list[int]], plan: HostPlan) -> None:
        super().__init__(memory, extents)
        self._plan = plan
        self._disks = Disks(self, hardware=True)
        self._links: set[str] = set()
        self._link_came = Signal()
        self._builder: DomainBuilder | None = None
        self._toolstack: Toolstack | None = None
        self._toolstack_dead = False
        self._knows: Future[None] = Future()
        self._typed = ""
        self._backends: Backends | None = None
        self._daemon: Xenstored | None = None
        self._tools = ToolClients(self)
        self._store_lost = False
        self._all_shut_down = False

    async def boot(self) -> None:
        """The hardware, XenStore, the domains."""
        self.log(f"dom0: {self.pages.total} pages, hwdom watchdog {self._plan.watchdog_s} s")
        if not await HypervisorMeeting(self.xen, self.log).hold(self._plan.built_for):
            self._power_off()
            return
        if self._plan.watchdog_s:
            timeout_s = self._plan.watchdog_s
            self.threads.spawn("watchdog", pet_watchdog(self.xen, self.threads, timeout_s, self.log))
        await self.grants.setup()
        for name, gsi, trigger in self._plan.disks:
            await self._link(name)
            await self._disks.probe(name, gsi, trigger)
        builder = DomainBuilder(self, None, store_domid=0)
        try:
            xenbus = await (
                self._start_store() if self._plan.xenstore == "dom0" else self._reach_store(builder)
            )
        except XenError as error:
            if error.errno != Errno.ENOSYS:
                raise
            self.log(f"xenstored cannot have a domain of its own on this Xen: {error}; it needs 4.2 or later")
            self._power_off()
            return
        builder.xenbus = xenbus
        self._backends = Backends(self, xenbus, self._disks, self._plan.reconnect, root=DOM0_ROOT)
        await self._backends.start()
        self._builder = builder
        self._toolstack = toolstack = Toolstack(self, self._plan, builder)
        self._knows = toolstack.spawn("xl", toolstack.start(store_lost=self._store_lost)).finished
        self._shut_down()
        await self._knows
        self.log(f"dom0: {len(toolstack.domains)} domains are looked after")

    def link_opened(self, link: str) -> None:
        """A device is plugged in, or a tool speaks to xenstored."""
        if link.startswith(TOOL):
            self._tools.opened(link)
            return
        self._links.add(link)
        self._link_came.set()

    def link_closed(self, link: str, reason: str) -> None:
        """A device is gone: what was asked of it fails. Or a tool is."""
        if link.startswith(TOOL):
            self._tools.closed(link)
            return
        self._links.discard(link)
        self._disks.lost(link)
        self.log(f"{link}: lost: {reason}")

    def console_input(self, text: str) -> None:
        """`xl shutdown -a` asks every guest to power off; `xl destroy -a` does not ask.

        Typed too early, it waits for the toolstack to know the domains.
        """
        if text in {"xl shutdown -a", "xl destroy -a"}:
            self._typed = text
            self._shut_down()

    def fault(self, fault: Fault) -> bool:
        """`hwdom-reboot`, `toolstack-kill`, and `backend-malformed-response` to `domid`, `virtual_device`."""
        if fault.kind == "hwdom-reboot":
            if fault.active:
                self.log("reboot: Restarting system")
                self.xen.post(Hypercall.sched_op, Schedop.shutdown, {"reason": int(ShutdownReason.reboot)})
            return True
        if fault.kind == "toolstack-kill":
            if fault.active:
                self._kill_toolstack()
            else:
                self._start_toolstack()
            return True
        if fault.kind != "backend-malformed-response" or self._backends is None:
            return False
        return not fault.active or self._backends.misanswer(fault.options)

    def check(self) -> None:
        """Invariants of the kernel and its backends."""
        self._check_backends()
        if self._daemon is not None:
            self._daemon.check()

    def check_turn(self) -> None:
        """The same of what the last turn touched."""
        self._check_backends()
        if self._daemon is not None:
            self._daemon.check_turn()

    def _check_backends(self) -> None:
        super().check()
        if self._backends is not None:
            self._backends.check()

    def vbd_states(self) -> list[str]:
        """The state of each of its backends."""
        return self._backends.states() if self._backends is not None else []

    def statistics(self) -> ControlDomainStatistics:
        """Counters since this dom0 booted."""
        vbds = self._backends.statistics() if self._backends is not None else []
        toolstack = self._toolstack
        domains = toolstack.domains if toolstack is not None else {}
        rebuilt = self._store_lost and toolstack is not None and toolstack.taken_over
        return ControlDomainStatistics(
            domains={each.plan.name: domid for domid, each in domains.items()},
            backends=len(vbds),
            in_flight=self._disks.in_flight,
            grants_mapped=self.grants.mapped,
            requests=_total(vbds, "requests"),
            resumes=_total(vbds, "resumes"),
            renegotiations=_total(vbds, "renegotiations"),
            taken_over=toolstack.taken_over if toolstack is not None else 0,
            created=toolstack.created if toolstack is not None else 0,
            restarted=toolstack.restarted if toolstack is not None else 0,
            store_lost=self._store_lost,
            not_rebuilt=list(NOT_REBUILT) if rebuilt else [],
            all_shut_down=self._all_shut_down,
            vbds=vbds,
            store=asdict(self._daemon.store.statistics()) if self._daemon is not None else {},
        )

    def _kill_toolstack(self) -> None:
        if self._toolstack is not None:
            self._toolstack.kill()
            self._toolstack_dead = True
            self.log("xl: Killed")

    def _start_toolstack(self) -> Future[None]:
        """A new xl in place of one that was killed, nothing if none was; set when xl knows the domains."""
        if not self._toolstack_dead or self._toolstack is None or self._builder is None:
            return self._knows
        self._toolstack_dead = False
        dead, self._toolstack = self._toolstack, Toolstack(self, self._plan, self._builder)
        self.log("xl: started again")
        self._knows = self._toolstack.spawn("xl", self._toolstack.adopt(dead)).finished
        return self._knows

    def _shut_down(self) -> None:
        """Do what was typed, if anything was, and as soon as there is somebody who can."""
        if self._toolstack is None or not self._typed:
            return
        started, force = self._start_toolstack(), self._typed == "xl destroy -a"
        toolstack = self._toolstack
        started.when_done(lambda: toolstack.shut_down_all(self._report_shut_down, force=force))

    def _report_shut_down(self) -> None:
        self._all_shut_down = True
        self.log("xl: no guest is left")

    def _power_off(self) -> None:
        self.log("reboot: Power down")
        self.xen.post(Hypercall.sched_op, Schedop.shutdown, {"reason": int(ShutdownReason.poweroff)})

    async def _link(self, name: str) -> None:
        while name not in self._links:
            await self._link_came.wait()

    async def _start_store(self) -> Xenbus:
        self._daemon = daemon = Xenstored(self, domid=0)
        await daemon.start()
        self._tools.serve(daemon)
        self._store_lost = True
        return self._client(daemon.connect_local())

    def _client(self, transport: Transport) -> Xenbus:
        return Xenbus(self.threads, transport, reconnect=True, log=self.log, witness=self.store_witness)

    async def _reach_store(self, builder: DomainBuilder) -> Xenbus:
        """Find the domain that xenstored lives in, or make it; connect to it over a ring page."""
        domid = await self._find_store_domain()
        if domid is None:
            domid, remote_port = await self._make_store_domain(builder)
        else:
            remote_port = await self._find_store_port(domid)
            self.log(f"xenstored lives on in domain {domid}")
        builder.store_domid = domid
        ring = XsRing(self.pages.frame(STORE_GFN), self.pages.words(STORE_GFN))
        self.grants.write(GNTTAB_RESERVED_XENSTORE, domid, STORE_GFN)
        transport = RingTransport(ring, lambda: self.irq.notify(port))
        xenbus = self._client(transport)
        port = await self.irq.bind_interdomain(domid, remote_port, "xenbus", xenbus.on_event)
        self.irq.notify(port)
        return xenbus

    async def _make_store_domain(self, builder: DomainBuilder) -> tuple[int, int]:
        plan = DomainPlan(
            "xenstore", XENSTORE_HANDLE, XENSTORE_PAGES, XENSTORE_PAGES, 1, "destroy", (), "{}", xenstore=True
        )
        domid = await builder.create(CreateDomain(plan))
        await builder.build(BuildDomain(plan), domid)
        # Whoever keeps the store has to hear of deaths, dom0's above all.
        await self.xen.domctl(Domctl.set_virq_handler, domain=domid, virq=int(Virq.DOM_EXC))
        await builder.perform(UnpauseDomain(domid))
        self.log(f"xenstored is domain {domid}")
        return domid, await self._find_store_port(domid)

    async def _find_store_domain(self) -> int | None:
        out = await self.xen.sysctl(Sysctl.getdomaininfolist, first_domain=0, max_domains=1024)
        for each in cast("list[dict[str, int]]", out["domains"]):
            if each["flags"] & DominfFlags.xs_domain and not each["flags"] & (
                DominfFlags.dying | DominfFlags.shutdown
            ):
                return each["domain"]
        return None

    async def _find_store_port(self, domid: int) -> int:
        """The port that the store's domain keeps for domain 0: unbound, as the last dom0 left it."""
        port = 1
        while True:
            try:
                out = await self.xen.event_channel_op(Evtchnop.status, dom=domid, port=port)
            except XenError as error:
                raise LookupError(f"domain {domid} keeps no port for domain 0") from error
            if out["status"] == EvtchnStatus.unbound and out.get("dom") == 0:
                return port
            port += 1


def _total(vbds: list[dict[str, object]], counter: str) -> int:
    return sum(cast("int", each[counter]) for each in vbds)
