"""Does faults to the hosts, and takes them away again: by effects, which both drivers perform.

Rules: what cannot be done is said and changes nothing. Rules of a link belong to one life of it: when one
of its ends starts again they are gone. A fault of a disk outlives a loss of power.
"""

from collections.abc import Callable, Mapping
from typing import Final, cast

from actors.address import Address, domain_actor
from actors.messages import Fault
from actors.runtime.disturbance import ALTER, DELAY, DROP, DUPLICATE, REORDER, LinkRule
from actors.runtime.machine import Disturb, Effect, Send, Slow
from cluster.config.fault_kinds import FAULT_KINDS, Aim
from cluster.config.target import Target
from cluster.config.virtual_device import virtual_device_number
from cluster.experiment.board import Board
from cluster.experiment.fault_reach import kills_store_domain
from cluster.experiment.injection import Injection

NOT_RUNNING: Final = "it does not run"
LINK_ACTIONS: Final = {
    "link-delay": DELAY,
    "link-drop": DROP,
    "link-duplicate": DUPLICATE,
    "link-reorder": REORDER,
    "link-partition": DROP,
    "evtchn-lost": ALTER,
}
TOOLSTACK_KINDS: Final = ("block-attach", "block-detach")
Wire = tuple[str, str]
"""Who sends, and the name of the link there."""


class FaultPerformer:
    """The hand that breaks things."""

    def __init__(self, boards: Mapping[str, Board], emit: Callable[[Effect], None]) -> None:
        self._boards = boards
        self._emit = emit
        self._rules: dict[Wire, dict[int, LinkRule]] = {}
        self._on_disks: dict[int, Injection] = {}
        self._detached: dict[tuple[str, str], Injection] = {}

    def trouble(self, kind: str, host: str, target: str) -> str:
        """Why a fault cannot be done now; empty if it can."""
        board = self._boards[host]
        aim = FAULT_KINDS[kind].aim
        if aim is Aim.host:
            return "" if board.state.power == "on" else "its power is off"
        place = Target.on(host, target)
        names = [*place.actors]
        if aim is Aim.store:
            names = [board.store_home]
        if aim is Aim.vbd:
            names.append(_doer(board, kind, place))
        return "" if all(_address(board, each) for each in names) else NOT_RUNNING

    def begin(self, injection: Injection) -> None:
        """Do it; `trouble` has found nothing."""
        board = self._boards[injection.host]
        kind, target = injection.kind, injection.target
        domain = board.find(target)
        if kind == "crash":
            assert domain is not None, "it runs"
            board.crash(domain)
        elif kind == "hang":
            assert domain is not None, "it runs"
            board.hang(domain)
        elif FAULT_KINDS[kind].aim is Aim.store:
            self._strike_store(injection, board)
        elif kind == "host-power-loss":
            board.lose_power(self._torn(board))
        elif kind == "slow":
            self._slow(injection, board, cast("float", injection.options["factor"]))
        elif kind == "link-heal":
            self._heal(_wire(board, kind, target))
        elif kind in LINK_ACTIONS:
            self._add_rule(injection, _wire(board, kind, target))
        else:
            self._tell(injection, board, active=True)
            if kind in TOOLSTACK_KINDS:
                self._detached[injection.host, target] = injection
            if FAULT_KINDS[kind].aim is Aim.disk:
                self._on_disks[injection.number] = injection

    def end(self, injection: Injection) -> bool:
        """Take it away; False if that cannot be done yet."""
        board = self._boards[injection.host]
        kind, target = injection.kind, injection.target
        self._on_disks.pop(injection.number, None)
        if kind == "host-power-loss":
            return self._restore_power(board)
        if kind in LINK_ACTIONS:
            self._remove_rule(injection.number)
        elif kind == "hang":
            domain = board.find(target)
            if domain is not None and domain.started_at_ns == injection.lives.get(target):
                board.unhang(domain)
        elif kind == "block-detach":
            return self._attach(injection, board)
        elif not self.trouble(kind, injection.host, target):
            if kind == "slow":
                self._slow(injection, board, 1.0)
            else:
                self._tell(injection, board, active=False)
        return True

    def started(self, host: str, domid: int) -> None:
        """A domain starts: its links are new and sound, and a dom0 has not heard what is to be attached."""
        board = self._boards[host]
        for injection in list(self._detached.values()):
            if domid == 0 and injection.host == host and injection.ended_at_ns is not None:
                self._attach(injection, board)
        own = Address.domain(host, domid)
        ends = [board.hypervisor, *(str(own.beside(each.name)) for each in board.host.hardware)]
        gone = {(each, own.actor) for each in ends}
        for wire in list(self._rules):
            if wire in gone or wire[0] == str(own):
                del self._rules[wire]

    def _attach(self, injection: Injection, board: Board) -> bool:
        """Have a disk attached again; False if nobody is there yet who could."""
        (guest,) = injection.place.actors
        if board.state.power == "on" and _address(board, guest):  # its next life has all of its disks
            if not _address(board, "dom0"):
                return False
            self._tell(injection, board, active=False)
        return True

    def _strike_store(self, injection: Injection, board: Board) -> None:
        """Kill the store's domain, or tell the kernel in which it runs what is to become of it."""
        if kills_store_domain(injection.kind, board.host):
            domain = board.find("xenstore")
            assert domain is not None, "it runs"
            board.crash(domain)
        else:
            self._tell(injection, board, active=True)

    def _slow(self, injection: Injection, board: Board, factor: float) -> None:
        """An actor takes longer for its steps, and a device for its commands, too."""
        self._emit(Slow(_address(board, injection.target), factor))
        if board.host.device(injection.target) is not None:
            self._tell(injection, board, active=factor > 1)

    def _torn(self, board: Board) -> set[str]:
        """The disks of a host that tear what they write when the power goes."""
        return {
            each.address
            for each in self._on_disks.values()
            if each.kind == "disk-torn-write" and each.host == board.host.name
        }

    def _restore_power(self, board: Board) -> bool:
        if not board.restore_power():
            return False
        for injection in self._on_disks.values():
            if injection.host == board.host.name:
                self._tell(injection, board, active=True)
        return True

    def _tell(self, injection: Injection, board: Board, *, active: bool) -> None:
        """Have an actor break, or be whole again, inside."""
        target, options = injection.target, dict(injection.options)
        if FAULT_KINDS[injection.kind].aim is Aim.vbd:
            place = injection.place
            domain = board.find(place.actors[0])
            assert domain is not None, "it runs"
            assert place.vdev is not None, "that is what it aims at"
            options |= {"domid": domain.domid, "virtual_device": virtual_device_number(place.vdev)}
            target = _doer(board, injection.kind, place)
        elif FAULT_KINDS[injection.kind].aim is Aim.store:
            target = board.store_home
        self._emit(Send(_address(board, target), Fault(injection.number, injection.kind, active, options)))

    def _add_rule(self, injection: Injection, wire: Wire) -> None:
        options = injection.options
        lost_events = injection.kind == "evtchn-lost"
        rule = LinkRule(
            action=LINK_ACTIONS[injection.kind],
            probability=cast("float", options["probability"]),
            messages=("Upcall",) if lost_events else tuple(cast("list[str]", options.get("messages", []))),
            delay_ns=cast("int", options.get("delay_ns", 0)),
            jitter_ns=cast("int", options.get("jitter_ns", 0)),
            fields={"ports": []} if lost_events else {},
        )
        self._rules.setdefault(wire, {})[injection.number] = rule
        self._apply(wire, str(options["seed"]))

    def _remove_rule(self, number: int) -> None:
        for wire, rules in list(self._rules.items()):
            if rules.pop(number, None) is not None:
                self._apply(wire, f"without {number}")

    def _heal(self, wire: Wire) -> None:
        if self._rules.pop(wire, None):
            self._emit(Disturb(*wire, [], ""))

    def _apply(self, wire: Wire, seed: str) -> None:
        self._emit(Disturb(*wire, list(self._rules[wire].values()), seed))


def _address(board: Board, name: str) -> str:
    """The address of a running actor by its name in the configuration; empty if it does not run."""
    domain = board.find(name)
    address = domain.address if domain is not None else str(Address(board.host.name, name))
    return address if board.runs(address) else ""


def _doer(board: Board, kind: str, vbd: Target) -> str:
    """The domain that does this to a disk, by name: its backend, its toolstack, else the guest itself."""
    guest, vdev = vbd.actors[0], vbd.vdev
    if kind == "backend-malformed-response":
        return next(each.backend for each in board.host.volumes if (each.guest, each.vdev) == (guest, vdev))
    return "dom0" if kind in TOOLSTACK_KINDS else guest


def _wire(board: Board, kind: str, target: str) -> Wire:
    if kind == "evtchn-lost":
        target = f"hypervisor:{target}"
    source, destination = Target.on(board.host.name, target).actors
    address = _address(board, source)
    if destination == "hypervisor":
        return address, "xen"
    domain = board.find(destination)
    if domain is not None:
        return address, domain_actor(domain.domid)
    return address, destination
