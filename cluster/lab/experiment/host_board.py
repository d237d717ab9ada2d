"""One host's power supply, boot loader and serial lines: it owns the processes and outlives them all.

It is not part of the simulated host. It decides, by effects, what runs and which wires there are;
the live driver does it with processes and sockets, the simulated one with machines on a heap.
Rules: a domain's identity is the name of the link that is made for it here. An address is not used
again before its last process has ended.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, field

from actors.abi.interface import ShutdownReason
from actors.address import Address, domain_actor
from actors.dom0.stub_store import XENSTORE_HANDLE
from actors.messages import (
    ConsoleInput,
    ConsoleOutput,
    DomainEvent,
    DomainStopped,
    MachineHalt,
    MachineRestart,
    PauseDomain,
    PowerButton,
    PowerFails,
    StartDomain,
    StopDomain,
)
from actors.runtime.machine import Connect, Effect, Freeze, Kill, Log, Send, Spawn, Thaw
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.resolved_domains import GuestId, ResolvedGuest

SUPERVISOR = "supervisor"
HYPERVISOR = "hypervisor"
ENDINGS = ("shutdown", "dying", "destroyed")


@dataclass(slots=True)
class DomainProcess:
    """The process of one incarnation of a domain; `guest`: which one it is, if it is one."""

    domid: int
    incarnation: int
    name: str
    address: str
    started_at_ns: int
    guest: ResolvedGuest | None = None
    state: str = "running"
    stop_wanted: bool = False
    shutdown_reason: int | None = None


@dataclass(frozen=True, slots=True)
class DomainChange:
    """What the hypervisor said of a domain, or what became of its process."""

    host: str
    name: str
    domid: int
    incarnation: int
    what: str
    reason: int
    at_ns: int
    guest_id: GuestId | None = None


@dataclass(slots=True)
class HostBoardState:
    """How far the power is on, and how often what was started."""

    boots: int = 0
    dom0_boots: int = 0
    store_domain_boots: int = 0
    power: str = "off"
    halted_because: str = ""
    driver_boots: dict[str, int] = field(default_factory=dict)
    ending: set[str] = field(default_factory=set)


class HostBoard:
    """The board of one host."""

    def __init__(
        self, host: ResolvedHost, emit: Callable[[Effect], None], changed: Callable[[DomainChange], None]
    ) -> None:
        self.host = host
        self.state = HostBoardState()
        self.domains: dict[int, DomainProcess] = {}
        self._emit = emit
        self._changed = changed
        self._running: set[str] = set()
        self._guests = {guest.handle: guest for guest in host.guests}
        self._names = {each.handle: each.name for each in (*host.guests, *host.driver_domains)}
        self._names[XENSTORE_HANDLE] = "xenstore"
        self.hypervisor = str(Address(host.name, HYPERVISOR))
        self._ioapic = str(Address(host.name, "ioapic"))
        self._devices = {each.name: str(Address(host.name, each.name)) for each in host.hardware}

    def power_on(self) -> None:
        """Start the devices that are off, the IO-APIC and the hypervisor, and wire them."""
        self.state.boots += 1
        self.state.power = "on"
        pins = {each.name: each.gsi for each in self.host.hardware}
        self._spawn(self._ioapic, "ioapic", {"pins": pins})
        self._spawn(self.hypervisor, "hypervisor", self.host.hypervisor_argument())
        for device in self.host.hardware:
            address = self._devices[device.name]
            if address not in self._running:
                self._spawn(address, device.program, self.host.argument_of(device))
            self._emit(Connect(address, "ioapic", self._ioapic, device.name))
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

    def restore_power(self) -> bool:
        """Start again after a loss of power; False while something still runs. Nothing if the power is on."""
        if self.state.power == "lost":
            if self._running:
                return False
            self.domains.clear()
            self.power_on()
        return True

    def runs(self, address: str) -> bool:
        """Whether an actor of this host has been started and has not ended."""
        return address in self._running

    @property
    def is_off(self) -> bool:
        """Nothing of this host runs any more."""
        return not self._running

    def received(self, message: object, now_ns: int) -> None:
        """A message from the hypervisor."""
        if self.state.power != "on":
            return
        match message:
            case StartDomain():
                self._start(message, now_ns)
            case StopDomain(domid=domid, incarnation=incarnation):
                self._stop(domid, incarnation)
            case PauseDomain(domid=domid, paused=paused):
                self._pause(domid, paused=paused)
            case DomainEvent():
                self._domain_event(message, now_ns)
            case ConsoleOutput(domid=domid, text=text):
                self._emit(Log(f"{Address.domain(self.host.name, domid)}: {text}"))
            case MachineRestart(reason=reason):
                self._restart(reason)
            case MachineHalt(reason=reason):
                self._halt(reason)
            case _:
                self._emit(Log(f"{self.hypervisor}: unexpected {message!r}"))

    def ended(self, address: str, status: int, now_ns: int) -> None:
        """A process of this host has ended."""
        self._running.discard(address)
        self.state.ending.discard(address)
        for domain in self.domains.values():
            if domain.address == address and domain.state != "ended":
                domain.state = "ended"
                self._report(domain, "ended", status, now_ns)
                if domain.stop_wanted and self.state.power == "on":
                    self._emit(Send(self.hypervisor, DomainStopped(domain.domid, domain.incarnation)))
        if self.state.power == "restarting" and not self.state.ending:
            self.domains.clear()
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
        return actor.actor if actor.domid is None else self.domain_name(actor.domid)

    def domain_name(self, domid: int) -> str | None:
        """What a domain is called, if it has ever run."""
        domain = self.domains.get(domid)
        return None if domain is None else domain.name

    def guest_at(self, domid: int) -> GuestId | None:
        """The guest that has this number, or had it last."""
        domain = self.domains.get(domid)
        return domain.guest.guest_id if domain is not None and domain.guest is not None else None

    def find(self, name: str) -> DomainProcess | None:
        """The running domain of this name (`dom0`, `xenstore`, a guest's name), or None."""
        for domain in self.domains.values():
            if domain.name == name and domain.state != "ended":
                return domain
        return None

    def type_on_console(self, name: str, text: str) -> bool:
        """Type a line on a domain's serial console; False if it does not run."""
        domain = self.find(name)
        if domain is None:
            return False
        self._emit(Send(domain.address, ConsoleInput(text)))
        return True

    def crash(self, domain: DomainProcess) -> None:
        """SIGKILL: the domain stops between two instructions."""
        self._emit(Kill(domain.address))

    def hang(self, domain: DomainProcess) -> None:
        """SIGSTOP: the domain runs no more, but nothing closes."""
        domain.state = "hung"
        self._emit(Freeze(domain.address))

    def unhang(self, domain: DomainProcess) -> None:
        """SIGCONT: the domain runs on where it was stopped."""
        if domain.state == "hung":
            domain.state = "running"
            self._emit(Thaw(domain.address))

    def freeze_again(self) -> None:
        """Somebody stopped everything and let it go on, what was stopped here included."""
        for domain in self.domains.values():
            if domain.state in {"hung", "paused"}:
                self._emit(Freeze(domain.address))

    def _spawn(self, address: str, program: str, argument: dict[str, object]) -> None:
        assert address not in self._running, f"{address} is still running"
        self._running.add(address)
        self._emit(Spawn(address, program, argument))
        self._emit(Connect("", address, address, SUPERVISOR))

    def _start(self, message: StartDomain, now_ns: int) -> None:
        domid = message.domid
        link = domain_actor(domid)
        address = str(Address(self.host.name, link))
        name = "dom0" if domid == 0 else self._names.get(message.handle, link)
        guest = self._guests.get(message.handle)
        domain = DomainProcess(domid, message.incarnation, name, address, now_ns, guest)
        self.domains[domid] = domain
        argument: dict[str, object] = {"domid": domid, "extents": message.extents, "name": name}
        if domid == 0 or message.handle == XENSTORE_HANDLE:
            argument |= {
                "store_restart": self.host.architecture.store_restart.value,
                "boot": self.state.boots,
            }
        if domid == 0:
            self.state.dom0_boots += 1
            argument["plan"] = self.host.dom0_plan().pack()
            self._spawn(address, "dom0", argument)
        elif name in self.host.drivers:
            self.state.driver_boots[name] = self.state.driver_boots.get(name, 0) + 1
            self._spawn(address, "driver", argument)
        elif message.handle == XENSTORE_HANDLE:
            self.state.store_domain_boots += 1
            self._spawn(address, "xenstore", argument)
        else:
            self._spawn(address, "guest", argument)
        for device in self.host.driven_by(name):
            self._emit(Connect(self._devices[device], link, address, device))
        self._emit(Connect(self.hypervisor, link, address, "xen"))
        self._report(domain, "started", 0, now_ns)

    def _stop(self, domid: int, incarnation: int) -> None:
        domain = self.domains.get(domid)
        if domain is None or domain.incarnation != incarnation or domain.state == "ended":
            self._emit(Send(self.hypervisor, DomainStopped(domid, incarnation)))
        else:
            domain.stop_wanted = True
            self._emit(Kill(domain.address))

    def _pause(self, domid: int, *, paused: bool) -> None:
        domain = self.domains.get(domid)
        if domain is not None and domain.state in {"running", "paused"}:
            domain.state = "paused" if paused else "running"
            self._emit(Freeze(domain.address) if paused else Thaw(domain.address))

    def _domain_event(self, event: DomainEvent, now_ns: int) -> None:
        domain = self.domains.get(event.domid)
        # That a domain is created or starts is known here already: it is done here.
        if domain is not None and domain.incarnation == event.incarnation and event.what in ENDINGS:
            if event.what == "shutdown" and event.reason != ShutdownReason.suspend:  # it goes on after that
                domain.shutdown_reason = event.reason
            self._report(domain, event.what, event.reason, now_ns)

    def _restart(self, reason: str) -> None:
        self._emit(Log(f"{self.host.name}: machine restarts: {reason}"))
        self.state.power = "restarting"
        self.state.ending = {each for each in self._running if each not in self._devices.values()}
        for address in sorted(self.state.ending):
            self._emit(Kill(address))

    def _halt(self, reason: str) -> None:
        self._emit(Log(f"{self.host.name}: machine halts: {reason}"))
        self.state.power = "halted"
        self.state.halted_because = reason
        for address in sorted(self._running):
            if address not in self._devices.values():
                self._emit(Kill(address))

    def _report(self, domain: DomainProcess, what: str, reason: int, now_ns: int) -> None:
        guest_id = domain.guest.guest_id if domain.guest is not None else None
        who = (self.host.name, domain.name, domain.domid, domain.incarnation)
        self._changed(DomainChange(*who, what, reason, now_ns, guest_id))
