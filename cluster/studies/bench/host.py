"""Figures that need a whole host: block reads, the cost of a guest, the time until I/O flows again.

Each is a live run of a small configuration in a temporary folder; what is measured is read from
the guests' journals and from the supervisor's record of the fault.
"""

import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from actors.notebook.journal_header import Word
from actors.runtime.transport import unix_pair
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import Data
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions

READ_SECONDS = 2
GUESTS = 16

STALLED = "151ms"
"""As long as a guest of a light load may be without a request, and until just after the crash."""


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


@dataclass(frozen=True, slots=True)
class Recovery:
    """A host that gets over a crash of dom0: keys of it, and how many requests a second each guest issues.

    At a light load the processors do nothing but recover. So that each guest nevertheless has a request that
    waits, and shows when it is served again, the disk stalls before the crash.
    """

    keys: Data
    rate: str = "10/s"
    stalled: bool = True

    @property
    def workload(self) -> Data:
        """As a configuration has it."""
        return {"kind": "random", "read_share": 0.5, "depth": 4, "rate": self.rate}

    @property
    def faults(self) -> list[Data]:
        """As a configuration has them."""
        crash: Data = {"kind": "crash", "target": "host0/dom0", "at": "500ms"}
        stall: Data = {"kind": "disk-stall", "target": "host0/sda", "at": "350ms", "duration": STALLED}
        return [stall, crash] if self.stalled else [crash]


RECOVERIES = {
    "renegotiate": Recovery({"reconnect": "renegotiate"}),
    "resume": Recovery({"reconnect": "resume"}),
    "loaded.renegotiate": Recovery({"reconnect": "renegotiate"}, "200/s", stalled=False),
    "loaded.resume": Recovery({"reconnect": "resume"}, "200/s", stalled=False),
}
"""With 200 requests a second from each, 32 guests keep two processors busy with their backlog."""


def random_reads(depth: int) -> Reads:
    """Reads through the whole split driver: guest, dom0 and disk in processes of their own."""
    workload: Data = {"kind": "random", "read_share": 1.0, "depth": depth, "verify": False}
    supervisor = _run(1, workload, duration=f"{READ_SECONDS}s").supervisor
    journal = next(iter(supervisor.lab.guests.values())).journals[0]
    seconds = (journal.word(Word.LAST_COMPLETION_NS) - supervisor.phases.workload_began_ns) / 1e9
    rate = (journal.word(Word.READS) - supervisor.phases.completed_at_start) / seconds
    return Reads(rate, depth / rate * 1e6)


def guest_cost() -> GuestCost:
    """Boot time and proportional memory of each further guest, out of hosts with 1 and with 16."""
    workload: Data = {"kind": "random", "rate": "20/s"}
    few, many = _run(1, workload), _run(GUESTS, workload, weigh=True)
    boot_ms = (_boot_ns(many) - _boot_ns(few)) / (GUESTS - 1) / 1e6
    return GuestCost(boot_ms, median(many.guest_memory_bytes) / 1e6)


def recovery(way: Recovery, count: int) -> float:
    """Milliseconds from SIGKILL of dom0 until each of `count` guests has had a request answered."""
    supervisor = _run(count, way.workload, keys=way.keys, faults=way.faults).supervisor
    (crash,) = (each for each in supervisor.injections if each.kind == "crash")
    if crash.recovered_at_ns is None:
        raise RuntimeError(f"{count} guests with {way.keys} did not recover")
    return (crash.recovered_at_ns - crash.injected_at_ns) / 1e6


def _boot_ns(session: Session) -> int:
    return session.supervisor.phases.workload_began_ns - session.supervisor.phases.began_ns


def spawn_floor() -> float:
    """Milliseconds to fork a process and have its first byte over a socket."""
    ours, theirs = unix_pair()
    ours.setblocking(True)
    began_ns = time.monotonic_ns()
    pid = os.fork()
    if pid == 0:
        theirs.setblocking(True)
        theirs.sendall(b"!")
        os._exit(0)
    ours.recv(1)
    ended_ns = time.monotonic_ns()
    os.waitpid(pid, 0)
    ours.close()
    theirs.close()
    return (ended_ns - began_ns) / 1e6


def _run(
    count: int,
    workload: Data,
    *,
    duration: str = "1s",
    keys: Data | None = None,
    faults: Sequence[Data] = (),
    weigh: bool = False,
) -> Session:
    with tempfile.TemporaryDirectory(prefix="domzero-bench-") as folder:
        file = Path(folder) / "bench.yaml"
        file.write_text(
            json.dumps(configuration(count, workload, duration=duration, keys=keys, faults=faults))
        )
        session = Session(
            load_cluster(file),
            SessionOptions(out=Path(folder) / "run", weigh=weigh, private=True),
            Progress(Console(quiet=True)),
        )
        session.run_live()
        return session


def configuration(
    count: int,
    workload: Data,
    *,
    duration: str = "1s",
    keys: Data | None = None,
    faults: Sequence[Data] = (),
) -> Data:
    """A host with `count` guests that all do this; `keys` of it are as they are said to be."""
    return {
        "name": "bench",
        "run": {"duration": duration, "settle": "20s"},
        "hosts": [{**_host(count, workload), **(keys or {})}],
        "faults": list(faults),
    }


def _host(count: int, workload: Data) -> Data:
    guest = {
        "name": "guest",
        "count": count,
        "memory": "32MiB",
        "disks": [{"vdev": "xvda", "size": "16MiB"}],
        "workload": workload,
    }
    return {
        "name": "host0",
        "memory": "8GiB",
        "hwdom": "restart",
        "watchdog": "10s",
        "pack": [["hypervisor", "ioapic"]],
        "disks": [{"name": "sda", "trigger": "edge"}],
        "guests": [guest],
    }
