"""What is to happen when, in a simulated world, and who is there.

Rules: entries are ordered by time and then by the number under which they were made, nothing else.
"""

import heapq
from collections.abc import Callable
from random import Random

from actors.runtime.machine import Machine
from actors.runtime.simulated_actor import Entry, LinkEnd, OwnerCall, SimulatedActor, What


class SimulatedWorld:
    """The heap of a simulation, its time, and its actors by address."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now_ns = 0
        self._heap: list[Entry] = []
        self._sequence = 0
        self._actors: dict[str, SimulatedActor] = {}

    def random(self, address: str, purpose: str) -> Random:
        """A stream of its own for each consumer, the same in every process for the same seed."""
        return Random(f"{self.seed}:{address}:{purpose}")

    def call_at(self, time_ns: int, call: Callable[[], object]) -> None:
        """Have something done at a time (a fault, a probe), not before now."""
        assert time_ns >= self.now_ns, "the past is over"
        self._push(time_ns, None, None, OwnerCall(call))

    def machine(self, address: str) -> Machine:
        """The machine of a running actor; KeyError if there is none."""
        machine = self._actors[address].machine
        assert machine is not None, "running actors have one"
        return machine

    @property
    def addresses(self) -> list[str]:
        """The running actors, in the order of their start."""
        return list(self._actors)

    def _push(self, time_ns: int, actor: SimulatedActor | None, end: LinkEnd | None, what: What) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (time_ns, self._sequence, actor, end, what))
