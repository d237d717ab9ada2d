"""A small cluster, what is done to it, and what must come of that in either driver."""

from dataclasses import dataclass, field
from pathlib import Path

CRASH = {"kind": "crash", "target": "host0/dom0", "at": "150ms"}

WORK = {"kind": "random", "depth": 4, "read_share": 0.3, "flush_every": 16, "rate": "60/s"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is run, and what must come of it in either driver.

    `rings`: how often a frontend offered a ring; `taken_over`: how often a dom0 found a guest alive.
    """

    name: str
    host: dict[str, object] = field(default_factory=dict)
    guest: dict[str, object] = field(default_factory=dict)
    work: dict[str, object] = field(default_factory=dict)
    latency: dict[str, str] = field(default_factory=lambda: {"read": "2ms", "write": "2ms"})
    faults: tuple[dict[str, object], ...] = (CRASH,)
    hosts: int = 1
    duration: str = "300ms"
    settle: str = "10s"
    survivors: object = "all"
    processes: bool = False
    verdict: str = "held"
    survived: tuple[bool, ...] = (True, True)
    guest_boots: tuple[int, ...] = (1, 1)
    boots: tuple[int, ...] = (1,)
    dom0_boots: tuple[int, ...] = (2,)
    rings: int = 4
    taken_over: int = 2

    def configuration(self, folder: Path) -> dict[str, object]:
        guest = {
            "name": "web",
            "count": 2,
            "memory": "4MiB",
            "on_crash": "restart",
            "disks": [{"vdev": "xvda", "size": "128KiB"}],
            "workload": {**WORK, **self.work},
            **self.guest,
        }
        host = {
            "memory": "64MiB",
            "dom0": {"memory": "16MiB"},
            "watchdog": "1s",
            "disks": [{"name": "sda", "latency": self.latency}],
            "guests": [guest],
            **self.host,
        }
        return {
            "name": "small",
            "run": {"duration": self.duration, "settle": self.settle},
            "hosts": [{"name": f"host{index}", **host} for index in range(self.hosts)],
            "faults": list(self.faults),
            "expect": {"lost": 0} | ({"survivors": self.survivors} if self.survivors is not None else {}),
        }

    def expected(self) -> dict[str, object]:
        return {
            "verdict": self.verdict,
            "survived": self.survived,
            "guest_boots": self.guest_boots,
            "boots": self.boots,
            "dom0_boots": self.dom0_boots,
            "rings": self.rings,
            "taken_over": self.taken_over,
        }
