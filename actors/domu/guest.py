"""A guest: its kernel, its disks, and the work it does with them.

What to do is in the command line of the start info, as JSON; where its writes are recorded
(`journals`) is not part of the simulated host: it is the experimenter's notebook.
"""

from dataclasses import dataclass, replace
from functools import partial

from actors.abi.hypercalls import Hypercall, Schedop
from actors.abi.interface import ShutdownReason
from actors.block.blkfront import Blkfront
from actors.block.vbd import VBD
from actors.device_classes import DEVICE_CLASSES
from actors.device_plan import DevicePlan
from actors.domu.checksum import checksum
from actors.domu.guest_configuration import GuestConfiguration
from actors.domu.io_wait import IoWait
from actors.domu.network_interface import NetworkInterface
from actors.domu.notebooks import Notebooks, OpenJournal, OpenStoreLog
from actors.domu.store_client import StoreClient
from actors.domu.talk.talks import OpenTalkJournal, Talks
from actors.domu.vitals import Vitals, VitalsStatistics
from actors.domu.workload import Workload, WorkloadSpec
from actors.inet.stack_statistics import StackStatistics
from actors.kernel.device_class import DeviceClass
from actors.kernel.device_statistics import FrontendStatistics
from actors.kernel.kernel import SUPERVISOR, Kernel
from actors.kernel.observed_store import ObservedStore
from actors.kernel.shutdown import LAST_WORDS, shutdown_request
from actors.kernel.shutdown import NODE as SHUTDOWN
from actors.kernel.store import Store
from actors.kernel.store_ring import connect_to_store
from actors.kernel.threads import Future, Thread, Timeout
from actors.kernel.xenbus_frontend import XenbusFrontend
from actors.messages import Fault, StateWritten
from actors.notebook.journal import Journal
from actors.notebook.journal_header import GuestState, Word
from actors.runtime.memory import Memory
from actors.vif.netfront import Netfront
from actors.vif.vif import VIF

NETWORK_PATIENCE_NS = 5_000_000_000
"""How long a boot waits for the backend of an interface (XENNET_TIMEOUT); it goes on without."""


@dataclass(frozen=True, slots=True)
class GuestStatistics:
    """Counters of one guest, its vitals, those of its frontends by class and name, its checksums by vdev.

    `stacks`: the IP stacks on its interfaces, by the interface's name.
    """

    corrupt_reads: int
    vitals: VitalsStatistics
    devices: dict[str, dict[str, FrontendStatistics]]
    stacks: dict[str, StackStatistics]
    checksums: dict[str, str]


class Guest(Kernel):
    """The machine of an ordinary guest."""

    def __init__(
        self,
        memory: Memory,
        extents: list[list[int]],
        open_journal: OpenJournal,
        open_store_log: OpenStoreLog | None = None,
        open_talk_journal: OpenTalkJournal | None = None,
    ) -> None:
        super().__init__(memory, extents)
        self._notebooks = Notebooks(open_journal, open_store_log, open_talk_journal)
        self._store_client: StoreClient | None = None
        self.configuration = GuestConfiguration.parse(self.start_info.cmd_line)
        self.name = self.configuration.name
        self._devices: dict[tuple[str, str], XenbusFrontend] = {}
        self._disks: dict[str, Blkfront] = {}
        self.interfaces: dict[str, NetworkInterface] = {}
        self._talks = Talks(self.threads, open_talk_journal)
        self._works: list[Thread] = []
        self._workloads: list[Workload] = []
        self._waits: list[IoWait] = []
        self._vitals = Vitals(self.threads, self.pages, self._waits, self.log)
        self._checksums: dict[str, str] = {}
        self._leaving: Future[ShutdownReason] = Future()
        self._stopping = False
        self.faults["frontend-disconnect"] = self._disconnect
        self.faults["netfront-disconnect"] = partial(self._disconnect, device_class=VIF)

    async def boot(self) -> None:
        """Connect to XenStore, probe the devices, work."""
        self.log(f"{self.name}: {self.pages.total} pages, store port {self.start_info.store_port}")
        await self.grants.setup()
        self.xenbus = connect_to_store(self, reconnect=self.configuration.frontend.reconnects)
        await self.xenbus.watch(SHUTDOWN, self._shutdown_requested)
        for device in self.configuration.devices:
            await self._probe(device)
        if (spec := self.configuration.workload) is not None:
            for vdev, disk in self._disks.items():
                self._waits.append(IoWait(self.threads))
                work = self._work(disk, vdev, spec, self._waits[-1])
                self._works.append(self.threads.spawn(f"work on {vdev}", work))
        self._begin_store_work()
        stacks = {name: each.stack for name, each in self.interfaces.items()}
        self._talks.begin(self.configuration.guest_id, self.configuration.talks, stacks)
        self.threads.spawn("shutdown", self._shutdown_when_told())
        if interval_ns := self.configuration.vitals_ns:
            self.threads.spawn("vitals", self._vitals.publish(self.xenbus, interval_ns))

    def console_input(self, text: str) -> None:
        """`stop` ends the workloads; `poweroff` shuts the guest down, too."""
        if text == "poweroff":
            self._leaving.set(ShutdownReason.poweroff)
        self._stop_work()

    def _stop_work(self) -> None:
        self._stopping = True
        for workload in self._workloads:
            workload.stop()
        self._talks.stop()
        if self._store_client is not None:
            self._store_client.stop()

    def _disconnect(self, fault: Fault, device_class: DeviceClass = VBD) -> bool:
        """A device (`virtual_device`) is closed; taken away, it is opened again."""
        number = fault.options.get("virtual_device")
        for (name, _), device in self._devices.items():
            if (name, device.number) == (device_class.name, number):
                if fault.active:
                    self.threads.spawn(f"fault {fault.number}", device.disconnect(for_good=False))
                else:
                    device.reopen()
                return True
        return False

    def check(self) -> None:
        """Invariants of the kernel and its frontends."""
        super().check()
        for device in self._devices.values():
            device.check()
        for interface in self.interfaces.values():
            interface.check()

    def device_states(self) -> list[tuple[str, str]]:
        """The class and the state of each of its frontends."""
        return [(name, device.state.name) for (name, _), device in self._devices.items()]

    def statistics(self) -> GuestStatistics:
        """What this guest has done since it booted."""
        devices: dict[str, dict[str, FrontendStatistics]] = {}
        for (device_class, name), device in self._devices.items():
            devices.setdefault(device_class, {})[name] = device.statistics()
        return GuestStatistics(
            corrupt_reads=sum(each.corrupt_reads for each in self._workloads),
            vitals=self._vitals.statistics(),
            devices=devices,
            stacks={name: each.stack.statistics() for name, each in self.interfaces.items()},
            checksums=dict(self._checksums),
        )

    async def _probe(self, found: DevicePlan) -> None:
        device_class = DEVICE_CLASSES[found.device_class]
        name, number = found.identity

        def tell(_path: str, state: int) -> None:
            self.send(SUPERVISOR, StateWritten("frontend", 0, number, state, device_class.name))

        told = self.configuration
        store: Store = ObservedStore(self.xenbus, tell) if told.tells_states else self.xenbus
        device = device_class.frontend(self, store, device_class.frontend_path(number), told.frontend)
        if isinstance(device, Netfront):
            await self._open(device, found)
        else:
            await device.connect()
        self._devices[device_class.name, name] = device
        if isinstance(device, Blkfront):
            self._disks[name] = device
            self.log(f"blkfront: {name}: {device.sectors} sectors")

    async def _open(self, front: Netfront, found: DevicePlan) -> None:
        # Another life of this guest is to be another one to those it talked to: a domain id is used once.
        life = await self.xenbus.read("domid")
        random = self.configuration.random(f"{found.name}:{life}")
        interface = NetworkInterface(self.threads, front, found.row, random)
        self.interfaces[found.name] = interface
        connected = self.threads.spawn(f"connect {found.name}", interface.connect()).finished
        try:
            await self.threads.within(NETWORK_PATIENCE_NS, connected)
        except Timeout:
            self.log(f"xen_netfront: {found.name}: no backend yet")
        self.log(f"xen_netfront: {found.name}: {found.row['mac']} {found.row['ip']}")

    def _begin_store_work(self) -> None:
        work = self.configuration.store
        open_log = self._notebooks.store_log
        if work is None or open_log is None:
            return
        self._store_client = StoreClient(self.threads, self.xenbus, open_log(self.name), work)
        if self._stopping:
            self._store_client.stop()
        self.threads.spawn("work on the store", self._store_client.run())

    async def _work(self, disk: Blkfront, vdev: str, spec: WorkloadSpec, wait: IoWait) -> None:
        journal = self._notebooks.journal(f"{self.name}-{vdev}")
        journal.begin_boot()
        journal.set_state(GuestState.running)
        journal.set_wanted(wanted=True)
        if spec.kind == "checksum":
            await self._checksum(disk, journal, vdev, spec.block, wait)
        else:
            await self._exercise(disk, journal, vdev, spec, wait)
        # Who is told to reboot has the rest of its work before it: until then it is out of service.
        if not self._reboots:
            journal.set_wanted(wanted=False)
        self.log(f"work on {vdev} is done")

    async def _checksum(self, disk: Blkfront, journal: Journal, vdev: str, block: int, wait: IoWait) -> None:
        try:
            digest = await checksum(self.threads, disk, journal, block, wait, lambda: self._leaving.done)
        except OSError as error:
            journal.set_state(GuestState.failed)
            self.log(f"{vdev}: {error}")
            return
        journal.set_state(GuestState.finished)
        if digest is not None:
            self._checksums[vdev] = digest.hex()
            journal.set_digest(digest)
            self.log(f"sha256 {digest.hex()}  /dev/{vdev}")

    async def _exercise(
        self,
        disk: Blkfront,
        journal: Journal,
        vdev: str,
        spec: WorkloadSpec,
        wait: IoWait,
    ) -> None:
        boot = journal.word(Word.BOOTS)
        random = self.configuration.random(f"{vdev}:{boot}")
        identity = (self.configuration.guest_id, disk.number)
        if disk.read_only:
            spec = replace(spec, read_share=1.0)
        workload = Workload(self.threads, disk, journal, spec, random, identity, wait)
        self._workloads.append(workload)
        workload.start()
        if self._stopping:
            workload.stop()
        await workload.finished
        journal.set_state(GuestState.finished)

    def _shutdown_requested(self, _: str) -> None:
        self.threads.spawn("shutdown request", self._read_shutdown())

    async def _read_shutdown(self) -> None:
        reason = await shutdown_request(self.xenbus, self.log)
        if reason is not None:
            self._leaving.set(reason)
            self._stop_work()

    @property
    def _reboots(self) -> bool:
        return self._leaving.done and self._leaving.result() is ShutdownReason.reboot

    async def _shutdown_when_told(self) -> None:
        reason = await self._leaving
        for work in self._works:
            await work.finished
        if self._store_client is not None:
            await self._store_client.finished
        await self._talks.finish()
        for device in self._devices.values():
            await device.disconnect()
        self.log(LAST_WORDS[reason])
        self.xen.post(Hypercall.sched_op, Schedop.shutdown, {"reason": int(reason)})
