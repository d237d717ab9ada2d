"""One host's power supply, boot loader and serial lines: it owns the processes and outlives them all.

It is not part of the simulated host. It decides, by effects, what runs and which wires there are;
the live driver does it with processes and sockets, the simulated one with machines on a heap.
Rules: here is the power, and what the machine is made of; the domains are in `domain_processes`.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final

from actors.abi.interface import ShutdownReason
from actors.address import Address, spare_actor
from actors.event_messages import LinkDomains
from actors.messages import (
    ConsoleOutput,
    DomainEvent,
    DomainStopped,
    MachineHalt,
    MachineRestart,
    PauseDomain,
    PowerButton,
    PowerFails,
    PromoteSpare,
    StartDomain,
    StartSpare,
    StopDomain,
)
from actors.runtime.machine import Connect, Effect, Kill, Log, Send, Spawn
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.switch import SWITCH, WIRE
from cluster.lab.experiment.domain_kinds import Argument
from cluster.lab.experiment.domain_processes import DomainChange, DomainProcesses
from cluster.lab.experiment.event_links import EventLinks

SUPERVISOR = "supervisor"
HYPERVISOR = "hypervisor"


_FAILURES: Final = {ShutdownReason.crash, ShutdownReason.watchdog, ShutdownReason.reboot}


@dataclass(slots=True)
class HostBoardState:
    """How far the power is on, and how often it was switched on."""

    boots: int = 0
    power: str = "off"
    halted_because: str = ""
    ending: set[str] = field(default_factory=set)


class HostBoard:
    """The board of one host."""

    def __init__(
        self, host: ResolvedHost, emit: Callable[[Effect], None], changed: Callable[[DomainChange], None]
    ) -> None:
        self.host = host
        self.state = HostBoardState()
        self._emit = emit
        self._running: set[str] = set()
        self.hypervisor = str(Address(host.name, HYPERVISOR))
        self.domains = DomainProcesses(host, self.hypervisor, emit, self._spawn, changed)
        self.event_links = EventLinks(host.name, emit)
        self._ioapic = str(Address(host.name, "ioapic"))
        self._devices = {each.name: str(Address(host.name, each.name)) for each in host.hardware}

    def power_on(self) -> None:
        """Start the devices that are off, the IO-APIC and the hypervisor, and wire them."""
        self.state.boots += 1
        self.state.power = "on"
        pins = dict(pin for each in self.host.hardware for pin in each.pins.values())
        self._spawn(self._ioapic, "ioapic", {"pins": pins})
        self._spawn(self.hypervisor, "hypervisor", self.host.hypervisor_argument())
        for device in self.host.hardware:
            address = self._devices[device.name]
            if address not in self._running:
                self._spawn(address, device.program, self.host.argument_of(device))
                if device in self.host.wired:
                    self._emit(Connect(address, WIRE, SWITCH, address))
            for link, (at_ioapic, _) in device.pins.items():
                self._emit(Connect(address, link, self._ioapic, at_ioapic))
        self._emit(Connect(self.hypervisor, "ioapic", self._ioapic, "xen"))

    def power_off(self) -> None:
        """The devices write back what they hold and end; everything else is cut off."""
        self.state.power = "off"
        for address in sorted(self._running):
            if address in self._devices.values():
                self._emit(Send(address, PowerButton()))
            else:
                self._emit(Kill(address))

    def cut_power(self) -> None:
        """Everything ends at once."""
        self.state.power = "off"
        for address in sorted(self._running):
            self._emit(Kill(address))

    def lose_power(self, tearing: Container[str]) -> None:
        """Everything ends at once, the devices too; those that tear what they write do it first."""
        self.state.power = "lost"
        for address in sorted(self._running):
            self._emit(Send(address, PowerFails()) if address in tearing else Kill(address))

    def restart(self, reason: str) -> None:
        """Everything but the devices ends at once, and the machine starts again."""
        self._emit(Log(f"{self.host.name}: machine restarts: {reason}"))
        self.state.power = "restarting"
        self.state.ending = {each for each in self._running if each not in self._devices.values()}
        for address in sorted(self.state.ending):
            self._emit(Kill(address))

    def restore_power(self) -> bool:
        """Start again after a loss of power; False while something still runs. Nothing if the power is on."""
        if self.state.power == "lost":
            if self._running:
                return False
            self._forget_domains()
            self.power_on()
        return True

    @property
    def is_on(self) -> bool:
        """Whether the power is on and the machine neither restarts nor stands still."""
        return self.state.power == "on"

    def runs(self, address: str) -> bool:
        """Whether an actor of this host has been started and has not ended."""
        return address in self._running

    @property
    def is_off(self) -> bool:
        """Nothing of this host runs any more."""
        return not self._running

    def received(self, message: object, now_ns: int) -> None:
        """A message from the hypervisor."""
        if not self.is_on:
            return
        match message:
            case StartDomain() | StartSpare():
                self._start(message, now_ns)
            case PromoteSpare():
                self._promote(message, now_ns)
            case StopDomain(domid=domid, incarnation=incarnation):
                if not self.domains.stop(domid, incarnation):
                    self._emit(Send(self.hypervisor, DomainStopped(domid, incarnation)))
            case PauseDomain(domid=domid, paused=paused):
                self.domains.pause(domid, paused=paused)
            case DomainEvent():
                self._told(message, now_ns)
            case LinkDomains():
                self._link(message)
            case ConsoleOutput(domid=domid, text=text):
                self._emit(Log(f"{Address.domain(self.host.name, domid)}: {text}"))
            case MachineRestart(reason=reason):
                self.restart(reason)
            case MachineHalt(reason=reason):
                self._halt(reason)
            case _:
                self._emit(Log(f"{self.hypervisor}: unexpected {message!r}"))

    def ended(self, address: str, status: int, now_ns: int) -> None:
        """A process of this host has ended."""
        self._running.discard(address)
        self.state.ending.discard(address)
        domain = self.domains.ended(address, status, now_ns)
        if domain is not None:
            self._running.discard(domain.address)
            if not domain.spare:
                self.event_links.ended(domain.domid)
        if domain is not None and domain.stop_wanted and self.is_on:
            self._emit(Send(self.hypervisor, DomainStopped(domain.domid, domain.incarnation)))
        if self.state.power == "restarting" and not self.state.ending:
            self._forget_domains()
            self.power_on()

    @property
    def hardware(self) -> list[str]:
        """The addresses of the IO-APIC, the hypervisor and the devices, as far as they run."""
        return [
            each for each in (self._ioapic, self.hypervisor, *self._devices.values()) if each in self._running
        ]

    def name_of(self, address: str) -> str | None:
        """What an actor is called: a domain by its name, if it has ever run, a device by its own."""
        actor = Address.parse(address)
        return actor.actor if actor.domid is None else self.domains.name_of(actor.domid)

    def _start(self, message: StartDomain | StartSpare, now_ns: int) -> None:
        if isinstance(message, StartSpare):
            self.domains.start_spare(message, self.state.boots, now_ns)
        else:
            self.domains.start(message, self.state.boots, now_ns)

    def _link(self, wanted: LinkDomains) -> None:
        domains = self.domains
        if domains.runs(wanted.domid) and domains.runs(wanted.peer_domid):
            self.event_links.join(wanted.domid, wanted.peer_domid)

    def _forget_domains(self) -> None:
        self.domains.clear()
        self.event_links.clear()

    def _spawn(self, address: str, program: str, argument: Argument) -> None:
        assert address not in self._running, f"{address} is still running"
        self._running.add(address)
        self._emit(Spawn(address, program, argument))
        self._emit(Connect("", address, address, SUPERVISOR))

    def _told(self, event: DomainEvent, now_ns: int) -> None:
        self.domains.told(event, now_ns)
        name = self.domains.name_of(event.domid) or ""
        failed = event.what == "shutdown" and event.reason in _FAILURES
        if failed and self.host.ends_machine(name):
            self.restart(f"{name} failed, and is a part of the hypervisor")

    def _promote(self, message: PromoteSpare, now_ns: int) -> None:
        promoted = self.domains.promote(message, now_ns)
        if promoted is None:
            self._emit(Send(self.hypervisor, DomainStopped(message.domid, message.incarnation)))
            return
        self._running.discard(str(Address(self.host.name, spare_actor(message.domid))))
        self._running.add(promoted.address)
        self._emit(Connect("", promoted.address, promoted.address, SUPERVISOR))

    def _halt(self, reason: str) -> None:
        self._emit(Log(f"{self.host.name}: machine halts: {reason}"))
        self.state.power = "halted"
        self.state.halted_because = reason
        for address in sorted(self._running):
            if address not in self._devices.values():
                self._emit(Kill(address))
