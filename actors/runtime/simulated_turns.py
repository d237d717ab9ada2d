"""The turns of simulated actors: what arrives is handled, effects are performed, the turn ends.

Rules: all effects of a `handle` are performed, then an actor that returned Exit is gone. What was sent leaves
at the end of the turn, when all that the turn cost has passed; who shares the process is called then.
"""

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable

from actors.runtime.codec import Codec
from actors.runtime.intercept import Intercepts, answer
from actors.runtime.machine import (
    DeadlinePassed,
    Effect,
    Event,
    LinkClosed,
    LinkOpened,
    Machine,
    Received,
    Send,
)
from actors.runtime.simulated_actor import Entry, Frame, LinkEnd, OwnerCall, SimulatedActor
from actors.runtime.simulated_links import Latency, SimulatedLinks
from actors.runtime.trace import Tracer

Turned = Callable[[str], object]
"""Shown the address of every actor whose turn is over, before anybody gets what that has sent."""

DEADLINE_PASSED = DeadlinePassed()
STATUS_EXITED = 0
MAX_EVENTS_AT_ONE_TIME = 1_000_000


class SimulatedTurns(SimulatedLinks, ABC):
    """A world of links in which actors have turns. `nr_events` counts what they have taken."""

    def __init__(
        self,
        seed: int,
        latency: Latency,
        codec: Codec | None,
        intercept: Intercepts,
        trace: Tracer | None,
        *,
        invariants: bool,
        turned: Turned | None,
    ) -> None:
        super().__init__(seed, latency, codec)
        self.nr_events = 0
        self._intercept = dict(intercept)
        self._trace = trace
        self._invariants = invariants
        self._turned = turned
        self._events_at_this_time = 0

    @abstractmethod
    def _perform(self, actor: SimulatedActor, effect: Effect) -> bool:
        """Do something else than send; True if the actor is to end, once all effects are performed."""

    @abstractmethod
    def _end(self, actor: SimulatedActor, status: int) -> None:
        """An actor is no more."""

    def _deliver(self, actor: SimulatedActor, end: LinkEnd | None, entry: Entry) -> bool:
        """Give an actor what has arrived; False if it does not take it (gone, frozen, closed)."""
        event = entry[4]
        if not actor.alive:
            if end is not None and type(event) is LinkOpened:
                self._hang_up(end)
            return False
        if actor.frozen:
            actor.held.append(entry)
            return False
        if isinstance(event, list):  # of a link that this end has closed; others take the hot path
            return False
        assert not isinstance(event, OwnerCall), "a call has no actor"
        admitted = end is None or self._admit(actor, end, event)
        if admitted:
            self._handle(actor, event)
        return admitted

    def _admit(self, actor: SimulatedActor, end: LinkEnd, event: Event) -> bool:
        """What is to be done before an actor learns about a link; False if it does not."""
        if isinstance(event, LinkOpened):
            old = actor.links.get(end.name)
            if old is not None:
                self._hang_up(old)
                del actor.links[end.name]
                self._handle(actor, LinkClosed(end.name, "replaced by a new link"))
            actor.links[end.name] = end
            return True
        if not end.open:
            return False
        end.open = False
        del actor.links[end.name]
        return True

    def _pass_deadline(self, actor: SimulatedActor) -> bool:
        """An entry for a deadline has come; False if the machine has moved or dropped that deadline."""
        machine = actor.machine
        if actor.armed_ns != self.now_ns or machine is None:
            return False
        actor.armed_ns = None
        if actor.frozen:  # the thaw arms it again
            return False
        due_ns = machine.next_deadline_ns()
        if due_ns is None or due_ns > self.now_ns:
            self._arm(actor)
            return False
        self._handle(actor, DEADLINE_PASSED)
        return True

    def _call(self) -> None:
        """A turn with what another actor of the process has sent; what that sends leaves when it arrives."""
        arrival_ns, _, actor, end, frame = entry = self._calls.popleft()
        if not end.takes_calls(self.now_ns):
            heapq.heappush(self._heap, entry)
            return
        self._lead_ns = arrival_ns - self.now_ns
        self._take(actor, end, frame)
        if actor.alive:
            self._finish_turn(actor)
        self._lead_ns = 0

    def _take(self, actor: SimulatedActor, end: LinkEnd, frame: Frame) -> None:
        """The hot loop: what `_handle` does for one event, written out for the messages of a frame."""
        now_ns, event, trace, intercept = self.now_ns, end.received, self._trace, self._intercept
        tap, charge, links, touched = actor.tap, actor.charge, actor.links, actor.touched
        machine = actor.machine
        assert machine is not None, "it is alive"
        self.nr_events += len(frame)
        self._events_at_this_time += len(frame)
        assert self._events_at_this_time < MAX_EVENTS_AT_ONE_TIME, f"time stands still: {actor.address}"
        for message in frame:
            kind = type(message)
            event.message = message
            try:
                if tap is not None or kind in intercept:
                    effects = self._show(actor, machine, event)
                else:
                    effects = machine.handle(event, now_ns)
            except Exception as error:
                self._accuse(actor, event, error)
                raise
            if trace is not None:
                trace.record(now_ns, actor.address, event, effects)
            if charge is not None and kind in charge.messages:
                actor.take(kind, charge, now_ns)
            exiting = False
            for effect in effects:
                if type(effect) is Send:
                    way = links.get(effect.link)
                    if way is not None:
                        if not way.outbox:
                            touched.append(way)
                        way.outbox.append(effect.message)
                else:
                    exiting |= self._perform(actor, effect)
            if exiting and actor.alive:
                self._end(actor, STATUS_EXITED)
            if not end.open:  # as all are of one that is no more
                return

    def _handle(self, actor: SimulatedActor, event: Event) -> None:
        machine = actor.machine
        assert machine is not None, "it is alive"
        self.nr_events += 1
        self._events_at_this_time += 1
        assert self._events_at_this_time < MAX_EVENTS_AT_ONE_TIME, f"time stands still: {actor.address}"
        try:
            effects = machine.handle(event, self.now_ns)
        except Exception as error:
            self._accuse(actor, event, error)
            raise
        if self._trace is not None:
            self._trace.record(self.now_ns, actor.address, event, effects)
        self._perform_all(actor, effects)

    def _show(self, actor: SimulatedActor, machine: Machine, event: Received) -> list[Effect]:
        """Let those who look on see a message; what the driver answers is not for the machine."""
        if actor.tap is not None:
            actor.tap(event.message)
        intercept = self._intercept.get(type(event.message))
        if intercept is not None:
            return answer(intercept, event, machine)
        return machine.handle(event, self.now_ns)

    def _accuse(self, actor: SimulatedActor, event: Event, error: Exception) -> None:
        error.add_note(f"at {self.now_ns} ns {actor.address} took {event!r}"[:1000])

    def _finish_turn(self, actor: SimulatedActor) -> None:
        now_ns, machine = self.now_ns, actor.machine
        assert machine is not None, "it is alive"
        effects = machine.end_turn(now_ns)
        if self._turned is not None:
            self._turned(actor.address)
        if effects:
            if self._trace is not None:
                self._trace.record(now_ns, actor.address, "end of turn", effects)
            self._perform_all(actor, effects)
            if not actor.alive:
                return
        if self._invariants:
            actor.check(now_ns)
        if actor.touched:
            self._post(actor)
        if actor.spent_ns:
            actor.busy_until_ns = now_ns + self._lead_ns + actor.spent_ns
            actor.spent_ns = 0
        self._arm(actor)

    def _arm(self, actor: SimulatedActor) -> None:
        """Have an entry for the deadline of an actor, if there is none for as early a time."""
        if actor.machine is not None:
            due_ns, armed_ns = actor.machine.next_deadline_ns(), actor.armed_ns
            if due_ns is not None and (armed_ns is None or due_ns < armed_ns):
                time_ns = max(due_ns, self.now_ns, actor.start_ns)
                if time_ns != armed_ns:
                    actor.armed_ns = time_ns
                    self._push(time_ns, actor, None, DEADLINE_PASSED)

    def _perform_all(self, actor: SimulatedActor, effects: list[Effect]) -> None:
        exiting = False
        for effect in effects:
            if type(effect) is Send:
                end = actor.links.get(effect.link)
                if end is not None:
                    if not end.outbox:
                        actor.touched.append(end)
                    end.outbox.append(effect.message)
            else:
                exiting |= self._perform(actor, effect)
        if exiting and actor.alive:
            self._end(actor, STATUS_EXITED)
