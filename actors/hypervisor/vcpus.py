"""The vcpus of domains: their run states, their timers, and what their kernel has registered for them.

Rules: a domain is one process, so its first vcpu runs (or waits in the hypervisor) and the others are
idle until they are taken down. A timer that runs out is VIRQ_TIMER on its vcpu. While a domain does
not run, its periodic timers stand still; they go on, late, when it does.
Source: xen/common/sched/core.c (vcpu_periodic_timer_work, do_set_timer_op, vcpu_runstate_get).
Left out: the time that a vcpu waits for a processor; runstate and time areas are not written.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from actors.abi.interface import Virq
from actors.hypervisor.agenda import Agenda
from actors.hypervisor.event_channels import EventChannels
from actors.hypervisor.outbox import Outbox
from actors.hypervisor.ports import PortTable


class Runstate(IntEnum):
    """`RUNSTATE_*`."""

    running = 0
    runnable = 1
    blocked = 2
    offline = 3


@dataclass(slots=True, eq=False)
class Vcpu:
    """One vcpu. Times are in nanoseconds; a period of 0 is no periodic timer."""

    number: int
    state: Runstate
    entered_ns: int
    spent_ns: list[int] = field(default_factory=lambda: [0] * len(Runstate))
    period_ns: int = 0
    ticked_ns: int = 0
    has_info: bool = False
    pinned: int | None = None

    def change(self, state: Runstate, now_ns: int) -> None:
        """The vcpu is in another state from now on."""
        self.spent_ns[self.state] += now_ns - self.entered_ns
        self.state, self.entered_ns = state, now_ns


class Vcpus:
    """The vcpus of all domains that have asked something of them."""

    def __init__(self, outbox: Outbox, agenda: Agenda, events: EventChannels) -> None:
        self._outbox = outbox
        self._agenda = agenda
        self._events = events
        self._tables: dict[PortTable, list[Vcpu]] = {}

    def of(self, table: PortTable, number: int, started_ns: int) -> Vcpu:
        """A vcpu that there is, of a domain that was started at this time."""
        vcpus = self._tables.get(table)
        if vcpus is None:
            states = [Runstate.running] + [Runstate.blocked] * (table.nr_vcpus - 1)
            vcpus = [Vcpu(index, state, started_ns) for index, state in enumerate(states)]
            self._tables[table] = vcpus
        return vcpus[number]

    def runstate(self, table: PortTable, vcpu: Vcpu) -> tuple[Runstate, int, list[int]]:
        """State, when it was entered, and the time spent in each of the four."""
        spent = list(vcpu.spent_ns)
        spent[vcpu.state] += self._outbox.now_ns - vcpu.entered_ns
        if not vcpu.number:
            waited = min(table.blocked_ns, spent[Runstate.running])
            spent[Runstate.running] -= waited
            spent[Runstate.blocked] += waited
        return vcpu.state, vcpu.entered_ns, spent

    def set_periodic(self, table: PortTable, vcpu: Vcpu, period_ns: int) -> None:
        """A timer event every so often; one at once if the last was long enough ago. 0 is never again."""
        self._agenda.cancel((vcpu, "periodic"))
        vcpu.period_ns = period_ns
        self._tick(table, vcpu)

    def set_singleshot(self, table: PortTable, vcpu: Vcpu, at_ns: int) -> None:
        """One timer event at this time, in place of the one that was set."""
        self._agenda.set((vcpu, "singleshot"), at_ns, lambda: self.timer_event(table, vcpu))

    def stop_singleshot(self, vcpu: Vcpu) -> None:
        """No timer event."""
        self._agenda.cancel((vcpu, "singleshot"))

    def timer_event(self, table: PortTable, vcpu: Vcpu) -> None:
        """VIRQ_TIMER for this vcpu."""
        self._events.raise_on_vcpu(table, Virq.TIMER, vcpu.number)

    def resume(self, table: PortTable) -> None:
        """The domain runs again: its periodic timers go on."""
        for vcpu in self._tables.get(table, []):
            self._tick(table, vcpu)

    def forget(self, table: PortTable) -> None:
        """The domain dies: its timers do, too."""
        for vcpu in self._tables.pop(table, []):
            self._agenda.cancel((vcpu, "periodic"))
            self._agenda.cancel((vcpu, "singleshot"))

    def _tick(self, table: PortTable, vcpu: Vcpu) -> None:
        if not vcpu.period_ns:
            return
        now_ns = self._outbox.now_ns
        due_ns = vcpu.ticked_ns + vcpu.period_ns
        if now_ns >= due_ns:
            self.timer_event(table, vcpu)
            vcpu.ticked_ns = now_ns
            due_ns = now_ns + vcpu.period_ns
        if table.link is not None and vcpu.state is not Runstate.offline:
            self._agenda.set((vcpu, "periodic"), due_ns, lambda: self._tick(table, vcpu))

    def check(self, known: set[PortTable]) -> None:
        """Only domains that live have vcpus, and time adds up."""
        for table, vcpus in self._tables.items():
            assert table in known, f"domain {table.domid} is gone and has vcpus"
            for vcpu in vcpus:
                state, _, spent = self.runstate(table, vcpu)
                where = f"vcpu {vcpu.number} of domain {table.domid}"
                assert min(spent) >= 0, f"{where}: negative time while {state.name}"
                assert vcpu.entered_ns <= self._outbox.now_ns, f"{where}: entered its state in the future"
