"""What is broken in a device: the faults that the experimenter has put into it, and how often they struck.

Rules: a fault is known by its number and lasts until it is taken away; of several of one kind each is asked.
What is drawn follows from the seed that came with the fault.
Source: `docs/faults.md`.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from actors.messages import Fault
from actors.runtime.machine import Log

DEFAULT_INTERVAL_NS: Final = 100_000


class AnyDevice(StrEnum):
    """What can be broken in any device that has a driver, by the kind of fault that does it."""

    interrupts_lost = "irq-lost"
    storming = "irq-storm"
    slow = "slow"


@dataclass(slots=True)
class ActiveFault:
    """One fault that is there now; `options` are those that not every device has."""

    kind: str
    probability: float
    interval_ns: int
    factor: float
    random: Random
    options: Mapping[str, object]

    def strikes(self) -> bool:
        """Whether it does this time."""
        return self.probability >= 1 or self.random.random() < self.probability


class DeviceFaults:
    """The faults of one device, which knows those of these kinds.

    `storm_ns`: when the next edge of a storm is due, None without one; `slowness`: a factor on its times.
    """

    def __init__(self, kinds: Collection[str]) -> None:
        self._kinds = frozenset(kinds)
        self._active: dict[int, ActiveFault] = {}
        self.slowness = 1.0
        self.storm_ns: int | None = None
        self._storm_interval_ns = 0
        self.interrupts_lost = 0

    def take(self, fault: Fault, now_ns: int) -> bool:
        """A fault comes or goes; False if the device knows no such kind, or its options make no sense."""
        if not fault.active:
            self._active.pop(fault.number, None)
        else:
            active = _parse(fault)
            if active is None or fault.kind not in self._kinds:
                return False
            self._active[fault.number] = active
        self.slowness = math.prod(each.factor for each in self.those(AnyDevice.slow))
        storms = [each.interval_ns for each in self.those(AnyDevice.storming)]
        self._storm_interval_ns = min(storms, default=0)
        self.storm_ns = now_ns if storms else None
        return True

    @property
    def storming(self) -> bool:
        """Whether the interrupt line is driven without a cause."""
        return self.storm_ns is not None

    def next_storm(self, now_ns: int) -> None:
        """An edge of the storm was sent."""
        self.storm_ns = now_ns + self._storm_interval_ns

    def loses_interrupt(self) -> bool:
        """Whether this interrupt is not seen."""
        for each in self.those(AnyDevice.interrupts_lost):
            if each.strikes():
                self.interrupts_lost += 1
                return True
        return False

    @property
    def hides_interrupts(self) -> bool:
        """Whether a level that was not seen may stay unseen."""
        return self.has(AnyDevice.interrupts_lost)

    def those(self, kind: str) -> list[ActiveFault]:
        """The faults of one kind that are there."""
        return [each for each in self._active.values() if each.kind == kind]

    def has(self, kind: str) -> bool:
        """Whether there is one of this kind."""
        return bool(self.those(kind))


def said_of(fault: Fault) -> Log:
    """What a device says of a fault that it has taken."""
    return Log(f"fault {fault.number}: {fault.kind} {'begins' if fault.active else 'is over'}")


def _parse(fault: Fault) -> ActiveFault | None:
    options: Mapping[str, object] = fault.options
    probability = options.get("probability", 1.0)
    interval_ns = options.get("interval_ns", DEFAULT_INTERVAL_NS)
    factor = options.get("factor", 1.0)
    if not isinstance(probability, float) or not isinstance(factor, float):
        return None
    if not isinstance(interval_ns, int) or interval_ns <= 0:
        return None
    random = Random(str(options.get("seed", fault.number)))
    return ActiveFault(fault.kind, probability, interval_ns, factor, random, options)
