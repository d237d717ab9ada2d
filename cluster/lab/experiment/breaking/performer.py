"""Does faults to the hosts, and takes them away again: by effects, which both drivers perform.

Rules: what cannot be done is said and changes nothing. Rules of a link belong to one life of it: when one
of its ends starts again they are gone. A fault of a device outlives a loss of power.
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

from actors.address import Address, domain_actor
from actors.messages import Fault
from actors.runtime.link_rules import LinkRule
from actors.runtime.machine import Disturb, Effect, Send, Slow
from cluster.lab.config.switch import SWITCH, WIRE
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.reach import backend_of, kills_store_domain
from cluster.lab.experiment.domain_processes import DomainProcess
from cluster.lab.experiment.host_board import HYPERVISOR, HostBoard
from cluster.lab.faults.act import (
    AddRule,
    CutPower,
    DropRules,
    FreezeDomain,
    KillBackend,
    KillDomain,
    OrderToolstack,
    ReplaceStore,
    ResetMachine,
    SlowDown,
    TellActor,
    TellDevice,
    TellSwitch,
    Whom,
)
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kind import FaultKind
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.faults.target import Target

XEN: Final = "xen"
NOT_RUNNING: Final = "it does not run"
Wire = tuple[str, str]
"""Who sends, and the name of the link there."""


class FaultPerformer:
    """The hand that breaks things."""

    def __init__(self, boards: Mapping[str, HostBoard], emit: Callable[[Effect], None]) -> None:
        self._boards = boards
        self._emit = emit
        self._rules: dict[Wire, dict[int, LinkRule]] = {}
        self._slowed: dict[int, str] = {}
        self._on_devices: dict[int, Injection] = {}
        self._ordered: dict[tuple[str, str], Injection] = {}

    def trouble(self, kind: FaultKind, host: str, target: str) -> str:
        """Why a fault cannot be done now; empty if it can."""
        board = self._boards[host]
        place = Target.on(host, target)
        match kind.aim:
            case Aim.host | Aim.wired:
                return "" if board.is_on else "its power is off"
            case Aim.link | Aim.wire:
                names = [*place.actors]
            case _ if kind.aim.device_class:
                names = [*place.actors, _taker(board, kind, place)]
            case _:
                names = [_taker(board, kind, place)]
        return "" if all(_address(board, each) for each in names) else NOT_RUNNING

    def begin(self, injection: Injection) -> None:
        """Do it; `trouble` has found nothing."""
        board = self._boards[injection.host]
        kind, target = FAULT_KINDS[injection.kind], injection.target
        match kind.act:
            case KillDomain() | KillBackend():
                board.domains.crash(_running(board, _taker(board, kind, injection.place)))
            case FreezeDomain():
                board.domains.hang(_running(board, target))
            case ResetMachine():
                board.restart("the hypervisor panicked")
            case CutPower():
                board.lose_power(self._torn(board))
            case SlowDown():
                self._slow(injection, board, cast("float", injection.options["factor"]))
            case AddRule():
                self._add_rule(injection, _wire(board, kind, target), kind.act)
            case DropRules():
                self._heal(_wire(board, kind, target))
            case TellActor() | TellSwitch() | TellDevice() | OrderToolstack():
                self._order(injection, board, kind)
            case ReplaceStore():
                if kills_store_domain(kind, board.host):
                    board.domains.crash(_running(board, board.host.architecture.store_home))
                else:
                    self._tell(injection, board, active=True)

    def end(self, injection: Injection) -> bool:
        """Take it away; False if that cannot be done yet."""
        board = self._boards[injection.host]
        kind, target = FAULT_KINDS[injection.kind], injection.target
        match kind.act:
            case FreezeDomain():
                domain = board.domains.find(target)
                if domain is not None and domain.started_at_ns == injection.lives.get(target):
                    board.domains.unhang(domain)
            case CutPower():
                return self._restore_power(board)
            case SlowDown():
                self._slow(injection, board, 1.0)
            case AddRule():
                self._remove_rule(injection.number)
            case TellActor() | TellDevice():
                self._on_devices.pop(injection.number, None)
                if not self.trouble(kind, injection.host, target):
                    self._tell(injection, board, active=False)
            case TellSwitch():
                self._tell(injection, board, active=False)  # it runs, whatever has become of the host
            case OrderToolstack():
                return self._undo_order(injection, board)
            case KillDomain() | KillBackend() | ResetMachine() | DropRules() | ReplaceStore():
                pass
        return True

    def started(self, host: str, domid: int) -> None:
        """A domain starts: its links are new and sound, and a dom0 has not heard what is to be undone."""
        board = self._boards[host]
        for injection in list(self._ordered.values()):
            if domid == 0 and injection.host == host and injection.ended_at_ns is not None:
                self._undo_order(injection, board)
        own = Address.domain(host, domid)
        ends = [board.hypervisor, *(str(own.beside(each.name)) for each in board.host.hardware)]
        gone = {(each, own.actor) for each in ends}
        for wire in list(self._rules):
            if wire in gone or wire[0] == str(own):
                del self._rules[wire]
        self._keep_events(board)

    def _order(self, injection: Injection, board: HostBoard, kind: FaultKind) -> None:
        """Tell an actor, and keep in mind what has to be told again, or undone by somebody else."""
        self._tell(injection, board, active=True)
        if isinstance(kind.act, TellDevice):
            self._on_devices[injection.number] = injection
        if isinstance(kind.act, OrderToolstack):
            self._ordered[injection.host, injection.target] = injection

    def _undo_order(self, injection: Injection, board: HostBoard) -> bool:
        """Have a toolstack undo what was ordered of a device; False if nobody is there yet who could."""
        (guest,) = injection.place.actors
        if board.is_on and _address(board, guest):  # its next life has all of its disks
            if not _address(board, "dom0"):
                return False
            self._tell(injection, board, active=False)
        return True

    def _slow(self, injection: Injection, board: HostBoard, factor: float) -> None:
        """An actor takes longer for its steps, and a device for its commands, too."""
        if injection.target == HYPERVISOR:
            self._slowed[injection.number] = injection.host if factor > 1 else ""
            self._keep_events(board)
        address = _address(board, injection.target)
        if address:
            self._emit(Slow(address, factor))
        if address and board.host.device(injection.target) is not None:
            self._tell(injection, board, active=factor > 1)

    def _torn(self, board: HostBoard) -> set[str]:
        """The disks of a host that tear what they write when the power goes."""
        return {
            each.address
            for each in self._on_devices.values()
            if FAULT_KINDS[each.kind].act == TellDevice(tears=True) and each.host == board.host.name
        }

    def _restore_power(self, board: HostBoard) -> bool:
        if not board.restore_power():
            return False
        for wire in list(self._rules):
            if Address.parse(wire[1] if wire[0] == SWITCH else wire[0]).host == board.host.name:
                del self._rules[wire]
        for injection in self._on_devices.values():
            if injection.host == board.host.name:
                self._tell(injection, board, active=True)
        return True

    def _tell(self, injection: Injection, board: HostBoard, *, active: bool) -> None:
        """Have an actor break, or be whole again, inside."""
        kind, options = FAULT_KINDS[injection.kind], dict(injection.options)
        place = injection.place
        if kind.aim.device_class:
            device = board.host.device_at(place.name)
            domid, (_, number) = _running(board, device.guest).domid, device.identity
            options |= {"domid": domid, "virtual_device": number}
        if isinstance(kind.act, TellSwitch):
            options["ports"] = [str(Address(board.host.name, each.name)) for each in board.host.wired]
        taker = _taker(board, kind, place)
        self._emit(Send(_address(board, taker), Fault(injection.number, kind.name, active, options)))

    def _keep_events(self, board: HostBoard) -> None:
        """Have events go by the hypervisor that something is done to on the way there, or on the way back."""
        kept = {
            domid
            for (address, link), rules in self._rules.items()
            if rules and (domid := _between(board, address, link)) is not None
        }
        board.event_links.keep(frozenset(kept), everybody=board.host.name in self._slowed.values())

    def _add_rule(self, injection: Injection, wire: Wire, act: AddRule) -> None:
        options = injection.options
        rule = LinkRule(
            action=act.action,
            probability=cast("float", options["probability"]),
            messages=act.messages or tuple(cast("list[str]", options.get("messages", []))),
            delay_ns=cast("int", options.get("delay_ns", 0)),
            jitter_ns=cast("int", options.get("jitter_ns", 0)),
            fields=dict(act.fields),
        )
        self._rules.setdefault(wire, {})[injection.number] = rule
        self._keep_events(self._board(wire))
        self._apply(wire, str(options["seed"]))

    def _remove_rule(self, number: int) -> None:
        for wire, rules in list(self._rules.items()):
            if rules.pop(number, None) is not None:
                self._apply(wire, f"without {number}")
                self._keep_events(self._board(wire))

    def _heal(self, wire: Wire) -> None:
        if self._rules.pop(wire, None):
            self._emit(Disturb(*wire, [], ""))
            self._keep_events(self._board(wire))

    def _board(self, wire: Wire) -> HostBoard:
        return self._boards[Address.parse(wire[1] if wire[0] == SWITCH else wire[0]).host]

    def _apply(self, wire: Wire, seed: str) -> None:
        self._emit(Disturb(*wire, list(self._rules[wire].values()), seed))


def _between(board: HostBoard, address: str, link: str) -> int | None:
    """The domain whose messages to the hypervisor, or from there, this is the way of; None if of none."""
    if address == board.hypervisor:
        return Address.parse(address).beside(link).domid
    return Address.parse(address).domid if link == XEN else None


def _address(board: HostBoard, name: str) -> str:
    """The address of a running actor by its name in the configuration; empty if it does not run."""
    if name == SWITCH:
        return SWITCH
    domain = board.domains.find(name)
    address = domain.address if domain is not None else str(Address(board.host.name, name))
    return address if board.runs(address) else ""


def _running(board: HostBoard, name: str) -> DomainProcess:
    """A domain of which `trouble` has found that it runs."""
    domain = board.domains.find(name)
    assert domain is not None, "it runs"
    return domain


def _taker(board: HostBoard, kind: FaultKind, place: Target) -> str:
    """Who is told of this, by name, or to whom it is done if nobody is told."""
    if isinstance(kind.act, TellSwitch):
        return SWITCH
    if kind.aim is Aim.store:
        return board.host.architecture.store_home
    if not kind.aim.device_class:
        return place.name
    match kind.act:
        case OrderToolstack():
            return "dom0"
        case KillBackend():
            return backend_of(board.host, place.name)
        case TellActor(whom=Whom.backend):
            return board.host.device_at(place.name).backend
        case _:
            return place.actors[0]


def _wire(board: HostBoard, kind: FaultKind, target: str) -> Wire:
    if kind.aim not in {Aim.link, Aim.wire}:
        target = f"hypervisor:{target}"
    source, destination = Target.on(board.host.name, target).actors
    address = _address(board, source)
    if destination == HYPERVISOR:
        return address, XEN
    if destination == SWITCH:
        return address, WIRE
    if source == SWITCH:
        return address, str(Address(board.host.name, destination))
    domain = board.domains.find(destination)
    if domain is not None:
        return address, domain_actor(domain.domid)
    return address, destination
