"""What a recovery takes, counted: requests, round trips, hypercalls, messages and wake-ups.

Rules: counted is from the crash of dom0 until all I/O flows again; requests to XenStore until the guests
are told to stop, since those are all the recovery's where no vitals are published.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.abi.xs_wire import XsType
from actors.domu.guest import Guest
from actors.kernel.kernel import XEN, Kernel
from actors.kernel.threads import Future
from actors.kernel.xenbus import StoreObserver
from actors.messages import GrantRevoke, Hypercall
from actors.runtime.machine import Effect, Event, Machine, Received, Send
from actors.runtime.simulation import Simulation
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.drivers.simulated import RunObserver, run_simulated

DOM0 = "dom0"


@dataclass
class Tally:
    """Of one actor. A round trip is an arrival of answers for which it has waited."""

    requests: int = 0
    answered_at: set[int] = field(default_factory=set)
    calls: int = 0
    calls_waited_for: int = 0
    messages: int = 0
    turns: set[int] = field(default_factory=set)


class RecoveryCount(RunObserver):
    """Counts by actor: guests by their names, `dom0`, `hypervisor` and `supervisor`."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self._names: dict[str, str] = {}
        self._simulation: Simulation | None = None
        self._begun = False
        self.recovered = False
        self._over = False
        self._guests: dict[str, None] = {}

    def of(self, name: str) -> Tally:
        return self.tallies.setdefault(name, Tally())

    @property
    def guests(self) -> list[Tally]:
        return [self.of(name) for name in self._guests]

    def begins(self, simulation: Simulation, _supervisor: Supervisor) -> None:
        self._simulation = simulation
        simulation._trace = self

    def observe(self, what: str, _text: str) -> None:
        self._begun = self._begun or what == "fault"
        self.recovered = self.recovered or what == "recovered"
        self._over = self._over or what == "stop"

    def started(self, address: str, machine: Machine) -> None:
        if isinstance(machine, Kernel):
            name = self._names[address] = machine.name if isinstance(machine, Guest) else DOM0
            if isinstance(machine, Guest):
                self._guests[name] = None
            machine.store_observer = self._store_observer(self.of(name))
        else:
            self._names[address] = address.rpartition("/")[2]

    def record(self, time_ns: int, actor: str, event: Event | str, effects: Sequence[Effect]) -> None:
        """As the simulation calls its trace."""
        if not self._begun or self.recovered:
            return
        tally = self.of(self._names.get(actor, actor))
        tally.turns.add(time_ns)
        if isinstance(event, Received):
            tally.messages += 1
        for each in effects:
            if (
                isinstance(each, Send)
                and each.link == XEN
                and isinstance(each.message, Hypercall | GrantRevoke)
            ):
                tally.calls += 1
                tally.calls_waited_for += each.message.sequence != 0

    def _store_observer(self, tally: Tally) -> StoreObserver:
        def see(_kind: XsType, _tx_id: int, _payload: bytes, answer: Future[bytes]) -> None:
            if self._begun and not self._over:
                tally.requests += 1
                answer.when_done(lambda: tally.answered_at.add(self._simulation.now_ns))

        return see


@dataclass(frozen=True, slots=True)
class Toll:
    """What a recovery has taken: of all guests together, dom0, the hypervisor, and the supervisor."""

    guest_requests: int
    guest_round_trips: int
    guest_calls: int
    guest_turns: int
    dom0_requests: int
    dom0_calls_waited_for: int
    dom0_turns: int
    hypervisor_messages: int
    hypervisor_turns: int
    supervisor_messages: int


def count_recovery(cluster: ResolvedCluster) -> Toll:
    """Run a cluster whose one fault is a crash of dom0."""
    count = RecoveryCount()
    run_simulated(cluster, count.observe, None, trace=False, observer=count)
    assert count.recovered, "all I/O flows again"
    guests, dom0 = count.guests, count.of(DOM0)
    return Toll(
        guest_requests=sum(each.requests for each in guests),
        guest_round_trips=sum(len(each.answered_at) for each in guests),
        guest_calls=sum(each.calls for each in guests),
        guest_turns=sum(len(each.turns) for each in guests),
        dom0_requests=dom0.requests,
        dom0_calls_waited_for=dom0.calls_waited_for,
        dom0_turns=len(dom0.turns),
        hypervisor_messages=count.of("hypervisor").messages,
        hypervisor_turns=len(count.of("hypervisor").turns),
        supervisor_messages=count.of("supervisor").messages,
    )
