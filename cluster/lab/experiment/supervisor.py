"""The experimenter: powers the hosts on, lets guests work, breaks things, watches, and switches off.

A machine like the others, so that an experiment runs the same in real processes and in simulation.
It knows of guests only what their journals and the hypervisors say.
Rules: here is what follows from what others say; what follows from time is in `phases.py`.
"""

from collections.abc import Callable, Mapping, Sequence

from actors.address import Address
from actors.capture_messages import Captured
from actors.dom0.shutdown_actions import DESTROY
from actors.messages import CannotGoOn, StateWritten
from actors.notebook.journal_reader import JournalReader
from actors.notebook.store_log_reader import StoreLogReader
from actors.notebook.talk_journal_reader import TalkJournalReader
from actors.reading_messages import Interrupts, MessagePart, Statistics
from actors.runtime.machine import Effect, Event, LinkOpened, Machine, ProcessEnded, Received, StoodStill
from cluster.lab.config.gateway import GATEWAY
from cluster.lab.config.resolved import ResolvedCluster, ResolvedFault
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.config.switch import SWITCH
from cluster.lab.experiment.breaking.fault_target import FaultTarget
from cluster.lab.experiment.breaking.injection import Injection
from cluster.lab.experiment.breaking.records import FaultRecords
from cluster.lab.experiment.domain_processes import DomainChange
from cluster.lab.experiment.guest_notebooks import GuestNotebooks
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.host_clock import ClockGap, HostClock
from cluster.lab.experiment.laboratory import Laboratory
from cluster.lab.experiment.lives import death_of
from cluster.lab.experiment.outcome import Outcome
from cluster.lab.experiment.parts import Parts
from cluster.lab.experiment.phases import Phases


class Supervisor(Machine):
    """The machine of the experimenter; `lab` is what it has in hand.

    `keep` is called when a fault was noted and has not been done.
    """

    def __init__(
        self,
        cluster: ResolvedCluster,
        journals: Mapping[GuestId, Sequence[JournalReader]],
        observe: Callable[[str, str], None] = lambda _phase, _text: None,
        *,
        endless: bool = False,
        store_logs: Mapping[GuestId, StoreLogReader] | None = None,
        talk_journals: Mapping[GuestId, Sequence[TalkJournalReader]] | None = None,
        keep: Callable[[], None] = lambda: None,
        journal_budget: int | None = None,
        host_clock: HostClock | None = None,
    ) -> None:
        told = observe, self._emit, self._domain_changed
        notebooks = GuestNotebooks(journals, store_logs or {}, talk_journals or {})
        self.lab = Laboratory(cluster, notebooks, *told, keep, journal_budget)
        self.phases = Phases(self.lab, self._emit, endless=endless)
        self._parts = Parts()
        self._host_clock = host_clock
        self._effects: list[Effect] = []
        self._started = False
        self._next_look_ns: int | None = 0
        self._now_ns = 0

    @property
    def faults(self) -> FaultRecords:
        """What became of the faults."""
        return self.lab.fault_run.records

    @property
    def injections(self) -> list[Injection]:
        """Every fault so far."""
        return self.faults.injections

    @property
    def phase(self) -> str:
        """The present phase of the run."""
        return self.phases.name

    @property
    def breakable(self) -> bool:
        """Whether faults can be done in the present phase."""
        return self.phases.present.breakable

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """One event of the machine's contract."""
        self._now_ns = now_ns
        if self._host_clock is not None and (gap := self._host_clock.look(now_ns, self._next_look_ns)):
            self._stood_still(*gap)
        match event:
            case Received(link=link, message=Statistics() | Interrupts() | MessagePart() as message):
                self._answered(link, message)
                return []
            case LinkOpened():
                self.lab.captures.look_again()
            case Received(link=link, message=Captured() as captured):
                self.lab.captures.take(link, captured)
            case Received(link=link, message=StateWritten() as message):
                # There are several of each guest that recovers, and all guests are looked at below.
                if not self.lab.fault_run.state_written(self._board(link), link, message, now_ns):
                    return []
            case Received(link=link, message=CannotGoOn(text=text)):
                self._end_early(link, f"{link}: {text}")
            case Received(link=link, message=message):
                self._board(link).received(message, now_ns)
            case StoodStill():
                self.lab.outcome.clock_gaps = [each.met(event) for each in self.lab.outcome.clock_gaps]
            case ProcessEnded(address=address, status=status):
                self._process_ended(address, status)
            case _:
                pass
        if not self._started:
            self._started = True
            self.phases.begin(now_ns)
        self.phases.tick(now_ns)
        self._next_look_ns = self.phases.next_look_ns()
        effects, self._effects = self._effects, []
        return effects

    def next_deadline_ns(self) -> int | None:
        """When to look again."""
        return self._next_look_ns

    def check(self) -> None:
        """Nothing here can be broken by a peer."""
        for guest in self.lab.guests.values():
            guest.lives.check()
            assert not (guest.ended and guest.lives.is_alive), f"{guest.address} is gone, but not how"

    def statistics(self) -> Outcome:
        """What was found out so far."""
        return self.lab.outcome

    def inject(self, fault: ResolvedFault) -> list[FaultTarget]:
        """Do a fault now; what became of each target. Its effects come with the next `handle`."""
        self._next_look_ns = self._now_ns
        return self.lab.fault_run.inject(fault, self._now_ns)

    def go_down(self) -> None:
        """End the experiment in an orderly way from the present phase on."""
        self.phases.end()
        self._next_look_ns = self._now_ns

    def abort(self) -> None:
        """Cut the power; the verdict is unknown."""
        self.phases.abort()
        self._next_look_ns = self._now_ns

    def _stood_still(self, began_ns: int, suspended_ns: int) -> None:
        """Time in which nothing ran passes neither for the phase nor for faults; and it is told."""
        guests = sum(each.works for each in self.lab.guests.values())
        faults = tuple(each.label for each in self.injections if each.is_open)
        gap = ClockGap(self.phase, began_ns, self._now_ns, suspended_ns, guests, faults)
        self.lab.outcome.clock_gaps.append(gap)
        self.lab.observe("clock gap", f"{gap}: this machine, or at least the supervisor, did not run")
        self.phases.stood_still(self._now_ns - began_ns)
        self.lab.fault_run.stood_still(self._now_ns - began_ns)

    def _answered(self, link: str, message: object) -> None:
        match self._parts.take(link, message) if isinstance(message, MessagePart) else message:
            case Statistics() as statistics:
                self.lab.readings.take(link, statistics, self._now_ns)
            case Interrupts() as interrupts:
                self.lab.interrupt_tables.take(link, interrupts)

    def _emit(self, effect: Effect) -> None:
        self._effects.append(effect)

    def _board(self, address: str) -> HostBoard:
        return self.lab.boards[Address.parse(address).host]

    def _process_ended(self, address: str, status: int) -> None:
        if address in (SWITCH, GATEWAY):
            trouble = self.lab.switch.ended(address, status)
            if trouble:
                self._end_early(address, trouble)
            return
        board = self._board(address)
        self._parts.forget(address)
        if self.breakable:
            trouble = self.faults.process_ended(board, address, status, self._now_ns)
            failed_at_boot = self.phase == "boot" and bool(status >> 8)
            if trouble or failed_at_boot:
                self._end_early(address, trouble or f"{address} failed at boot (status {status >> 8})")
        board.ended(address, status, self._now_ns)

    def _end_early(self, address: str, why: str) -> None:
        """Without its machine, or with a bug of ours in it, an experiment says nothing more.

        When the guests have stopped working already, the rest still goes its way.
        """
        self.lab.outcome.failures.append(why)
        self.lab.observe("died", address)
        if self.breakable:
            self.phases.cut_power(self._now_ns)

    def _domain_changed(self, change: DomainChange) -> None:
        self.lab.fault_run.domain_changed(change, self._now_ns)
        guest = self.lab.guests.get(change.guest_id) if change.guest_id is not None else None
        if guest is not None:
            self._guest_changed(guest, change)
        if change.what == "started":
            self.faults.target_started(change)
        elif change.what in {"shutdown", "dying"}:
            if change.what == "shutdown" and self.breakable:
                self.faults.stopped(change, self.lab.boards[change.host].domains.by_domid[change.domid])
            self.faults.detected(change)
            if change.what == "dying" and guest is not None and guest.action == DESTROY:
                self.faults.destroyed(change, guest.guest_id)

    def _guest_changed(self, guest: GuestRecord, change: DomainChange) -> None:
        board, counts = self.lab.boards[change.host], self.breakable
        if counts:
            guest.look(self._now_ns)
        self.faults.guest_changed(guest.guest_id)
        if change.what == "started":
            guest.start(change.domid)
            if guest.boots == 1:
                self.phases.got_on()
            if self.phase == "stop":  # it was not there when the others were told
                board.domains.type_on_console(change.name, "stop")
        elif change.what == "shutdown":
            guest.shut_down(change.reason, counts=counts)
        elif change.what == "ended":
            powered = board.is_on
            guest.end(
                death_of(board.domains.by_domid[change.domid], change.reason, powered=powered), counts=counts
            )
