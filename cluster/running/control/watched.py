"""What `domzero top` is told: the domains, machines, the guests' devices, the faults, as records.

Rules: numbers and texts only, each with its unit in its name; None for what has not happened. They cross as
they are declared here, and an answer that lacks something is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.readings import Readings
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.device_counts import DEVICE_COUNTS

FAULTS_MAX = 20


class DomainRow(NamedTuple):
    """A domain that runs, in the columns of `xl list`."""

    name: str
    domid: int
    memory_mib: int
    vcpus: int
    letters: str
    cpu_s: float


@dataclass(frozen=True, slots=True)
class HostRows:
    """The domains of a host that run."""

    name: str
    rows: list[DomainRow]


@dataclass(frozen=True, slots=True)
class WatchedMachine:
    """A host's machine; how often it and its dom0 were started. `spare`: its state, `gone`, or `none`."""

    power: str
    memory_kib: int
    boots: int
    dom0_boots: int
    architecture: str
    hwdom: str
    spare: str


@dataclass(frozen=True, slots=True)
class WatchedGuest:
    """A guest, whether it runs or not. `devices`: the counters of its devices, by class (`DEVICE_COUNTS`)."""

    host: str
    name: str
    runs: bool
    devices: dict[str, dict[str, int]]
    outage_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class WatchedFault:
    """A fault, and what became of it so long after it was done. `turn`: how its target came back."""

    id: str
    what: str
    external: bool
    ago_s: float
    detected_ms: float | None
    turn: str
    turned_ms: float | None
    recovered_ms: float | None
    given_up: bool
    destroyed: bool
    waiting_for: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A cluster at `now_ns`, on the clock of the guests. `faults`: the last ones of `nr_faults`."""

    hosts: list[HostRows]
    name: str
    phase: str
    now_ns: int
    up_s: float
    machines: dict[str, WatchedMachine]
    guests: list[WatchedGuest]
    nr_faults: int
    faults: list[WatchedFault]


_ADAPTER: Final = TypeAdapter(Watched)


def map_of_watched(seen: Watched) -> dict[str, object]:
    """As the values of a reply."""
    values: dict[str, object] = _ADAPTER.dump_python(seen)
    return values


def watched_of(values: dict[str, object]) -> Watched:
    """What the values of a reply were made of. ValueError if they lack something."""
    seen = _ADAPTER.validate_python(values)
    known = {name: counts.keys() for name, counts in DEVICE_COUNTS.items()}
    for guest in seen.guests:
        if {name: counts.keys() for name, counts in guest.devices.items()} != known:
            raise ValueError(f"the devices of {guest.name} have other counters than {known}")
    return seen


def watched(supervisor: Supervisor, hosts: Sequence[HostRows], now_ns: int) -> Watched:
    """Everything as it is at `now_ns`; `hosts` is what the processes say."""
    return Watched(
        hosts=list(hosts),
        name=supervisor.lab.cluster.name,
        phase=supervisor.phase,
        now_ns=now_ns,
        up_s=(now_ns - supervisor.phases.began_ns) / 1e9,
        machines={name: _machine(board) for name, board in supervisor.lab.boards.items()},
        guests=[_guest(each, supervisor.lab.readings, now_ns) for each in supervisor.lab.guests.values()],
        nr_faults=len(supervisor.injections),
        faults=[_fault(each, now_ns) for each in supervisor.injections[-FAULTS_MAX:]],
    )


def _machine(board: HostBoard) -> WatchedMachine:
    return WatchedMachine(
        power=board.state.power,
        memory_kib=board.host.nr_frames * 4,
        boots=board.state.boots,
        dom0_boots=board.domains.boots["dom0"],
        architecture=board.host.architecture.name,
        hwdom=board.host.architecture.hwdom.value,
        spare=board.domains.spare_state,
    )


def _guest(guest: GuestRecord, readings: Readings, now_ns: int) -> WatchedGuest:
    return WatchedGuest(
        host=guest.host,
        name=guest.name,
        runs=guest.boots > 0 and not guest.ended,
        devices={
            device_class: {name: count(guest, readings) for name, count in counts.items()}
            for device_class, counts in DEVICE_COUNTS.items()
        },
        outage_s=guest.outage_ns(now_ns) / 1e9,
        longest_s=guest.longest_outage_ns / 1e9,
    )


def _fault(injection: Injection, now_ns: int) -> WatchedFault:
    def after_ms(at_ns: int | None) -> float | None:
        return None if at_ns is None else (at_ns - injection.injected_at_ns) / 1e6

    return WatchedFault(
        id=injection.label,
        what=f"{injection.kind} of {injection.address}",
        external=injection.external,
        ago_s=(now_ns - injection.injected_at_ns) / 1e9,
        detected_ms=after_ms(injection.detected_at_ns),
        turn=injection.turn,
        turned_ms=after_ms(injection.restarted_at_ns) if injection.turn else None,
        recovered_ms=after_ms(injection.recovered_at_ns),
        given_up=injection.given_up,
        destroyed=injection.destroyed,
        waiting_for=len(injection.waiting_guests),
    )
