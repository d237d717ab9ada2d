"""What a run does and allows in each of its phases; the supervisor has the table of them.

Rules: a phase is a row: nobody compares names of phases to find out what may be done in one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

WATCH_NS: Final = 5_000_000
IDLE_NS: Final = 20_000_000

Run = TypeVar("Run")


@dataclass(frozen=True, slots=True)
class Phase(Generic[Run]):
    """A part of a run. `tick` looks whether it is over, at least every `look_ns` nanoseconds.

    While it is `breakable` faults are done, and what ends unasked is a failure. While it is `measured`
    the statistics of all actors are read. When it is not `powered` no power is left to be cut.
    """

    tick: Callable[[Run], None]
    breakable: bool = False
    measured: bool = False
    powered: bool = True
    look_ns: int = WATCH_NS
