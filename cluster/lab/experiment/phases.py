"""How a run goes through its phases: what each waits for, how long at most, and what is allowed in it.

Rules: phases only go forward; what is not reached in its time is reported, never waited for for ever. A phase
is a row: nobody compares names of phases to find out what may be done in one. Each message makes a tick, and
there are more of them the more guests there are: a tick looks at all guests only when it has to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from actors.address import Address
from actors.runtime.machine import Effect, Exit
from actors.runtime.units import NS_PER_S
from cluster.lab.experiment.breaking.records import WATCH_NS
from cluster.lab.experiment.holdout import Holdout
from cluster.lab.experiment.host_board import HostBoard
from cluster.lab.experiment.laboratory import Laboratory

IDLE_NS: Final = 20_000_000
SOONEST_NS: Final = 100_000
BOOT_LIMIT_NS: Final = 60 * NS_PER_S
"""How long a boot may take in which nobody gets on."""
LOOK_AT_ONE_NS: Final = 20_000
"""Looks at guests are so rare that each has this much time: several times what one takes."""
QUIET_LIMIT_NS: Final = 10 * NS_PER_S
"""How long guests may take to stop, and then a shutdown in which nobody gets on."""
OFF_LIMIT_NS: Final = 10 * NS_PER_S
CALM_NS: Final = 50_000_000
"""How long what has recovered has to stay so: a late answer may come before news of another fault."""
ACCOUNT_INTERVAL_NS: Final = 50_000_000
ACCOUNT_LIMIT_NS: Final = 2 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run. `tick` looks whether it is over, at least every `look_ns` nanoseconds.

    While it is `breakable` faults are done, and what ends unasked is a failure. While it is `measured`
    the statistics of all actors are read. When it is not `powered` no power is left to be cut.
    """

    tick: Callable[["Phases"], None]
    breakable: bool = False
    measured: bool = False
    powered: bool = True
    look_ns: int = WATCH_NS


class Phases:
    """The phases of one run, of which `name` is the present one. An `endless` run works until it is ended."""

    def __init__(self, laboratory: Laboratory, emit: Callable[[Effect], None], *, endless: bool) -> None:
        self.name = "boot"
        self.began_ns = 0
        self.workload_began_ns = 0
        self.completed_at_start = 0
        self._lab = laboratory
        self._emit = emit
        self._endless = endless
        self._now_ns = 0
        self._phase_began_ns = 0
        self._ask_again_ns = 0
        self._look_again_ns = 0
        self._got_on_ns = 0
        self._holdout = Holdout(laboratory.guests.values(), self.got_on)
        self._ending = False
        self._aborted = False

    @property
    def present(self) -> Phase:
        """What is allowed now."""
        return self.rows[self.name]

    @property
    def finished(self) -> bool:
        """Whether the run has gone through all of them."""
        return self.name == "done"

    def begin(self, now_ns: int) -> None:
        """Switch on."""
        self.began_ns = self._now_ns = now_ns
        self._enter("boot")
        self._lab.switch.power_on()
        for board in self._lab.boards.values():
            board.power_on()

    def end(self) -> None:
        """Have the run end in order, from the next look on."""
        self._ending = True

    def abort(self) -> None:
        """Have the power cut at the next look; the verdict is unknown."""
        self._aborted = True

    def stood_still(self, missed_ns: int) -> None:
        """Time in which nothing ran does not pass for a phase."""
        self._phase_began_ns += missed_ns
        self._got_on_ns += missed_ns

    def got_on(self) -> None:
        """A guest is where it had not been before: a boot or a shutdown has its whole time again."""
        self._got_on_ns = self._now_ns

    def tick(self, now_ns: int) -> None:
        """Look whether something is due, or over."""
        self._now_ns = now_ns
        if self._aborted and self.present.powered:
            self._lab.outcome.unknown.append("interrupted")
            self.cut_power(now_ns)
        if self.present.breakable:
            if now_ns >= self._look_again_ns:
                self._look_at_guests()
            self._lab.fault_run.tick(now_ns)
        self.present.tick(self)
        interval_ns = self._lab.cluster.metrics.interval
        if interval_ns and now_ns >= self._ask_again_ns and self.present.measured:
            self._ask_again_ns = now_ns + interval_ns
            self._lab.readings.ask_some()

    def next_look_ns(self) -> int | None:
        """When to look again; None when all is over."""
        if self.finished:
            return None
        interval, records = self.present.look_ns, self._lab.fault_run.records
        if self.present.breakable and records.recovering:
            watch_ns = records.next_look_ns
            interval = (
                WATCH_NS if watch_ns is None else min(interval, max(watch_ns - self._now_ns, SOONEST_NS))
            )
        due = self._lab.fault_run.next_due_ns()
        if self.present.breakable and due is not None:
            interval = min(interval, max(due - self._now_ns, SOONEST_NS) if due > self._now_ns else WATCH_NS)
        return self._now_ns + interval

    def cut_power(self, now_ns: int) -> None:
        """Go on without power, as of now."""
        self._now_ns = now_ns
        for board in self._lab.boards.values():
            board.cut_power()
        self._lab.switch.power_off()
        self._enter("off")

    def _look_at_guests(self) -> None:
        """See how long each has been out; what is over by the next look it will have noted itself."""
        guests, now_ns = self._lab.guests.values(), self._now_ns
        for guest in guests:
            guest.look(now_ns)
        self._look_again_ns = now_ns + max(WATCH_NS, len(guests) * LOOK_AT_ONE_NS)

    def _enter(self, phase: str) -> None:
        if self.present.breakable:
            self._look_at_guests()
        self.name = phase
        self._lab.outcome.phases[phase] = self._now_ns
        self._phase_began_ns = self._got_on_ns = self._now_ns
        self._holdout = Holdout(self._lab.guests.values(), self.got_on)
        self._lab.observe(phase, "")

    @property
    def _elapsed_ns(self) -> int:
        return self._now_ns - self._phase_began_ns

    def _in_boot(self) -> None:
        late = self._holdout.find(lambda guest: not guest.is_up or not guest.boots)
        if late is None and all(board.domains.find("dom0") for board in self._lab.boards.values()):
            self.workload_began_ns = self._now_ns
            self.completed_at_start = sum(each.completed for each in self._lab.guests.values())
            self._lab.fault_run.begin(self._now_ns)
            self._enter("workload")
        elif halted := [each for each in self._lab.boards.values() if each.state.power == "halted"]:
            self._end_without(halted)
        elif self._now_ns - self._got_on_ns > BOOT_LIMIT_NS:
            names = [
                str(Address(each.host, each.name))
                for each in self._lab.guests.values()
                if not each.is_up or not each.boots
            ]
            self._lab.outcome.unknown.append(
                f"not up within {self._elapsed_ns // NS_PER_S} s: {', '.join(names) or 'dom0'}"
            )
            self._enter("shutdown")

    def _end_without(self, halted: list[HostBoard]) -> None:
        """Machines that have halted before everybody was up will not be: there is nothing to wait for."""
        for board in halted:
            name = board.host.name
            self._lab.observe("halted", str(Address.domain(name, 0)))
            why = f"{board.state.halted_because}; logs/{name}-dom0.log says why"
            self._lab.outcome.unknown.append(f"{name} halted before its guests were up: {why}")
        self._enter("settle")

    def _in_workload(self) -> None:
        nothing_due = self._lab.fault_run.nothing_is_due
        over = self._elapsed_ns >= self._lab.cluster.duration_ns and nothing_due
        if self._endless:
            over = False
            self._lab.journals.tick()
        finished = nothing_due and self._holdout.find(lambda guest: guest.works or guest.returns) is None
        late = self._elapsed_ns > self._lab.cluster.duration_ns + self._patience_ns()
        if self._ending or over or ((finished or late) and not self._endless):
            self._enter("settle")

    def _patience_ns(self) -> int:
        return self._lab.cluster.settle_ns * (1 + sum(each.count for each in self._lab.cluster.faults))

    def _in_settle(self) -> None:
        self._lab.fault_run.end(self._now_ns)
        records = self._lab.fault_run.records
        unsettled = (
            records.unsettled
            or records.recovered_since(self._now_ns - CALM_NS)
            or self._holdout.find(lambda guest: guest.returns or guest.is_failing) is not None
        )
        if not unsettled or self._elapsed_ns > self._lab.cluster.settle_ns:
            records.give_up()
            for guest in self._lab.guests.values():
                if not guest.ended:
                    self._lab.boards[guest.host].domains.type_on_console(guest.name, "stop")
            self._enter("stop")

    def _in_stop(self) -> None:
        limit = min(self._lab.cluster.settle_ns, QUIET_LIMIT_NS)
        if self._elapsed_ns > limit or self._holdout.find(lambda guest: guest.is_busy) is None:
            self._lab.readings.ask_all()
            busy = {each.host for each in self._lab.guests.values() if each.is_busy}
            for name, board in self._lab.boards.items():
                if board.is_on:
                    running = [each.address for each in board.domains if each.state == "running"]
                    self._lab.interrupt_tables.keep(running)
                    board.domains.type_on_console(
                        "dom0", f"xl {'destroy' if name in busy else 'shutdown'} -a"
                    )
            self._enter("shutdown")

    def _in_shutdown(self) -> None:
        hosts = {
            name for name, board in self._lab.boards.items() if board.is_on and board.domains.find("dom0")
        }
        if self._holdout.find(lambda guest: not guest.ended and guest.host in hosts) is None:
            self._enter("account")
            self._lab.readings.ask_all()
        elif self._now_ns - self._got_on_ns > QUIET_LIMIT_NS:
            left = (each for each in self._lab.guests.values() if not each.ended and each.host in hosts)
            names = ", ".join(str(Address(each.host, each.name)) for each in left)
            self._lab.outcome.unknown.append(
                f"did not shut down within {self._elapsed_ns // NS_PER_S} s: {names}"
            )
            self._enter("account")
            self._lab.readings.ask_all()

    def _in_account(self) -> None:
        if not self._lab.readings.is_settled and self._elapsed_ns < ACCOUNT_LIMIT_NS:
            if self._now_ns >= self._ask_again_ns:
                self._ask_again_ns = self._now_ns + ACCOUNT_INTERVAL_NS
                self._lab.readings.ask_all()
        else:
            self._lab.outcome.leaks = dict(self._lab.readings.hypervisors)
            for board in self._lab.boards.values():
                board.power_off()
            self._lab.switch.power_off()
            self._enter("off")

    def _in_off(self) -> None:
        if self._lab.switch.is_off and all(board.is_off for board in self._lab.boards.values()):
            self._finish()
        elif self._elapsed_ns > OFF_LIMIT_NS:
            self._lab.outcome.unknown.append("not every process could be ended")
            self._finish()

    def _finish(self) -> None:
        self._enter("done")
        self._emit(Exit("the experiment is over"))

    def _rest(self) -> None:
        """Nothing is left to be done."""

    rows: ClassVar[dict[str, Phase]] = {
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


PHASES: Final = tuple(Phases.rows)
