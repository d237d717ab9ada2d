"""The experimenter: powers the hosts on, lets guests work, breaks things, watches, and switches off.

A machine like the others, so that an experiment runs the same in real processes and in simulation.
It knows of guests only what their journals and the hypervisors say.
Rules: phases only go forward; what is not reached in its time is reported, never waited for for ever.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from actors.dom0.shutdown_actions import DESTROY
from actors.domu.journal import Journal
from actors.domu.store_log import StoreLog
from actors.messages import CannotGoOn, Interrupts, StateWritten, Statistics
from actors.runtime.machine import Effect, Event, Exit, Machine, ProcessEnded, Received, StoodStill
from cluster.config.resolved import ResolvedCluster, ResolvedFault
from cluster.config.resolved_domains import GuestId
from cluster.experiment.board import Board, DomainChange
from cluster.experiment.fault_course import FaultCourse, FaultTarget
from cluster.experiment.fault_records import FaultRecords
from cluster.experiment.guest_record import GuestRecord
from cluster.experiment.host_clock import ClockGap, HostClock
from cluster.experiment.injection import Injection
from cluster.experiment.interrupt_tables import InterruptTables
from cluster.experiment.journal_budget import JournalBudget
from cluster.experiment.lives import death_of
from cluster.experiment.outcome import Outcome
from cluster.experiment.phases import IDLE_NS, WATCH_NS, Phase
from cluster.experiment.readings import Readings

NS = 1_000_000_000
SOONEST_NS = 100_000
BOOT_LIMIT_NS = 60 * NS
QUIET_LIMIT_NS = 10 * NS
OFF_LIMIT_NS = 10 * NS
ACCOUNT_INTERVAL_NS = 50_000_000
ACCOUNT_LIMIT_NS = 2 * NS


class Supervisor(Machine):
    """The machine of the experimenter. `keep` is called when a fault was noted and has not been done."""

    def __init__(
        self,
        cluster: ResolvedCluster,
        journals: Mapping[GuestId, list[Journal]],
        observe: Callable[[str, str], None] = lambda _phase, _text: None,
        *,
        endless: bool = False,
        store_logs: Mapping[GuestId, StoreLog] | None = None,
        keep: Callable[[], None] = lambda: None,
        journal_budget: int | None = None,
        host_clock: HostClock | None = None,
    ) -> None:
        self.cluster = cluster
        self.boards = {host.name: Board(host, self._emit, self._domain_changed) for host in cluster.hosts}
        logs = store_logs or {}
        self.guests = {
            each.guest_id: GuestRecord.of(each, journals[each.guest_id], logs.get(each.guest_id))
            for each in cluster.guests
        }
        self.course = FaultCourse(cluster, self.boards, self.guests, self._emit, observe, keep=keep)
        self.journals = JournalBudget(journal_budget, self.boards, self.guests, observe)
        self.outcome = Outcome()
        self.interrupt_tables = InterruptTables(self._emit)
        self.readings = Readings(self.boards, self._emit)
        self._host_clock = host_clock
        self.phase = "boot"
        self.finished = False
        self._observe = observe
        self._endless = endless
        self._effects: list[Effect] = []
        self._phase_began_ns = 0
        self.workload_began_ns = 0
        self.completed_at_start = 0
        self.began_ns = 0
        self._started = False
        self._next_tick_ns: int | None = 0
        self._next_statistics_ns = 0
        self._down_wanted = False
        self._abort = False
        self._now_ns = 0

    @property
    def faults(self) -> FaultRecords:
        """What became of the faults."""
        return self.course.records

    @property
    def injections(self) -> list[Injection]:
        """Every fault so far."""
        return self.faults.injections

    @property
    def breakable(self) -> bool:
        """Whether faults can be done in the present phase."""
        return self.phases[self.phase].breakable

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """One event of the machine's contract."""
        self._now_ns = now_ns
        if self._host_clock is not None and (gap := self._host_clock.look(now_ns, self._next_tick_ns)):
            self._stood_still(*gap)
        match event:
            case Received(link=link, message=Statistics() as message):
                self.readings.take(link, message, now_ns)
                return []
            case Received(link=link, message=StateWritten() as message):
                self.course.state_written(self._board(link), link, message, now_ns)
            case Received(link=link, message=CannotGoOn(text=text)):
                self._end_early(link, f"{link}: {text}")
            case Received(link=link, message=Interrupts() as message):
                self.interrupt_tables.take(link, message)
                return []
            case Received(link=link, message=message):
                self._board(link).received(message, now_ns)
            case StoodStill():
                self.outcome.clock_gaps = [each.met(event) for each in self.outcome.clock_gaps]
            case ProcessEnded(address=address, status=status):
                self._process_ended(address, status)
            case _:
                pass
        self._tick()
        effects, self._effects = self._effects, []
        return effects

    def next_deadline_ns(self) -> int | None:
        """When to look again."""
        return self._next_tick_ns

    def check(self) -> None:
        """Nothing here can be broken by a peer."""
        assert self.phase in self.phases, self.phase
        for guest in self.guests.values():
            guest.lives.check()
            assert not (guest.ended and guest.lives.is_alive), f"{guest.address} is gone, but not how"

    def statistics(self) -> Outcome:
        """What was found out so far."""
        return self.outcome

    def inject(self, fault: ResolvedFault) -> list[FaultTarget]:
        """Do a fault now; what became of each target. Its effects come with the next `handle`."""
        self._next_tick_ns = self._now_ns
        return self.course.inject(fault, self._now_ns)

    def go_down(self) -> None:
        """End the experiment in an orderly way from the present phase on."""
        self._down_wanted = True
        self._next_tick_ns = self._now_ns

    def abort(self) -> None:
        """Cut the power; the verdict is unknown."""
        self._abort = True
        self._next_tick_ns = self._now_ns

    def _stood_still(self, began_ns: int, suspended_ns: int) -> None:
        """Time in which nothing ran passes neither for the phase nor for faults; and it is told."""
        guests = sum(each.works for each in self.guests.values())
        faults = tuple(each.label for each in self.injections if each.is_open)
        gap = ClockGap(self.phase, began_ns, self._now_ns, suspended_ns, guests, faults)
        self.outcome.clock_gaps.append(gap)
        self._observe("clock gap", f"{gap}: this machine, or at least the supervisor, did not run")
        self._phase_began_ns += self._now_ns - began_ns
        self.course.stood_still(self._now_ns - began_ns)

    def _emit(self, effect: Effect) -> None:
        self._effects.append(effect)

    def _board(self, address: str) -> Board:
        return self.boards[address.split("/", 1)[0]]

    def _process_ended(self, address: str, status: int) -> None:
        board = self._board(address)
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
        self.outcome.failures.append(why)
        self._observe("died", address)
        if self.breakable:
            self._cut_power()

    def _domain_changed(self, change: DomainChange) -> None:
        self.course.domain_changed(change, self._now_ns)
        guest = self.guests.get(change.guest_id) if change.guest_id is not None else None
        if guest is not None:
            self._guest_changed(guest, change)
        if change.what == "started":
            self.faults.target_started(change)
        elif change.what in {"shutdown", "dying"}:
            if change.what == "shutdown" and self.breakable:
                self.faults.stopped(change, self.boards[change.host].domains[change.domid])
            self.faults.detected(change)
            if change.what == "dying" and guest is not None and guest.action == DESTROY:
                self.faults.destroyed(change, guest.guest_id)

    def _guest_changed(self, guest: GuestRecord, change: DomainChange) -> None:
        board, counts = self.boards[change.host], self.breakable
        if change.what == "started":
            guest.start(change.domid)
            if self.phase == "stop":  # it was not there when the others were told
                board.type_on_console(change.name, "stop")
        elif change.what == "shutdown":
            guest.shut_down(change.reason, counts=counts)
        elif change.what == "ended":
            powered = board.state.power == "on"
            guest.end(death_of(board.domains[change.domid], change.reason, powered=powered), counts=counts)

    def _tick(self) -> None:
        now_ns = self._now_ns
        if not self._started:
            self._started = True
            self.began_ns = now_ns
            self._enter("boot")
            for board in self.boards.values():
                board.power_on()
        if self._abort and self.phases[self.phase].powered:
            self.outcome.unknown.append("interrupted")
            self._cut_power()
        if self.breakable:
            for guest in self.guests.values():
                guest.look(now_ns)
            self.course.tick(now_ns)
        self.phases[self.phase].tick(self)
        interval_ns = self.cluster.metrics.interval
        if interval_ns and now_ns >= self._next_statistics_ns and self.phases[self.phase].measured:
            self._next_statistics_ns = now_ns + interval_ns
            self.readings.ask_some()
        self._next_tick_ns = None if self.finished else now_ns + self._interval_ns()

    def _interval_ns(self) -> int:
        interval = WATCH_NS if self.faults.recovering else self.phases[self.phase].look_ns
        due = self.course.next_due_ns()
        if self.breakable and due is not None:
            interval = min(interval, max(due - self._now_ns, SOONEST_NS) if due > self._now_ns else WATCH_NS)
        return interval

    def _enter(self, phase: str) -> None:
        self.phase = phase
        self._phase_began_ns = self._now_ns
        self._observe(phase, "")

    def _elapsed_ns(self) -> int:
        return self._now_ns - self._phase_began_ns

    def _in_boot(self) -> None:
        if all(each.is_up and each.boots for each in self.guests.values()) and all(
            board.find("dom0") for board in self.boards.values()
        ):
            self.workload_began_ns = self._now_ns
            self.completed_at_start = sum(each.completed for each in self.guests.values())
            self.course.begin(self._now_ns)
            self._enter("workload")
        elif halted := [each for each in self.boards.values() if each.state.power == "halted"]:
            self._end_without(halted)
        elif self._elapsed_ns() > BOOT_LIMIT_NS:
            late = [each.address for each in self.guests.values() if not each.is_up or not each.boots]
            self.outcome.unknown.append(f"not up within {BOOT_LIMIT_NS // NS} s: {', '.join(late) or 'dom0'}")
            self._enter("shutdown")

    def _end_without(self, halted: list[Board]) -> None:
        """Machines that have halted before everybody was up will not be: there is nothing to wait for."""
        for board in halted:
            name = board.host.name
            self._observe("halted", f"{name}/dom0")
            why = f"{board.state.halted_because}; logs/{name}-dom0.log says why"
            self.outcome.unknown.append(f"{name} halted before its guests were up: {why}")
        self._enter("settle")

    def _in_workload(self) -> None:
        nothing_due = self.course.nothing_is_due
        over = self._elapsed_ns() >= self.cluster.duration_ns and nothing_due
        if self._endless:
            over = False
            self.journals.tick()
        finished = not any(each.works or each.returns for each in self.guests.values()) and nothing_due
        late = self._elapsed_ns() > self.cluster.duration_ns + self._patience_ns()
        if self._down_wanted or over or ((finished or late) and not self._endless):
            self._enter("settle")

    def _patience_ns(self) -> int:
        return self.cluster.settle_ns * (1 + sum(each.count for each in self.cluster.faults))

    def _in_settle(self) -> None:
        self.course.end(self._now_ns)
        failing = any(each.works and each.ended_in_error for each in self.guests.values() if not each.ended)
        returning = any(each.returns for each in self.guests.values())
        unsettled = self.faults.unsettled or failing or returning
        if not unsettled or self._elapsed_ns() > self.cluster.settle_ns:
            self.faults.give_up()
            for guest in self.guests.values():
                if not guest.ended:
                    self.boards[guest.host].type_on_console(guest.name, "stop")
            self._enter("stop")

    def _in_stop(self) -> None:
        busy = [each for each in self.guests.values() if not each.ended and (each.in_flight or each.works)]
        limit = min(self.cluster.settle_ns, QUIET_LIMIT_NS)
        if not busy or self._elapsed_ns() > limit:
            self.readings.ask_all()
            for name, board in self.boards.items():
                if board.state.power == "on":
                    running = [each.address for each in board.domains.values() if each.state == "running"]
                    self.interrupt_tables.keep(running)
                    forced = any(each.host == name for each in busy)
                    board.type_on_console("dom0", "xl destroy -a" if forced else "xl shutdown -a")
            self._enter("shutdown")

    def _in_shutdown(self) -> None:
        left = [each for each in self.guests.values() if not each.ended and self._is_controlled(each.host)]
        if not left:
            self._enter("account")
            self.readings.ask_all()
        elif self._elapsed_ns() > QUIET_LIMIT_NS:
            names = ", ".join(each.address for each in left)
            self.outcome.unknown.append(f"did not shut down within {QUIET_LIMIT_NS // NS} s: {names}")
            self._enter("account")
            self.readings.ask_all()

    def _is_controlled(self, host: str) -> bool:
        board = self.boards[host]
        return board.state.power == "on" and board.find("dom0") is not None

    def _in_account(self) -> None:
        if not self.readings.is_settled and self._elapsed_ns() < ACCOUNT_LIMIT_NS:
            if self._now_ns >= self._next_statistics_ns:
                self._next_statistics_ns = self._now_ns + ACCOUNT_INTERVAL_NS
                self.readings.ask_all()
        else:
            self.outcome.leaks = dict(self.readings.hypervisors)
            for board in self.boards.values():
                board.power_off()
            self._enter("off")

    def _in_off(self) -> None:
        if all(board.is_off for board in self.boards.values()):
            self._finish()
        elif self._elapsed_ns() > OFF_LIMIT_NS:
            self.outcome.unknown.append("not every process could be ended")
            self._finish()

    def _finish(self) -> None:
        self._enter("done")
        self.finished = True
        self._emit(Exit("the experiment is over"))

    def _cut_power(self) -> None:
        for board in self.boards.values():
            board.cut_power()
        self._enter("off")

    def _rest(self) -> None:
        """Nothing is left to be done."""

    phases: ClassVar[dict[str, Phase["Supervisor"]]] = {
        "boot": Phase(_in_boot, breakable=True),
        "workload": Phase(_in_workload, breakable=True, measured=True, look_ns=IDLE_NS),
        "settle": Phase(_in_settle, breakable=True, measured=True),
        "stop": Phase(_in_stop),
        "shutdown": Phase(_in_shutdown),
        "account": Phase(_in_account),
        "off": Phase(_in_off, powered=False),
        "done": Phase(_rest, powered=False),
    }
    """All of them, in their order."""


PHASES = tuple(Supervisor.phases)
