"""The simulated driver: every actor on one heap of (time, sequence number, ...), in virtual time.

A run is a pure function of its programs, its calls and its seed. Links keep order in each direction,
and close as in the live driver: what was sent before the close arrives first.

Rules: only the heap orders things; handling takes the virtual time that `costs` says, none without it.
What arrives at one actor at one time, with nothing of another actor between, is one turn, after which
`end_turn` is called and leaves what was sent. All effects of a `handle` are performed, then an actor that
returned Exit is gone.
"""

import heapq
from collections.abc import Callable, Mapping
from random import Random

from actors.runtime.codec import Codec
from actors.runtime.intercept import Intercepts
from actors.runtime.machine import (
    CloseLink,
    Connect,
    Disconnect,
    Disturb,
    Effect,
    Event,
    Exit,
    Freeze,
    Kill,
    Log,
    Machine,
    ProcessEnded,
    Rename,
    Slow,
    Spawn,
    Thaw,
    Work,
)
from actors.runtime.simulated_actor import Charge, OwnerCall, SimulatedActor, Tap
from actors.runtime.simulated_links import Latency, no_latency
from actors.runtime.simulated_turns import DEADLINE_PASSED, SimulatedTurns, Turned
from actors.runtime.trace import Tracer

STATUS_KILLED = 9
STEPS_PER_QUESTION = 4096

Program = Callable[[str, dict[str, object]], Machine]
SpawnDelay = Callable[[str, Random], int]
Pack = Callable[[Spawn], int | None]
Costs = Callable[[str, Machine, Random], Charge | None]
Taps = Callable[[str, Machine], Tap | None]
Renamed = Callable[[str, Machine], object]


class Simulation(SimulatedTurns):
    """A world of machines. Addresses name actors; one that has ended may be spawned again.

    `programs` makes machines for Spawn effects; `latency` and `codec` are as in SimulatedLinks. `intercept`
    is as in the live driver; `taps(address, machine)` is asked at each start who is to see what that machine
    is sent. With `invariants`, every turn ends with `check_turn`, and now and then with `check`.
    `spawn_delay(program, random)`: what a Spawn takes; `pack(spawn)`: which process it shares with others;
    `costs(address, machine, random)`: what its steps take. `renamed` is told of a machine's new address;
    `turned` is told who has had a turn.
    """

    def __init__(
        self,
        seed: int,
        *,
        programs: Mapping[str, Program] | None = None,
        latency: Latency = no_latency,
        process_ended_delay_ns: int = 0,
        spawn_delay: SpawnDelay | None = None,
        pack: Pack = lambda _spawn: None,
        costs: Costs | None = None,
        intercept: Intercepts | None = None,
        taps: Taps | None = None,
        renamed: Renamed = lambda _address, _machine: None,
        turned: Turned | None = None,
        log: Callable[[int, str, str], object] | None = None,
        codec: Codec | None = None,
        trace: Tracer | None = None,
        invariants: bool = False,
    ) -> None:
        super().__init__(seed, latency, codec, intercept or {}, trace, invariants=invariants, turned=turned)
        self._programs = dict(programs or {})
        self._process_ended_delay_ns = process_ended_delay_ns
        self._spawn_delay = spawn_delay
        self._pack = pack
        self._costs = costs
        self._taps = taps
        self._renamed = renamed
        self._log = log

    def spawn(self, address: str, machine: Machine) -> None:
        """Start an actor of the owner's."""
        self._start(address, machine, None, 0)

    def kill(self, address: str) -> None:
        """End an actor as SIGKILL does; nothing if it does not run."""
        actor = self._actors.get(address)
        if actor is not None:
            self._end(actor, STATUS_KILLED)

    def freeze(self, address: str) -> None:
        """Hold all events of an actor back, in order."""
        actor = self._actors.get(address)
        if actor is not None:
            actor.frozen = True

    def thaw(self, address: str) -> None:
        """Let a frozen actor have what was held back, now, before anything later."""
        actor = self._actors.get(address)
        if actor is not None and actor.frozen:
            actor.frozen = False
            held, actor.held = actor.held, []
            for _, sequence, _, end, event in held:  # the old numbers keep them before what came later
                heapq.heappush(self._heap, (self.now_ns, sequence, actor, end, event))
            for end in actor.links.values():
                end.last_arrival_ns = max(end.last_arrival_ns, self.now_ns)
            self._arm(actor)

    def post(self, address: str, event: Event) -> None:
        """Give an actor an event of the owner's, now."""
        actor = self._actors[address]
        self._push(max(self.now_ns, actor.start_ns), actor, None, event)

    def step(self) -> bool:
        """Do the next thing: a turn of one actor, or one call. False if there is nothing left."""
        heap = self._heap
        if not heap:
            return False
        entry = heapq.heappop(heap)
        time_ns, _, actor, end, what = entry
        if time_ns > self.now_ns:
            self.now_ns = time_ns
            self._events_at_this_time = 0
        if actor is None:
            assert isinstance(what, OwnerCall), "an event has an actor"
            what.perform()
            return True
        if actor.busy_until_ns > time_ns:  # its number keeps it before what was sent later
            heapq.heappush(heap, (actor.put_off(what, time_ns), entry[1], actor, end, what))
            return True
        handled = False
        while True:
            if type(what) is list and end is not None and end.open and not actor.frozen:
                self._take(actor, end, what)  # whoever is gone has no end that is open
                handled = True
            elif what is DEADLINE_PASSED:
                handled |= self._pass_deadline(actor)
            else:
                handled |= self._deliver(actor, end, entry)
            if not heap or heap[0][0] != time_ns or heap[0][2] is not actor:
                break
            entry = heapq.heappop(heap)
            _, _, _, end, what = entry
        if handled and actor.machine is not None:
            self._finish_turn(actor)
        while self._calls:
            self._call()
        return True

    def run_until(self, time_ns: int) -> None:
        """Do everything up to and including a time; then it is that time."""
        heap, step = self._heap, self.step
        while heap and heap[0][0] <= time_ns:
            step()
        self.now_ns = max(self.now_ns, time_ns)

    def run_while_alive(self, address: str, limit_ns: int, stop: Callable[[], bool]) -> None:
        """Go on until an actor has ended, nothing is left, the limit, or `stop()`, asked now and then."""
        actor, heap, step = self._actors[address], self._heap, self.step
        while not stop():
            for _ in range(STEPS_PER_QUESTION):
                if actor.machine is None or not heap or heap[0][0] > limit_ns:
                    return
                step()

    def _perform(self, actor: SimulatedActor, effect: Effect) -> bool:
        """Do something else than send; True if the actor is to end, once all effects are performed."""
        match effect:
            case Work():
                actor.work()
            case Log():
                if self._log is not None:
                    self._log(self.now_ns, actor.address, effect.text)
            case Exit():
                return True
            case _:
                self._post(actor)  # what was sent before is on its way when others are done something to
                self._perform_on_others(actor, effect)
        return False

    def _perform_on_others(self, actor: SimulatedActor, effect: Effect) -> None:
        match effect:
            case CloseLink():
                self._close(actor, effect.link, effect.reason)
            case Spawn():
                machine = self._programs[effect.program](effect.address, effect.argument)
                random = self.random(effect.address, f"spawn {self.now_ns}")
                delay = self._spawn_delay
                self._start(effect.address, machine, actor, delay(effect.program, random) if delay else 0)
                self._actors[effect.address].pack = self._pack(effect)
            case Connect():
                one = self._actors.get(effect.address or actor.address)
                other = self._actors.get(effect.peer_address or actor.address)
                self._connect(one, effect.link, other, effect.peer_link)
            case Disconnect():
                self._disconnect(effect)
            case Kill():
                self.kill(effect.address)
            case Freeze():
                self.freeze(effect.address)
            case Thaw():
                self.thaw(effect.address)
            case Disturb():
                self._set_rules(effect)
            case Slow():
                self._slow(effect)
            case Rename():
                self._rename(effect)
            case _:
                raise AssertionError(f"not an effect on others: {effect}")

    def _disconnect(self, effect: Disconnect) -> None:
        actor = self._actors.get(effect.address)
        if actor is not None:
            self._close(actor, effect.link, "cut off")

    def _slow(self, effect: Slow) -> None:
        actor = self._actors.get(effect.address)
        if actor is not None:
            actor.pace = effect.factor

    def _rename(self, effect: Rename) -> None:
        actor = self._actors.pop(effect.address, None)
        if actor is None or actor.machine is None:
            return
        assert effect.new_address not in self._actors, f"{effect.new_address} is running"
        actor.address = effect.new_address
        self._actors[actor.address] = actor
        self._renamed(actor.address, actor.machine)

    def _start(self, address: str, machine: Machine, spawner: SimulatedActor | None, delay_ns: int) -> None:
        assert address not in self._actors, f"{address} is running"
        actor = self._actors[address] = SimulatedActor(address, machine, spawner, self.now_ns + delay_ns)
        if self._costs is not None:
            actor.charge = self._costs(address, machine, self.random(address, f"costs {self.now_ns}"))
        if self._taps is not None:
            actor.tap = self._taps(address, machine)
        self._arm(actor)

    def _end(self, actor: SimulatedActor, status: int) -> None:
        self._post(actor)
        machine, actor.machine = actor.machine, None
        del self._actors[actor.address]
        for end in actor.links.values():
            self._hang_up(end)
        for entry in actor.held:
            self._deliver(actor, entry[3], entry)
        if machine is not None:
            machine.close()
        if actor.spawner is not None:
            ended = ProcessEnded(actor.address, status)
            self._push(self.now_ns + self._process_ended_delay_ns, actor.spawner, None, ended)
