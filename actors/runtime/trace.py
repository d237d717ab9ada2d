"""What happened: one line for each (time, actor, event, effects), when switched on.

Rules: a driver that is given no trace does no more than compare with None; a line depends on its
arguments alone, so equal runs write equal bytes. What a peer sent is cut to a bounded line.
"""

import reprlib
from collections.abc import Callable, Sequence
from typing import Protocol

from actors.runtime.machine import Effect, Event

MAX_RECORD_CHARACTERS = 2000


class Tracer(Protocol):
    """Whoever is told what happens."""

    def record(self, time_ns: int, actor: str, event: Event | str, effects: Sequence[Effect]) -> None:
        """An actor took an event (or the driver did something to it, a string) with these effects."""
        ...


class Trace:
    """Writes lines (without line ends) to `write`, which may be a list's `append`."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def record(self, time_ns: int, actor: str, event: Event | str, effects: Sequence[Effect]) -> None:
        """An actor took an event (or the driver did something to it, a string) with these effects."""
        what = event if isinstance(event, str) else _text(event)
        lines = [
            f"{time_ns:>16} {actor} {what}",
            *(f"{'':>16} {actor}   -> {_text(each)}" for each in effects),
        ]
        for line in lines:
            self._write(line)


class Tracers:
    """Tells several what happens, in their order."""

    def __init__(self, *tracers: Tracer) -> None:
        self._tracers = tracers

    def record(self, time_ns: int, actor: str, event: Event | str, effects: Sequence[Effect]) -> None:
        """As every trace is called."""
        for each in self._tracers:
            each.record(time_ns, actor, event, effects)


def _text(record: object) -> str:
    try:
        text = repr(record)
    except RecursionError:  # a message may be nested deeper than repr can go
        text = reprlib.repr(record)
    return text if len(text) <= MAX_RECORD_CHARACTERS else f"{text[:MAX_RECORD_CHARACTERS]}..."
