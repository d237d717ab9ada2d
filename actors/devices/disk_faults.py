"""What is broken in a disk: the faults that the experimenter has put into it, and how often they struck.

Rules: a fault is known by its number and lasts until it is taken away; of several of one kind each is asked.
What is drawn follows from the seed that came with the fault.
Source: `docs/faults.md`; the atomicity of a sector at a loss of power is NVM Express's AWUPF.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from actors.abi.disk_controller import Opcode
from actors.messages import Fault

NAMES: Final = {int(Opcode.read): "read", int(Opcode.write): "write", int(Opcode.flush): "flush"}
DEFAULT_INTERVAL_NS: Final = 100_000


class _Breakage(StrEnum):
    """What can be broken in a disk, by the kind of fault that does it."""

    commands_fail = "disk-error"
    stalled = "disk-stall"
    tearing = "disk-torn-write"
    lying = "disk-lying-flush"
    interrupts_lost = "irq-lost"
    storming = "irq-storm"
    slow = "slow"


@dataclass(slots=True)
class _Active:
    """One fault that is there now."""

    what: _Breakage
    probability: float
    operations: tuple[str, ...]
    interval_ns: int
    factor: float
    random: Random

    def strikes(self) -> bool:
        """Whether it does this time."""
        return self.probability >= 1 or self.random.random() < self.probability


class DiskFaults:
    """The faults of one disk.

    `storm_ns`: when the next edge of a storm is due, None without one; `slowness`: a factor on service times.
    """

    def __init__(self) -> None:
        self._active: dict[int, _Active] = {}
        self.stalled = False
        self.lying = False
        self.slowness = 1.0
        self.storm_ns: int | None = None
        self._storm_interval_ns = 0
        self.errors = 0
        self.flushes_ignored = 0
        self.interrupts_lost = 0

    def take(self, fault: Fault, now_ns: int) -> bool:
        """A fault comes or goes; False if a disk knows no such kind, or its options make no sense."""
        if not fault.active:
            self._active.pop(fault.number, None)
        else:
            active = _parse(fault)
            if active is None:
                return False
            self._active[fault.number] = active
        self.stalled = self._any(_Breakage.stalled)
        self.lying = self._any(_Breakage.lying)
        self.slowness = math.prod(each.factor for each in self._those(_Breakage.slow))
        storms = [each.interval_ns for each in self._those(_Breakage.storming)]
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

    def fails(self, opcode: int) -> bool:
        """Whether this command is to fail."""
        name = NAMES.get(opcode, "")
        for each in self._those(_Breakage.commands_fail):
            if name in each.operations and each.strikes():
                self.errors += 1
                return True
        return False

    def loses_interrupt(self) -> bool:
        """Whether this interrupt is not seen."""
        for each in self._those(_Breakage.interrupts_lost):
            if each.strikes():
                self.interrupts_lost += 1
                return True
        return False

    @property
    def hides_interrupts(self) -> bool:
        """Whether a level that was not seen may stay unseen."""
        return self._any(_Breakage.interrupts_lost)

    def tearing(self) -> Random | None:
        """Where writing stops when the power goes; None if sectors are atomic, as promised."""
        return next((each.random for each in self._those(_Breakage.tearing)), None)

    def _those(self, what: _Breakage) -> list[_Active]:
        return [each for each in self._active.values() if each.what is what]

    def _any(self, what: _Breakage) -> bool:
        return bool(self._those(what))


def _parse(fault: Fault) -> _Active | None:
    options: Mapping[str, object] = fault.options
    probability = options.get("probability", 1.0)
    operations = options.get("operations", list(NAMES.values()))
    interval_ns = options.get("interval_ns", DEFAULT_INTERVAL_NS)
    factor = options.get("factor", 1.0)
    if (
        fault.kind not in set(_Breakage)
        or not isinstance(probability, float)
        or not isinstance(factor, float)
    ):
        return None
    if not isinstance(operations, list) or not isinstance(interval_ns, int) or interval_ns <= 0:
        return None
    random = Random(str(options.get("seed", fault.number)))
    return _Active(_Breakage(fault.kind), probability, tuple(operations), interval_ns, factor, random)
