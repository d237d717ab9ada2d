"""A domain that has devices of its own and serves them to others: disks, networks.

What to do is in the command line of the start info. Nothing that its guests ask of it goes through domain 0
once both ends are connected.
Rules: it has no right but to the lines that it was given; what it is to serve it finds in the store.
Source: tools/xl (devd), docs/misc/xl-disk-configuration (backend=).
Left out: an IOMMU, without which a driver domain is trusted with all memory, as on such a machine.
"""

from dataclasses import dataclass

from actors.abi.hypercalls import Hypercall, Schedop
from actors.abi.interface import ShutdownReason
from actors.drivers.backends import OWN_HOME, Backends
from actors.drivers.driver_configuration import DriverConfiguration
from actors.drivers.hardware import DrivenHardware
from actors.kernel.device_statistics import BackendStatistics
from actors.kernel.kernel import Kernel
from actors.kernel.shutdown import LAST_WORDS, shutdown_request
from actors.kernel.shutdown import NODE as SHUTDOWN
from actors.kernel.store_ring import connect_to_store
from actors.kernel.watchdog import pet_watchdog
from actors.kernel.xenbus import Xenbus
from actors.messages import Fault
from actors.network.bridge_statistics import BridgeStatistics
from actors.runtime.memory import Memory


@dataclass(frozen=True, slots=True)
class DriverDomainStatistics:
    """Counters of one driver domain, from its boot on. `devices`, `bridges`: as in dom0's statistics."""

    backends: int
    in_flight: int
    grants_mapped: int
    store_reconnects: int
    devices: dict[str, list[BackendStatistics]]
    bridges: dict[str, BridgeStatistics]


class DriverDomain(Kernel):
    """The machine of a driver domain."""

    def __init__(self, memory: Memory, extents: list[list[int]]) -> None:
        super().__init__(memory, extents)
        self.configuration = DriverConfiguration.parse(self.start_info.cmd_line)
        self.name = self.configuration.name
        self._hardware = DrivenHardware(self, self.configuration.drives, programs_ioapic=False)
        self.link_owners.append(self._hardware)
        self._xenbus: Xenbus | None = None
        self._backends: Backends | None = None
        self.faults["driver-reboot"] = self._reboot_as_told

    async def boot(self) -> None:
        """The store, the hardware, the devices that stand in the store."""
        self.log(f"{self.name}: {self.pages.total} pages, store port {self.start_info.store_port}")
        timeout_s = self.configuration.watchdog_s
        if timeout_s:
            self.threads.spawn("watchdog", pet_watchdog(self.xen, self.threads, timeout_s, self.log))
        await self.grants.setup()
        self._xenbus = xenbus = connect_to_store(self, reconnect=True)
        await self._hardware.probe()
        behind, told = self._hardware.behind, self.configuration
        self._backends = Backends(
            self, xenbus, behind, told.reconnect, home=OWN_HOME, tells_states=told.tells_states
        )
        await self._backends.start()
        await xenbus.watch(SHUTDOWN, self._shutdown_requested)
        self.log(f"{self.name}: serves {self._hardware}")

    def check(self) -> None:
        """Invariants of the kernel and its backends."""
        super().check()
        if self._backends is not None:
            self._backends.check()

    def device_states(self) -> list[tuple[str, str]]:
        """The class and the state of each of its backends."""
        return self._backends.states() if self._backends is not None else []

    def statistics(self) -> DriverDomainStatistics:
        """Counters since this domain booted."""
        return DriverDomainStatistics(
            backends=len(self._backends.devices) if self._backends is not None else 0,
            in_flight=self._hardware.in_flight,
            grants_mapped=self.grants.mapped,
            store_reconnects=self._xenbus.reconnects if self._xenbus is not None else 0,
            devices=self._backends.statistics() if self._backends is not None else {},
            bridges=self._hardware.bridges(),
        )

    def _reboot_as_told(self, fault: Fault) -> bool:
        """It reboots by itself, as it stands; nothing takes that away."""
        if fault.active:
            self._shut_down(ShutdownReason.reboot)
        return True

    def _shut_down(self, reason: ShutdownReason) -> None:
        self.log(LAST_WORDS[reason])
        self.xen.post(Hypercall.sched_op, Schedop.shutdown, {"reason": int(reason)})

    def _shutdown_requested(self, _: str) -> None:
        self.threads.spawn("shutdown request", self._read_shutdown())

    async def _read_shutdown(self) -> None:
        assert self._xenbus is not None, "the watch is on it"
        reason = await shutdown_request(self._xenbus, self.log)
        if reason is not None:
            self._shut_down(reason)
