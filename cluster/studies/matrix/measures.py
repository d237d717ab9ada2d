"""What is measured of a cell, of one seed or of all together: what became of guests, how long, for how much.

Rules: measures of several seeds are those of one, added. Times are in ns.
"""

from dataclasses import dataclass, field
from typing import Final

from cluster.studies.campaign.trial import Record

PARTS: Final = ("detect", "restart", "handshake", "replay")


@dataclass(slots=True)
class Fates:
    """What became of guests and of what they asked for.

    `survived`: those that never died and work; `broken`: those that never came back, until an operator acts;
    `stuck`: the seeds after which guests could not be shut down in order, because nobody reaches them any
    more. `writes_lost`: acknowledged ones.
    """

    guests: int = 0
    survived: int = 0
    broken: int = 0
    stuck: int = 0
    errors: int = 0
    writes_lost: int = 0

    def add(self, other: Record) -> None:
        """Those of one more seed, as plain data."""
        for key, count in other.items():
            setattr(self, key, getattr(self, key) + count)

    @property
    def share(self) -> float | None:
        """Guests that survived, of all."""
        return self.survived / self.guests if self.guests else None

    @property
    def word(self) -> str:
        """All of it in one word: `lives`, `dies` (and comes back), `hangs` or `mixed`."""
        if not self.guests:
            return "unknown"
        died = self.guests - self.survived - self.broken
        counts = {"lives": self.survived, "hangs": self.broken, "dies": died}
        return next((name for name, count in counts.items() if count == self.guests), "mixed")


@dataclass(slots=True)
class Times:
    """How long it took. `outages`: the longest of each guest that came back.

    `detect`: from a fault until the hypervisor says so, `restart`: from there until its target runs again;
    `handshake`, `replay`: of each frontend, how long it had no ring, and then no answer on the new one.
    """

    outages: list[int] = field(default_factory=list)
    detect: list[int] = field(default_factory=list)
    restart: list[int] = field(default_factory=list)
    handshake: list[int] = field(default_factory=list)
    replay: list[int] = field(default_factory=list)

    def add(self, other: Record) -> None:
        """Those of one more seed, as plain data."""
        for key, times in other.items():
            getattr(self, key).extend(times)


@dataclass(slots=True)
class Work:
    """What was done, and for how much. `duration`: how long guests worked; `cpu_s`: of this machine.

    `served`: answers in each of `BINS` times from before the first fault on. `memory_pages`: of all domains
    that are no guests. `events`: of the simulation.
    """

    requests: int = 0
    duration: int = 0
    memory_pages: int = 0
    events: int = 0
    cpu_s: float = 0.0
    served: list[int] = field(default_factory=list)

    def add(self, other: Record) -> None:
        """That of one more seed, as plain data."""
        self.requests += other["requests"]
        self.duration += other["duration"]
        self.memory_pages = max(self.memory_pages, other["memory_pages"])
        self.events += other["events"]
        self.cpu_s += other["cpu_s"]
        served = other["served"]
        if served:
            before = self.served or [0] * len(served)
            self.served = [a + b for a, b in zip(before, served, strict=True)]

    @property
    def requests_per_s(self) -> float | None:
        """Requests a second of all guests; means something where they ask as fast as they can."""
        return self.requests * 1e9 / self.duration if self.duration else None
