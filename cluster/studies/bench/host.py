"""Figures that need a whole host: block reads, the cost of a guest, the time until I/O flows again.

Each is a live run of a small configuration in a temporary folder; what is measured is read from
the guests' journals and from the supervisor's record of the fault.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from actors.notebook.journal_header import Word
from actors.policies import Links
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import Data
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions

READ_SECONDS = 2
GUESTS = 16
STALL_AT_MS = 350
SOON_MS = 50
SPARED_AT_MS = 1500
"""When there is a spare of dom0, which is made once that has run for half a second."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A host with `count` guests that all do this; further keys of it, and of each guest."""

    count: int
    workload: Data
    duration_ms: int = 1000
    host: Data = field(default_factory=dict)
    guest: Data = field(default_factory=dict)
    faults: tuple[Data, ...] = ()

    def configuration(self) -> Data:
        """As a file has it."""
        guest: Data = {
            "name": "guest",
            "count": self.count,
            "memory": "32MiB",
            "disks": [{"vdev": "xvda", "size": "16MiB"}],
            "workload": self.workload,
            **self.guest,
        }
        host: Data = {
            "name": "host0",
            "memory": "8GiB",
            "hwdom": "restart",
            "watchdog": "10s",
            "pack": [["hypervisor", "ioapic"]],
            "disks": [{"name": "sda", "trigger": "edge"}],
            "guests": [guest],
            **self.host,
        }
        return {
            "name": "bench",
            "run": {"duration": f"{self.duration_ms}ms", "settle": "20s"},
            "hosts": [host],
            "faults": list(self.faults),
        }

    def run(self, *, weigh: bool = False, when_up: Callable[[Session], None] = lambda _: None) -> Session:
        """Run it to its end; `weigh` the guests when they stop, and call this when they begin to work."""
        with tempfile.TemporaryDirectory(prefix="domzero-bench-") as folder:
            file = Path(folder) / "bench.yaml"
            file.write_text(json.dumps(self.configuration()))
            options = SessionOptions(out=Path(folder) / "run", weigh=weigh, private=True)
            session = Session(load_cluster(file), options, Progress.silent())
            session.when_up = lambda: when_up(session)
            try:
                session.run_live()
            except BaseExceptionGroup as group:  # as trio's nurseries hand on a Ctrl-C
                if group.subgroup(KeyboardInterrupt) is not None:
                    raise KeyboardInterrupt from None
                raise
            return session


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a host gets over a crash of `crashed`: keys of it and of each guest, requests a second of each.

    At a light load the processors do nothing but recover. So that each guest nevertheless has a request that
    waits, and shows when it is served again, the disk then stalls before the crash, from `stall_at_ms` on.
    """

    keys: Data
    rate: int = 10
    is_light: bool = True
    stall_at_ms: int = STALL_AT_MS
    crashed: str = "dom0"
    guest: Data = field(default_factory=dict)

    def experiment(self, count: int, *, host: Data | None = None, guest: Data | None = None) -> Experiment:
        """With so many guests."""
        workload: Data = {"kind": "random", "read_share": 0.5, "depth": 4, "rate": f"{self.rate}/s"}
        stalled_ms = 1000 // self.rate + SOON_MS
        crash_ms = self.stall_at_ms + stalled_ms
        # Until just after the crash, or those that wait would be answered.
        stall = _fault("disk-stall", "host0/sda", self.stall_at_ms) | {"duration": f"{stalled_ms + 1}ms"}
        crash = _fault("crash", f"host0/{self.crashed}", crash_ms)
        return Experiment(
            count,
            workload,
            duration_ms=crash_ms + 500,
            host={**self.keys, **(host or {})},
            guest={**self.guest, **(guest or {})},
            faults=(stall, crash) if self.is_light else (crash,),
        )


def _driver_domain(reconnect: str) -> Recovery:
    """A driver domain that has the disk is what crashes; dom0 and the store live."""
    storage: Data = {"name": "storage", "memory": "32MiB", "disks": ["sda"], "on_crash": "restart"}
    disk: Data = {"vdev": "xvda", "size": "16MiB", "backend": "storage"}
    keys: Data = {"architecture": "driver-domains", "reconnect": reconnect, "driver_domains": [storage]}
    return Recovery(keys, crashed="storage", guest={"disks": [disk]})


RECOVERIES = {
    "renegotiate": Recovery({"reconnect": "renegotiate"}),
    "resume": Recovery({"reconnect": "resume"}),
    "spare": Recovery({"architecture": "warm-spare"}, stall_at_ms=SPARED_AT_MS),
    "driver-domain.renegotiate": _driver_domain("renegotiate"),
    "driver-domain.resume": _driver_domain("resume"),
    "loaded.renegotiate": Recovery({"reconnect": "renegotiate"}, rate=200, is_light=False),
    "loaded.resume": Recovery({"reconnect": "resume"}, rate=200, is_light=False),
}
"""A row for each `recovery.*`. With 200 requests a second from each, 32 guests keep two processors busy."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Random reads of 4 KiB: how many a second, and how long one took on average."""

    rate: float
    latency_us: float


@dataclass(frozen=True, slots=True)
class GuestCost:
    """What one further guest costs."""

    boot_ms: float
    memory_mb: float


def random_reads(depth: int, links: Links = Links.hypervisor) -> Reads:
    """Reads through the whole split driver: guest, dom0 and disk in processes of their own."""
    workload: Data = {"kind": "random", "read_share": 1.0, "depth": depth, "verify": False}
    host: Data = {"links": links.value}
    supervisor = Experiment(1, workload, READ_SECONDS * 1000, host=host).run().supervisor
    journal = next(iter(supervisor.lab.guests.values())).journals[0]
    seconds = (journal.word(Word.LAST_COMPLETION_NS) - supervisor.phases.workload_began_ns) / 1e9
    rate = (journal.word(Word.READS) - supervisor.phases.completed_at_start) / seconds
    return Reads(rate, depth / rate * 1e6)


def guest_cost() -> GuestCost:
    """Boot time and proportional memory of each further guest, out of hosts with 1 and with 16."""
    work: Data = {"kind": "random", "rate": "20/s"}
    few, many = Experiment(1, work).run(), Experiment(GUESTS, work).run(weigh=True)
    boot = (boot_ms(many) - boot_ms(few)) / (GUESTS - 1)
    return GuestCost(boot, median(each["Pss"] for each in many.guest_memory) / 1e6)


def recovery(way: Recovery, count: int) -> float:
    """Milliseconds from SIGKILL of what crashes until each of `count` guests has had a request answered."""
    return recovery_ms(way.experiment(count).run())


def boot_ms(session: Session) -> float:
    """Milliseconds from power-on until all guests work."""
    phases = session.supervisor.phases
    return (phases.workload_began_ns - phases.began_ns) / 1e6


def recovery_ms(session: Session) -> float:
    """Milliseconds from the crash until each guest has been answered. RuntimeError if one was not."""
    crash = session.supervisor.injections[-1]
    if crash.recovered_at_ns is None:
        raise RuntimeError(f"{len(session.supervisor.lab.guests)} guests did not recover")
    return (crash.recovered_at_ns - crash.injected_at_ns) / 1e6


def _fault(kind: str, target: str, at_ms: int) -> Data:
    return {"kind": kind, "target": target, "at": f"{at_ms}ms"}
