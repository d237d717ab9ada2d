"""dom0's machine: the hardware first, then XenStore, then the domains.

Rules: nothing survives in here from an earlier dom0; what lives on is found again by asking. A spare boots as
far as it can without the machine, and waits there until it is dom0.
"""

from dataclasses import dataclass

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Hypercall, Schedop
from actors.abi.interface import ShutdownReason
from actors.dom0.domain_builder import DomainBuilder
from actors.dom0.local_store import LocalStore
from actors.dom0.plan import HostPlan
from actors.dom0.steps import Served
from actors.dom0.store_home import StoreHome
from actors.dom0.stub_store import StubStore
from actors.dom0.toolstack import COMPLETE, NOT_REBUILT
from actors.dom0.version_handshake import VersionHandshake
from actors.dom0.xl import Xl
from actors.drivers.backends import DOM0_HOME, Backends
from actors.drivers.hardware import DrivenHardware
from actors.kernel.device_statistics import BackendStatistics
from actors.kernel.kernel import Kernel
from actors.kernel.recovery_box import RecoveryBox
from actors.kernel.watchdog import pet_watchdog
from actors.kernel.xenbus import Transport, Xenbus
from actors.messages import Fault
from actors.network.bridge_statistics import BridgeStatistics
from actors.runtime.memory import Memory
from actors.xenstore.archive import Archive
from actors.xenstore.store import StoreStatistics
from actors.xenstore.tool_clients import ToolClients


@dataclass(frozen=True, slots=True)
class ControlDomainStatistics:
    """Counters of one dom0, from its boot on.

    `devices`: those of its backends by class; `bridges`: those of its bridges by name; `store`: the store's
    if xenstored runs here.
    """

    domains: dict[str, int]
    backends: int
    in_flight: int
    grants_mapped: int
    taken_over: int
    created: int
    restarted: int
    store_lost: bool
    not_rebuilt: list[str]
    all_shut_down: bool
    devices: dict[str, list[BackendStatistics]]
    bridges: dict[str, BridgeStatistics]
    store: StoreStatistics | None


class ControlDomain(Kernel):
    """Domain 0: drivers, toolstack, and xenstored unless that has a domain of its own."""

    def __init__(
        self,
        memory: Memory,
        extents: list[list[int]],
        plan: HostPlan,
        archive: Archive | None = None,
        *,
        spare: bool = False,
    ) -> None:
        """`archive`: where a xenstored that runs here keeps what is to outlive it. A `spare` waits first."""
        super().__init__(memory, extents)
        self._archive = archive
        self._plan = plan
        self._spare = spare
        self._box: RecoveryBox | None = None
        self._hardware = DrivenHardware(self, plan.drives, programs_ioapic=True)
        self._builder = DomainBuilder(self, None, store_domid=0)
        self._backends: Backends | None = None
        self._tools = ToolClients(self)
        self.link_owners += [self._hardware, self._tools]
        self._xl = Xl(
            self, plan, self._builder, lived_on=self._expect_survivor, forgotten=self._remove_backends
        )
        self._home = self._make_home(self._builder)
        self._store_lost = False
        self.faults["hwdom-reboot"] = self._reboot_as_told

    async def boot(self) -> None:
        """What needs no machine, and then the machine: for a spare when it has become dom0."""
        self.log(f"dom0: {self.pages.total} pages, hwdom watchdog {self._plan.watchdog_s} s")
        if self._spare:
            await self.grants.setup()
            self.log("dom0: a spare, which waits")
            await self.xen.suspend()
            self._spare = False
            self.log("dom0: the spare takes over")
        await self._take_over()

    async def _take_over(self) -> None:
        """The hardware, XenStore, the domains; at once what can be, where guests wait for what they had."""
        self._box = RecoveryBox.named_in(self.start_info, self.memory)
        hurried = self._box is not None
        probed = self.threads.spawn("hardware", self._hardware.probe()).finished if hurried else None
        if not await VersionHandshake(self.xen, self.log).agree(self._plan.built_for):
            self._power_off()
            return
        if self._plan.watchdog_s:
            timeout_s = self._plan.watchdog_s
            self.threads.spawn("watchdog", pet_watchdog(self.xen, self.threads, timeout_s, self.log))
        await self.grants.setup()
        if probed is None:
            await self._hardware.probe()
        xenbus = await self._reach_store()
        if xenbus is None:
            self._power_off()
            return
        self._store_lost = self._store_lost or self._home.began_empty
        whole = not self._store_lost and await self._store_is_whole(xenbus)
        if probed is not None:
            await probed
        await self._serve(xenbus, whole=whole)
        toolstack = await self._xl.start(store_lost=self._store_lost)
        self._store_lost = self._store_lost or toolstack.knows.store_lost
        self.log(f"dom0: {len(toolstack.knows.domains)} domains are looked after")
        if self._box is not None and not self._store_lost:
            self._box.store_is_whole = True

    async def _store_is_whole(self, xenbus: Xenbus) -> bool:
        """Whether the store is as it was left: what was being rebuilt when the last dom0 died is not."""
        if self._box is None:
            return False
        return self._box.store_is_whole or await xenbus.exists(COMPLETE)

    async def _reach_store(self) -> Xenbus | None:
        """The client of xenstored; None if that cannot be where it is to be."""
        try:
            return await self._home.start()
        except XenError as error:
            if error.errno != Errno.ENOSYS:
                raise
            self.log(f"xenstored cannot have a domain of its own on this Xen: {error}; it needs 4.2 or later")
            return None

    async def _serve(self, xenbus: Xenbus, *, whole: bool) -> None:
        """Backends: of what the last dom0 has left, and then of what stands in the store."""
        self._builder.xenbus = xenbus
        behind, policy, tells = self._hardware.behind, self._plan.reconnect, self._plan.tells_states
        self._backends = Backends(
            self, xenbus, behind, policy, home=DOM0_HOME, box=self._box, tells_states=tells
        )
        await self._backends.adopt(whole=whole)
        self._builder.adopted = self._backends.adopted
        await self._backends.start()

    def console_input(self, text: str) -> None:
        """`xl shutdown -a` asks every guest to power off; `xl destroy -a` does not ask.

        Typed too early, it waits for the toolstack to know the domains. `xl shutdown NAME` and
        `xl reboot NAME` ask one that it knows.
        """
        self._xl.type(text)

    def close(self) -> None:
        """Let go of the archive: this machine may have been killed in a process that lives on."""
        if self._archive is not None:
            self._archive.close()

    def check(self) -> None:
        """Invariants of the kernel and its backends."""
        self._check_backends()
        if self._backends is not None:
            self._backends.check_box()
        self._home.check()

    def check_turn(self) -> None:
        """The same of what the last turn touched."""
        self._check_backends()
        self._home.check_turn()

    def _check_backends(self) -> None:
        super().check()
        if self._backends is not None:
            self._backends.check()

    def device_states(self) -> list[tuple[str, str]]:
        """The class and the state of each of its backends."""
        return self._backends.states() if self._backends is not None else []

    def statistics(self) -> ControlDomainStatistics:
        """Counters since this dom0 booted."""
        toolstack = self._xl.toolstack
        domains = toolstack.knows.domains if toolstack is not None else {}
        rebuilt = self._store_lost and toolstack is not None and toolstack.taken_over
        return ControlDomainStatistics(
            domains={each.plan.name: domid for domid, each in domains.items()},
            backends=len(self._backends.devices) if self._backends is not None else 0,
            in_flight=self._hardware.in_flight,
            grants_mapped=self.grants.mapped,
            taken_over=toolstack.taken_over if toolstack is not None else 0,
            created=toolstack.created if toolstack is not None else 0,
            restarted=toolstack.restarted if toolstack is not None else 0,
            store_lost=self._store_lost,
            not_rebuilt=list(NOT_REBUILT) if rebuilt else [],
            all_shut_down=self._xl.all_shut_down,
            devices=self._backends.statistics() if self._backends is not None else {},
            bridges=self._hardware.bridges(),
            store=self._home.statistics(),
        )

    def _reboot_as_told(self, fault: Fault) -> bool:
        """The machine restarts in order; nothing takes that away."""
        if fault.active:
            self.log("reboot: Restarting system")
            self.xen.post(Hypercall.sched_op, Schedop.shutdown, {"reason": int(ShutdownReason.reboot)})
        return True

    def _rebuild_store(self) -> None:
        if self._box is not None:
            self._box.store_is_whole = False
        self._store_lost = True
        self._xl.rebuild_store()

    def _expect_survivor(self, served: Served) -> None:
        """A device was there before this dom0, or before the store: what it was is in neither."""
        domid, device = served
        key = device.device_class, domid, device.number
        if self._backends is not None and not device.backend and key not in self._backends.devices:
            self._backends.lived_on.add(key)

    def _remove_backends(self, domid: int) -> None:
        """A domain is gone: a store that was lost cannot tell its backends."""
        if self._backends is not None:
            self._backends.remove(domid)

    def _power_off(self) -> None:
        self.log("reboot: Power down")
        self.xen.post(Hypercall.sched_op, Schedop.shutdown, {"reason": int(ShutdownReason.poweroff)})

    def _make_home(self, builder: DomainBuilder) -> StoreHome:
        keeps = self._plan.store_restart.keeps_after_crash
        if self._plan.store.is_own_domain:
            return StubStore(self, builder, self._client, keeps=keeps, lost=self._rebuild_store)
        return LocalStore(
            self,
            self._tools,
            self._client,
            restart=self._plan.store_restart,
            archive=self._archive,
            lost=self._rebuild_store,
        )

    def _client(self, transport: Transport) -> Xenbus:
        return Xenbus(self.threads, transport, reconnect=True, log=self.log, observer=self.store_observer)
