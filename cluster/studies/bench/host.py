"""Figures that need a whole host: block reads, the cost of a guest, the time until I/O flows again.

Each is a live run of a small configuration in a temporary folder; what is measured is read from
the guests' journals and from the supervisor's record of the fault.
"""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from actors.notebook.journal_header import Word
from actors.runtime.transport import unix_pair
from cluster.lab.config.loading import load_cluster
from cluster.running.run.progress import Progress
from cluster.running.run.session import Session, SessionOptions

READ_SECONDS = 2
GUESTS = 16

_HOST = """\
name: bench
run: {{duration: {duration}, settle: 20s}}
hosts:
  - name: host0
    memory: 8GiB
    hwdom: restart
    reconnect: {reconnect}
    watchdog: 10s
    pack: [[hypervisor, ioapic]]
    disks: [{{name: sda, trigger: {trigger}}}]
    guests:
      - name: guest
        count: {count}
        memory: 32MiB
        disks: [{{vdev: xvda, size: 16MiB}}]
        workload: {workload}
faults: {faults}
"""


@dataclass(frozen=True, slots=True)
class Reads:
    """Random reads of 4 KiB: how many a second, and how long one took on average."""

    rate: float
    latency_us: float


@dataclass(frozen=True, slots=True)
class GuestCost:
    """What one further guest costs; a bare fork beside it."""

    boot_ms: float
    fork_ms: float
    memory_mb: float


def random_reads(depth: int) -> Reads:
    """Reads through the whole split driver: guest, dom0 and disk in processes of their own."""
    workload = f"{{kind: random, read_share: 1.0, depth: {depth}, verify: false}}"
    supervisor = _run(1, workload, duration=f"{READ_SECONDS}s").supervisor
    journal = next(iter(supervisor.guests.values())).journals[0]
    seconds = (journal.word(Word.LAST_COMPLETION_NS) - supervisor.phases.workload_began_ns) / 1e9
    rate = (journal.word(Word.READS) - supervisor.phases.completed_at_start) / seconds
    return Reads(rate, depth / rate * 1e6)


def guest_cost() -> GuestCost:
    """Boot time and proportional memory of each further guest, out of hosts with 1 and with 16."""
    workload = "{kind: random, rate: 20/s}"
    few, many = _run(1, workload), _run(GUESTS, workload)
    boot_ms = (_boot_ns(many) - _boot_ns(few)) / (GUESTS - 1) / 1e6
    return GuestCost(boot_ms, spawn_floor(), median(each["Pss"] for each in many.guest_memory) / 1e6)


def recovery(policy: str, count: int) -> float:
    """Milliseconds from SIGKILL of dom0 until each of `count` guests has had a request answered."""
    workload = "{kind: random, read_share: 0.5, depth: 4, rate: 200/s}"
    faults = "[{kind: crash, target: host0/dom0, at: 500ms}]"
    supervisor = _run(count, workload, reconnect=policy, faults=faults).supervisor
    (injection,) = supervisor.injections
    if injection.recovered_at_ns is None:
        raise RuntimeError(f"{count} guests with {policy} did not recover")
    return (injection.recovered_at_ns - injection.injected_at_ns) / 1e6


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
    count: int, workload: str, *, duration: str = "1s", reconnect: str = "renegotiate", faults: str = "[]"
) -> Session:
    with tempfile.TemporaryDirectory(prefix="domzero-bench-") as folder:
        file = Path(folder) / "bench.yaml"
        file.write_text(
            _HOST.format(
                duration=duration,
                reconnect=reconnect,
                count=count,
                workload=workload,
                faults=faults,
                trigger="edge",
            )
        )
        session = Session(
            load_cluster(file),
            SessionOptions(out=Path(folder) / "run", weigh=True, private=True),
            Progress(Console(quiet=True)),
        )
        session.run_live()
        return session
