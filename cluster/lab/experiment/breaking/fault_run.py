"""The faults of a run from their schedule to their records: when, to whom, until when, and what came of it.

Rules: what is drawn (which targets, whether at all) comes from one stream of random numbers for each fault,
seeded by the fault's `seed`, or by the run's and its place. A fault that cannot be done is recorded with what
stood in its way.
"""

from collections.abc import Callable, Mapping
from random import Random

from actors.abi.interface import XenbusState
from actors.address import Address
from actors.messages import StateWritten
from actors.runtime.machine import Effect
from cluster.lab.config.resolved import ResolvedCluster, ResolvedFault
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.breaking.fault_target import SPARED, FaultTarget
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.performer import FaultPerformer
from cluster.lab.experiment.breaking.reach import kills_store_domain, mortal_domains
from cluster.lab.experiment.breaking.records import FaultRecords
from cluster.lab.experiment.breaking.schedule import Schedule
from cluster.lab.experiment.breaking.selection import choose, stream_of
from cluster.lab.experiment.breaking.unfired_fault import UnfiredFault
from cluster.lab.experiment.domain_processes import DomainChange
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.lab.faults.target import Target


class FaultRun:
    """The faults of one run. `observe(what, text)` is told what happens.

    `keep` is called when a fault or a loss of power has been noted, and before its effects are performed.
    """

    def __init__(
        self,
        cluster: ResolvedCluster,
        boards: Mapping[str, HostBoard],
        guests: Mapping[GuestId, GuestRecord],
        emit: Callable[[Effect], None],
        observe: Callable[[str, str], None],
        *,
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        self.records = FaultRecords(cluster.hosts, guests, observe)
        self.targets: list[FaultTarget] = []
        self._cluster = cluster
        self._keep = keep
        self._observe = observe
        self._boards = boards
        self._guests = guests
        self._performer = FaultPerformer(boards, emit)
        self._schedule = Schedule(cluster.faults)
        self._randoms = {each.number: stream_of(cluster.seed, each) for each in cluster.faults}
        self._occurrences: dict[int, int] = {}
        self._told: dict[tuple[int, str], None] = {}
        self._dark: dict[str, None] = {}
        self.is_over = False

    @property
    def unfired(self) -> list[UnfiredFault]:
        """The faults of the configuration that have not come."""
        return self._schedule.unfired

    @property
    def coming(self) -> list[tuple[UnfiredFault, int | None]]:
        """The faults of the configuration that are still to come, and when they are due if that is known."""
        return self._schedule.coming

    @property
    def nothing_is_due(self) -> bool:
        """Whether no fault is left of which it is known that it will come."""
        return self._schedule.is_empty

    def begin(self, now_ns: int) -> None:
        """The workload begins."""
        self._schedule.begin(now_ns)

    def next_due_ns(self) -> int | None:
        """When a fault comes or goes next, as far as that is known."""
        ends = [each.ends_at_ns for each in self.records.injections if each.is_there and each.ends_at_ns]
        due = self._schedule.next_due_ns()
        return min([*ends, *([] if due is None else [due])], default=None)

    def tick(self, now_ns: int) -> None:
        """Take away what is over, do what is due, and see who has been answered."""
        self._note_lost_power()
        for injection in self.records.injections:
            if injection.is_there and injection.ends_at_ns is not None and injection.ends_at_ns <= now_ns:
                self._take_away(injection, now_ns)
        if self.records.watch(self._boards, now_ns):
            self._schedule.postpone(now_ns)
        self._tell_triggers(now_ns)
        if not self.is_over:
            for fault in self._schedule.take_due(now_ns, recovering=self.records.recovering):
                self.inject(fault, now_ns)

    def inject(self, fault: ResolvedFault, now_ns: int) -> list[FaultTarget]:
        """Do a fault now to those of its targets that are chosen; what became of each."""
        occurrence = self._occurrences[fault.number] = self._occurrences.get(fault.number, 0) + 1
        random = self._randoms.get(fault.number) or stream_of(self._cluster.seed, fault, len(self.targets))
        label = fault.label(occurrence) if fault.number else self.records.label_by_hand()
        chosen = []
        for address in choose(fault, random):
            each = FaultTarget(
                fault.number, occurrence, fault.kind, address, fault.cause, now_ns, label=label
            )
            chosen.append(each)
            self._strike(fault, each, random, now_ns)
        self.targets += chosen
        self._keep()
        return chosen

    def end(self, now_ns: int) -> None:
        """The guests stop working: no fault comes any more, and those that last are taken away."""
        if not self.is_over:
            self.is_over = True
            self._schedule.end(now_ns)
            for each in self._schedule.unfired:
                self._observe("never fired", f"{each.title} ({each.why})")
        for injection in self.records.injections:
            if injection.is_there and not _is_for_good(injection):
                injection.ends_at_ns = now_ns

    def stood_still(self, away_ns: int) -> None:
        """For so long nothing ran: what is to come, or to be taken away, is as much later."""
        self._schedule.stood_still(away_ns)
        for board in self._boards.values():
            board.domains.freeze_again()
        for injection in self.records.injections:
            if injection.is_there and injection.ends_at_ns is not None:
                injection.ends_at_ns += away_ns

    def domain_changed(self, change: DomainChange, now_ns: int) -> None:
        """A domain has started or ended: what triggers may wait for."""
        if change.what == "started" and not change.spare:
            self._performer.started(change.host, change.domid)
        self._schedule.saw("domain", str(Address(change.host, change.name)), change.what, now_ns)

    def state_written(self, board: HostBoard, link: str, message: StateWritten, now_ns: int) -> bool:
        """An end of a device has a new state; whether a fault is due because of it.

        A frontend is its sender's, a backend says whose it serves.
        """
        if not self._schedule.awaits(message.end):
            return False
        found = False
        for domain in board.domains:
            serves = message.end == "backend" and domain.domid == message.frontend_domid
            if domain.guest is None or (not serves and (message.end != "frontend" or domain.address != link)):
                continue
            for device in domain.guest.devices:
                name, number = device.identity
                if (device.device_class, number) == (message.device_class, message.virtual_device):
                    subject = str(Target(domain.guest.host, (domain.guest.name,), name))
                    found |= self._schedule.saw(message.end, subject, XenbusState(message.state).name, now_ns)
        return found

    def _strike(self, fault: ResolvedFault, chosen: FaultTarget, random: Random, now_ns: int) -> None:
        place = Target.parse(chosen.target)
        host, target = place.host, place.name
        kind = FAULT_KINDS[fault.kind]
        trouble = self._performer.trouble(kind, host, target)
        if trouble:
            chosen.skipped = trouble
        elif not kind.each_time and fault.probability < 1 and random.random() >= fault.probability:
            chosen.skipped = SPARED
        else:
            chosen.injection = self._inject(fault, chosen, random, now_ns)

    def _inject(self, fault: ResolvedFault, chosen: FaultTarget, random: Random, now_ns: int) -> Injection:
        place = Target.parse(chosen.target)
        host, target = place.host, place.name
        kind, board = FAULT_KINDS[fault.kind], self._boards[host]
        running = {each.name: each.started_at_ns for each in board.domains.everyone if each.state != "ended"}
        probability = fault.probability if kind.each_time else 1.0
        injection = self.records.note(
            fault.kind,
            host,
            target,
            now_ns,
            label=chosen.label,
            affected=self.records.affected(kind, host, target),
            lives=mortal_domains(kind, board.host, target, running),
            options={**fault.options, "probability": probability, "seed": str(random.getrandbits(64))},
        )
        injection.mortal = kind.deadly or kills_store_domain(kind, board.host)
        injection.lasting = kind.lasts and not (kind.stays and fault.duration_ns is None)
        if injection.lasting and fault.duration_ns is not None:
            injection.ends_at_ns = now_ns + fault.duration_ns
        self._performer.begin(injection)
        if not injection.lasting and not injection.mortal:
            injection.target_started(now_ns)
            injection.given_up = not injection.waiting_for
        return injection

    def _take_away(self, injection: Injection, now_ns: int) -> None:
        if self._performer.end(injection):
            self.records.taken_away(injection, now_ns)

    def _tell_triggers(self, now_ns: int) -> None:
        """Let the triggers hear what has become of other faults, once of each."""
        for each in self.targets:
            injection = each.injection
            if injection is None:
                continue
            reached = {
                "injected": True,
                "detected": injection.detected_at_ns is not None,
                "recovered": injection.recovered_at_ns is not None,
            }
            for state, is_so in reached.items():
                if is_so and (injection.number, state) not in self._told:
                    self._told[injection.number, state] = None
                    self._schedule.saw("fault", str(each.fault), state, now_ns)

    def _note_lost_power(self) -> None:
        """A host has lost its power and nothing runs any more: note what its guests had written."""
        for name, board in self._boards.items():
            if board.state.power != "lost":
                self._dark.pop(name, None)
            elif board.is_off and name not in self._dark:
                self._dark[name] = None
                for guest in self._guests.values():
                    if guest.host == name:
                        guest.power_lost()
                self._keep()


def _is_for_good(injection: Injection) -> bool:
    return FAULT_KINDS[injection.kind].stays and injection.ends_at_ns is None
