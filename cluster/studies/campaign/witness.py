"""What is seen of one run besides its report: histories, states at the time of a fault, foreign bytes.

Rules: it looks on and changes nothing; what it costs is not virtual time. Memory is searched for the marks
and secrets of other guests at every fault, at every recovery and before the guests leave; what is delivered
to a guest, always.
"""

from typing import Final

from actors.abi.types import SECTOR_SIZE
from actors.abi.xs_wire import XsType
from actors.address import Address
from actors.devices.switch import Switch
from actors.dom0.control_domain import ControlDomain
from actors.domu.guest import Guest
from actors.drivers.driver_domain import DriverDomain
from actors.hypervisor.hypervisor import Hypervisor
from actors.kernel.threads import Future
from actors.kernel.xenbus import StoreObserver
from actors.messages import HypercallReply
from actors.notebook.journal import Journal, MemoryJournal
from actors.notebook.journal_header import Word
from actors.notebook.stamp import MAGIC_BYTES, read_stamp
from actors.runtime.machine import Machine
from actors.runtime.memory import SparseMemory
from actors.runtime.simulated_actor import Tap
from actors.runtime.simulated_turns import Turned
from actors.runtime.simulation import Simulation
from actors.xenstore.stub_domain import XenstoreDomain
from cluster.lab.experiment.supervisor import Supervisor
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.running.drivers.simulated import RunObserver
from cluster.studies.campaign.frame_record import FrameRecord
from cluster.studies.campaign.guest_secrets import GuestSecrets
from cluster.studies.campaign.history import History, Operation
from cluster.studies.campaign.ring_record import RingRecord
from cluster.studies.campaign.sector_record import SectorRecord
from cluster.studies.campaign.service_record import ServiceRecord
from cluster.studies.campaign.store_record import StoreRecord

LOOKS: Final = ("fault", "recovered", "stop")


class WitnessedJournal(MemoryJournal):
    """A journal that also tells the history, what was read included."""

    def __init__(self, witness: "RunWitness", **header: object) -> None:
        super().__init__(**header)  # type: ignore[arg-type]
        self._witness = witness
        self._open: dict[int, Operation] = {}
        self._guest_id = self.word(Word.GUEST_ID)
        self._place = f"{self.guest}/{self.word(Word.VIRTUAL_DEVICE)}"
        self._sectors = witness.sectors_of(self)
        self._service = witness.service_of(self)
        self._now_ns = 0

    def begin_boot(self) -> None:
        """What was in flight has been abandoned: nobody will say what became of it."""
        super().begin_boot()
        for operation in self._open.values():
            self._witness.history.info(operation, "the guest died", self._now_ns)
        self._open.clear()

    def record_write(self, sector: int, sectors: int, nonce: int, now_ns: int, *, fua: bool = False) -> int:
        """A write begins."""
        sequence = super().record_write(sector, sectors, nonce, now_ns, fua=fua)
        self._witness.secrets.add_nonce(self._guest_id, nonce)
        self._tell(sequence, "write", sector, sectors, nonce, now_ns)
        return sequence

    def record_flush(self, now_ns: int) -> int:
        """A flush begins."""
        sequence = super().record_flush(now_ns)
        self._tell(sequence, "flush", 0, 0, 0, now_ns)
        return sequence

    def record_read(self, now_ns: int, sector: int = 0, sectors: int = 0) -> int:
        """A read begins."""
        ticket = super().record_read(now_ns)
        self._tell(ticket, "read", sector, sectors, 0, now_ns)
        return ticket

    def record_ack(self, sequence: int, now_ns: int) -> None:
        """A write or flush was done."""
        operation = self._take(sequence)
        if operation is not None:
            self._witness.history.ok(operation, operation.value, now_ns)
            self._service.answered(operation.began_ns, now_ns, well=True)
            super().record_ack(sequence, now_ns)

    def record_failure(self, ticket: int, now_ns: int) -> None:
        """An error: a write may still be there, in whole or in part."""
        operation = self._take(ticket)
        if operation is not None:
            ended = self._witness.history.fail if operation.f == "read" else self._witness.history.info
            ended(operation, "an error was answered", now_ns)
            self._service.answered(operation.began_ns, now_ns, well=False)
            super().record_failure(ticket, now_ns)

    def record_read_done(
        self, ticket: int, sectors: int, now_ns: int, data: bytes | memoryview = b""
    ) -> None:
        """A read was done: whose writes it gave, sector by sector."""
        operation = self._take(ticket)
        if operation is not None:
            values = [self._value(data[at : at + SECTOR_SIZE]) for at in range(0, len(data), SECTOR_SIZE)]
            self._witness.history.ok(operation, values, now_ns)
            self._service.answered(operation.began_ns, now_ns, well=True)
            super().record_read_done(ticket, sectors, now_ns)

    def set_wanted(self, *, wanted: bool) -> None:
        """The work begins or ends."""
        if not wanted:
            self._service.finished()
        super().set_wanted(wanted=wanted)

    def _tell(self, ticket: int, f: str, sector: int, sectors: int, value: int, now_ns: int) -> None:  # noqa: PLR0917
        self._now_ns = now_ns
        key = f"{self._place}/{sector}+{sectors}" if sectors else self._place
        operation = self._open[ticket] = self._witness.history.invoke(self._place, f, key, value, now_ns)
        self._sectors.note(operation, sector, sectors)
        self._service.asked(now_ns)

    def _take(self, ticket: int) -> Operation | None:
        operation = self._open.pop(ticket, None)
        if operation is None:
            self._witness.history.problem(
                f"{self._place}: an answer to request {ticket}, which is not under way"
            )
        return operation

    def _value(self, content: bytes | memoryview) -> int:
        stamp = read_stamp(content)
        owners = [stamp.guest_id] if stamp else self._witness.secrets.owners_in_frame(memoryview(content))
        for owner in owners:
            if owner != self._guest_id:
                self._witness.foreign(f"{self._place} read what guest {owner} wrote")
        return stamp.nonce if stamp is not None else 0


class RunWitness(RunObserver):
    """The witness of one run. `states`: what ends of devices were in when a fault struck, with how often."""

    def __init__(self) -> None:
        self.history = History()
        self.states: dict[str, int] = {}
        self.foreign_bytes: list[str] = []
        self.secrets = GuestSecrets()
        self.sectors: dict[str, list[SectorRecord]] = {}
        self.services: list[ServiceRecord] = []
        self.power_losses: dict[str, list[int]] = {}
        self.stores: dict[str, StoreRecord] = {}
        self.frames = FrameRecord()
        self.rings = RingRecord()
        self._simulation: Simulation
        self._supervisor: Supervisor
        self._guests: dict[str, Guest] = {}
        self._dom0s: dict[str, ControlDomain] = {}
        self._drivers: dict[str, DriverDomain] = {}
        self._hypervisors: dict[str, Hypervisor] = {}

    @property
    def nr_events(self) -> int:
        """How many events were handled."""
        return self._simulation.nr_events

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self._simulation.now_ns

    def begins(self, simulation: Simulation, supervisor: Supervisor) -> None:
        """Part of `RunObserver`, as are the two below."""
        self._simulation = simulation
        self._supervisor = supervisor
        for host in supervisor.lab.cluster.hosts:
            self.stores[host.name] = StoreRecord(self.history, host.name, self._now_ns)

    def journal(self, **header: object) -> MemoryJournal:
        """A journal that tells the history."""
        return WitnessedJournal(self, **header)

    def started(self, address: str, machine: Machine) -> None:
        """Look on at a kernel or a hypervisor from its first event on."""
        if isinstance(machine, Switch | ControlDomain | DriverDomain):
            self.frames.forwarder(machine)
        host = Address.parse(address).host
        store = self.stores.get(host)
        if store is None:
            return  # the switch, which is on no host
        if isinstance(machine, Hypervisor):
            self._hypervisors[host] = machine
            self.rings.hypervisor(host, machine)
        elif isinstance(machine, Guest):
            self._guests[address] = machine
            self.frames.guest(address, machine.interfaces)
            self.rings.guest(address, machine)
            machine.store_observer = self._store_client(address, store)
        elif isinstance(machine, ControlDomain):
            if Address.parse(address).domid is None:
                return  # a spare, which is somebody when it has the address of a domain
            self._dom0s[host] = machine
            machine.store_observer = store.client(address)
            machine.store_began = store.store_started
            self.rings.backends(address)
        elif isinstance(machine, DriverDomain):
            self._drivers[address] = machine
            self.rings.backends(address)
            machine.store_observer = store.client(address)
        elif isinstance(machine, XenstoreDomain):
            machine.store_began = store.store_started

    def tap(self, address: str, machine: Machine) -> Tap | None:
        """Look at everything that a guest is sent."""
        if not isinstance(machine, Guest):
            return None
        guest_id = machine.configuration.guest_id
        return lambda message: self.delivered(address, guest_id, message)

    def delivered(self, address: str, guest_id: int, message: object) -> None:
        """A message has come to somebody whose own secrets are those of `guest_id`, and no others."""
        if type(message) is HypercallReply:
            self.rings.replied(address)
        for owner in self.secrets.owners_in_message(message):
            if owner != guest_id:
                self.foreign(f"{type(message).__name__} brought {address} what guest {owner} keeps secret")

    @property
    def turned(self) -> Turned:
        """Look at the rings of those who had a turn."""
        return self.rings.turned

    def sectors_of(self, journal: Journal) -> SectorRecord:
        """A record for the sectors of one disk."""
        record = SectorRecord(f"{journal.guest}/{journal.word(Word.VIRTUAL_DEVICE)}")
        self.sectors.setdefault(Address.parse(journal.guest).host, []).append(record)
        return record

    def service_of(self, journal: Journal) -> ServiceRecord:
        """A record of how one disk serves its guest."""
        record = ServiceRecord(journal.guest)
        self.services.append(record)
        return record

    def observe(self, what: str, _text: str) -> None:
        """The supervisor says what happens."""
        if what == "fault":
            struck = self._supervisor.injections[-1]
            if struck.kind in FAULT_KINDS and FAULT_KINDS[struck.kind].cuts_power:
                self.power_losses.setdefault(struck.host, []).append(self.history.index)
            for state in self._device_states():
                self.states[state] = self.states.get(state, 0) + 1
        if what in LOOKS:
            self._search_memory()

    def sector_violations(self) -> list[str]:
        """What cannot be of the reads and writes of every disk."""
        return [
            text
            for host, records in self.sectors.items()
            for record in records
            for text in record.violations(tuple(self.power_losses.get(host, ())))
        ]

    def foreign(self, text: str) -> None:
        """Somebody has seen bytes of another domain."""
        if text not in self.foreign_bytes:
            self.foreign_bytes.append(text)

    def close(self) -> None:
        """The run is over."""
        self.history.close(self._simulation.now_ns)

    def _store_client(self, address: str, store: StoreRecord) -> StoreObserver:
        ask = store.client(address)

        def asked(kind: XsType, tx_id: int, payload: bytes, answer: Future[bytes]) -> None:
            self.rings.told(address, kind, payload)
            ask(kind, tx_id, payload, answer)

        return asked

    def _now_ns(self) -> int:
        return self._simulation.now_ns

    def _device_states(self) -> list[str]:
        found = [("frontend", guest.device_states()) for guest in self._guests.values()]
        found += [("backend", dom0.device_states()) for dom0 in self._dom0s.values()]
        found += [("backend", driver.device_states()) for driver in self._drivers.values()]
        rows = [f"{each} {end} {state}" for end, states in found for each, state in states]
        return list(dict.fromkeys(rows))

    def _search_memory(self) -> None:
        """No guest's own frames hold a sector that another guest has stamped."""
        for host, hypervisor in self._hypervisors.items():
            owned = hypervisor.owned_frames()
            memory = hypervisor.memory
            assert isinstance(memory, SparseMemory), "this is the simulated driver"
            for guest in self._supervisor.lab.guests.values():
                if guest.host == host and guest.journals and not guest.ended:
                    extents = owned.get(guest.domid, [])
                    self._search(memory, extents, guest.journals[0].word(Word.GUEST_ID), guest.name)

    def _search(self, memory: SparseMemory, extents: list[tuple[int, int]], guest_id: int, name: str) -> None:
        for start, count in extents:
            for mfn, frame in memory.touched(start, count):
                for owner in (*_owners(bytes(frame)), *self.secrets.owners_in_frame(frame)):
                    if owner != guest_id:
                        self.foreign(f"frame {mfn} of {name} holds what guest {owner} wrote")


def _owners(content: bytes) -> list[int]:
    """The guests whose intact stamps lie in a frame."""
    owners = []
    at = content.find(MAGIC_BYTES)
    while at >= 0:
        if at % SECTOR_SIZE == 0:
            stamp = read_stamp(content[at : at + SECTOR_SIZE])
            if stamp is not None:
                owners.append(stamp.guest_id)
        at = content.find(MAGIC_BYTES, at + 1)
    return owners
