"""CPU time and memory of the actors' processes, as the kernel beneath counts them.

Rules: counters go on when an actor gets another process; what the last one used after it was looked at
last is lost. Source: proc(5), /proc/PID/stat.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used and uses."""

    cpu_s: float
    resident_bytes: int


def usage(pid: int | None) -> Usage:
    """Of one process; nothing if there is none (any more)."""
    if pid is None:
        return Usage(0.0, 0)
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return Usage(0.0, 0)
    return Usage((int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * PAGE)


class ProcessTimes:
    """Follows processes by name. `find` gives the process ids of now."""

    def __init__(self, find: Callable[[], dict[str, int]]) -> None:
        self._find = find
        self._pids: dict[str, int] = {}
        self._last: dict[str, float] = {}
        self._before: dict[str, float] = {}

    def look(self) -> dict[str, Usage]:
        """Everybody who has ever run, with CPU time over all processes; the dead have no memory."""
        found: dict[str, Usage] = {name: Usage(seconds, 0) for name, seconds in self._last.items()}
        for name, pid in self._find().items():
            now = usage(pid)
            if self._pids.get(name) != pid:
                self._pids[name] = pid
                self._before[name] = self._last.get(name, 0.0)
            total = max(self._before[name] + now.cpu_s, self._last.get(name, 0.0))
            self._last[name] = total
            found[name] = Usage(total, now.resident_bytes)
        return found
