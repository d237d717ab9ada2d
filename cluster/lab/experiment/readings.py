"""What the actors say of themselves, and said last when they no longer can.

Rules: all are asked once an interval, but of the guests at most `GUESTS_AT_ONCE`, in turn, so that a
large host is not kept busy with answering. What was said stays under its name, whoever is dead by now.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from actors.address import Address
from actors.devices.gateway import GatewayStatistics
from actors.devices.ioapic import IoApicStatistics
from actors.devices.switch_statistics import SwitchStatistics
from actors.dom0.control_domain import ControlDomainStatistics
from actors.domu.guest import GuestStatistics
from actors.domu.vitals import VitalsStatistics
from actors.drivers.driver_domain import DriverDomainStatistics
from actors.hypervisor.statistics import DomainStatistics, HypervisorStatistics
from actors.inet.stack_statistics import StackStatistics
from actors.kernel.device_statistics import BackendStatistics, FrontendStatistics
from actors.reading_messages import Statistics
from actors.runtime.machine import Effect
from actors.xenstore.store import StoreStatistics
from cluster.lab.config.gateway import GATEWAY
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.config.switch import SWITCH
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.questions import Questions
from cluster.lab.experiment.statistics_maps import record_of
from cluster.lab.experiment.switch_board import SwitchBoard

GUESTS_AT_ONCE: Final = 50
CONTROL: Final = ("dom0", "xenstore")


@dataclass(frozen=True, slots=True)
class StoreReading:
    """What a xenstored said of itself, and when it came."""

    statistics: StoreStatistics
    at_ns: int


class Readings:
    """The statistics of all hosts: by host, and those of which a host has several by host and name.

    What a guest's devices and kernel say is kept by the guest, wherever that is.
    `heard_ns`: when every actor was heard of last; `domains`: the hypervisor's record of each; `hardware`:
    the record that a device of its kind declares; `drivers`: those of the driver domains; `backends`: those
    of dom0 and the driver domains, by guest, class and number; `frontends`: the guests', by class, then by
    name; `stacks`: what is on their interfaces, by name. A domain that boots again and has none yet keeps
    its last ones. `switch` keeps its own, and those of its gateway.
    """

    def __init__(
        self, boards: Mapping[str, HostBoard], switch: SwitchBoard, emit: Callable[[Effect], None]
    ) -> None:
        self.heard_ns: dict[tuple[str, str], int] = {}
        self.hypervisors: dict[str, HypervisorStatistics] = {}
        self.domains: dict[tuple[str, str], DomainStatistics] = {}
        self.hardware: dict[tuple[str, str], object] = {}
        self.ioapics: dict[str, IoApicStatistics] = {}
        self.drivers: dict[tuple[str, str], DriverDomainStatistics] = {}
        self.dom0s: dict[str, ControlDomainStatistics] = {}
        self.stores: dict[str, StoreReading] = {}
        self.backends: dict[tuple[GuestId, str, int], BackendStatistics] = {}
        self.vitals: dict[GuestId, VitalsStatistics] = {}
        self.frontends: dict[tuple[GuestId, str], dict[str, FrontendStatistics]] = {}
        self.stacks: dict[GuestId, dict[str, StackStatistics]] = {}
        self._boards = boards
        self.switch = switch
        self._questions = Questions(emit)
        self._turn: dict[str, int] = {}

    @property
    def asked(self) -> dict[int, str]:
        """Who has not answered yet, by sequence."""
        return self._questions.open

    @property
    def is_complete(self) -> bool:
        """Whether everybody who was asked last has answered."""
        return not self.asked

    @property
    def is_settled(self) -> bool:
        """Every dom0 says that no guest is left, every hypervisor that nobody holds frames of the dead."""
        if any(each.frames_lingering for each in self.hypervisors.values()):
            return False
        said = [self.dom0s.get(name) for name, board in self._boards.items() if board.domains.find("dom0")]
        return self.is_complete and all(
            each is not None and each.all_shut_down and not each.backends for each in said
        )

    def ask_all(self) -> None:
        """Ask every hypervisor and every domain that runs."""
        self.asked.clear()
        for board in self._powered():
            self._questions.ask(board.hypervisor)
            for address in _running(board):
                self._questions.ask(address)

    def ask_some(self) -> None:
        """Ask switch, gateway, hardware, hypervisors, control domains, and the guests whose turn it is."""
        self.asked.clear()
        if self.switch.runs:
            self._questions.ask(SWITCH)
        if self.switch.gateway.runs:
            self._questions.ask(GATEWAY)
        for board in self._powered():
            for address in board.hardware:
                self._questions.ask(address)
            addresses = _running(board)
            found = [board.domains.find(each) for each in (*CONTROL, *board.host.drivers)]
            control = {each.address for each in found if each}
            guests = [each for each in addresses if each not in control]
            for address in addresses:
                if address in control:
                    self._questions.ask(address)
            for address in self._whose_turn(board.host.name, guests):
                self._questions.ask(address)

    def take(self, link: str, message: Statistics, now_ns: int) -> None:
        """An answer; one that was not asked for on this link, or is too late, does not count."""
        if not self._questions.answered(message.sequence, link):
            return
        if link == SWITCH:
            self.switch.statistics = record_of(SwitchStatistics, message.values)
        elif link == GATEWAY:
            self.switch.gateway.statistics = record_of(GatewayStatistics, message.values)
        else:
            self._take_of_host(Address.parse(link), link, message.values, now_ns)

    def _take_of_host(self, address: Address, link: str, values: dict[str, object], now_ns: int) -> None:
        host, actor = address.host, address.actor
        board = self._boards[host]
        device = board.host.device(actor)
        name = board.name_of(link)
        if name is None:
            return
        key = host, name
        self.heard_ns[key] = now_ns
        if link == board.hypervisor:
            self._take_hypervisor(board, record_of(HypervisorStatistics, values))
        elif device is not None:
            self.hardware[key] = record_of(HARDWARE_KINDS[device.program].statistics, values)
        elif actor == "ioapic":
            self.ioapics[host] = record_of(IoApicStatistics, values)
        elif name == "dom0":
            dom0 = self.dom0s[host] = record_of(ControlDomainStatistics, values)
            self._take_backends(board, dom0.devices)
            if dom0.store is not None:
                self.stores[host] = StoreReading(dom0.store, now_ns)
        elif name == "xenstore":
            self.stores[host] = StoreReading(record_of(StoreStatistics, values), now_ns)
        elif name in board.host.drivers:
            driver = self.drivers[key] = record_of(DriverDomainStatistics, values)
            self._take_backends(board, driver.devices)
        elif (guest_id := board.domains.guest_at(int(actor.removeprefix("dom")))) is not None:
            guest = record_of(GuestStatistics, values)
            self.vitals[guest_id] = guest.vitals
            if guest.stacks:
                self.stacks[guest_id] = guest.stacks
            for device_class, found in guest.devices.items():
                self.frontends[guest_id, device_class] = found

    def _take_hypervisor(self, board: HostBoard, statistics: HypervisorStatistics) -> None:
        host = board.host.name
        self.hypervisors[host] = statistics
        for each in statistics.domains:
            domain = board.domains.name_of(each.domid)
            if domain is not None:
                self.domains[host, domain] = each

    def _take_backends(self, board: HostBoard, devices: dict[str, list[BackendStatistics]]) -> None:
        for device_class, found in devices.items():
            for each in found:
                guest_id = board.domains.guest_at(each.domid)
                if guest_id is not None:
                    self.backends[guest_id, device_class, each.device] = each

    def _powered(self) -> list[HostBoard]:
        return [each for each in self._boards.values() if each.is_on]

    def _whose_turn(self, host: str, guests: list[str]) -> list[str]:
        if len(guests) <= GUESTS_AT_ONCE:
            return guests
        start = self._turn.get(host, 0) % len(guests)
        self._turn[host] = start + GUESTS_AT_ONCE
        return (guests + guests)[start : start + GUESTS_AT_ONCE]


def _running(board: HostBoard) -> list[str]:
    return [each.address for each in board.domains if each.state == "running"]
