"""How long a scrape of a host with many guests takes.

`python -m cluster.studies.bench.costs.scrape [GUESTS]`

The records are synthetic (what a thousand busy guests, their backends and the hypervisor would have
said), and so no process is looked up; the endpoint, the text and the HTTP request are the real ones.
"""

import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any, TypeVar, cast

from actors.block.blkback_statistics import BlkbackStatistics
from actors.block.blkfront_statistics import BlkfrontStatistics
from actors.block.vbd import VBD
from actors.dom0.control_domain import ControlDomainStatistics
from actors.domu.guest import GuestStatistics
from actors.domu.vitals import VitalsStatistics
from actors.hypervisor.statistics import DomainStatistics, HypervisorStatistics
from actors.notebook.journal import Journal, MemoryJournal
from actors.reading_messages import Statistics
from actors.xenstore.store import StoreStatistics
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.domain_processes import DomainProcess
from cluster.lab.experiment.statistics_maps import map_of
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.metrics.host_metrics import HostCollector
from cluster.running.metrics.server import MetricsServer

T = TypeVar("T")
REPEATS = 15
REQUESTS = 200
CALLS = (
    "event_channel_op.send", "event_channel_op.alloc_unbound", "event_channel_op.close",
    "grant_table_op.setup_table", "memory_op.populate_physmap", "sched_op.shutdown", "xen_version.version",
)  # fmt: skip
CONFIGURATION = """
name: many
metrics: {{guests: {guests}}}
hosts:
  - name: host0
    memory: 16GiB
    disks: [{{name: sda}}]
    guests:
      - {{name: web, count: {count}, memory: 4MiB, disks: [{{vdev: xvda, size: 1MiB}}], workload: {{}}}}
"""


def load(count: int, guests: str) -> ResolvedCluster:
    """A host with `count` guests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.yaml"
        path.write_text(CONFIGURATION.format(count=count, guests=guests))
        return load_cluster(path)


def busy_journal(name: str) -> Journal:
    """A notebook with writes in it, one of them not answered yet."""
    journal = MemoryJournal(guest=name, guest_id=1, virtual_device=51712, volume_sectors=2048)
    journal.begin_boot()
    for index in range(REQUESTS):
        now_ns = 1_000_000 * index
        journal.record_ack(journal.record_write(0, 8, index, now_ns), now_ns + 100_000 * (index % 30 + 1))
    journal.record_write(0, 8, 0, REQUESTS * 1_000_000)
    return journal


def busy(kind: type[T], number: int, **said: object) -> T:
    """A record whose numbers are all the same, but for what is said."""
    numbers = {each.name: number for each in fields(cast(Any, kind)) if each.type in {int, "int"}}
    return kind(**{**numbers, **said})


def row(domid: int) -> DomainStatistics:
    """What the hypervisor says of a domain."""
    calls = dict.fromkeys(CALLS, 4321)
    words = {"handle": "", "state": "-b----", "life": "running", "interrupts": {}, "interrupts_ended": {}}
    return busy(DomainStatistics, 12345, domid=domid, hypercalls=calls, **words)


def fill(supervisor: Supervisor, count: int) -> None:
    """Let the supervisor hear what it would hear."""
    board = supervisor.lab.boards["host0"]
    board.state.power = "on"
    board.domains.by_domid[0] = DomainProcess(0, 1, "dom0", "host0/dom0", 0)
    backends = []
    described = supervisor.lab.cluster.guests
    for domid, (guest, of) in enumerate(zip(supervisor.lab.guests.values(), described, strict=True), 1):
        board.domains.by_domid[domid] = DomainProcess(domid, 1, guest.name, f"host0/dom{domid}", 0, of)
        guest.start(domid)
        backends.append(busy(BlkbackStatistics, 3, domid=domid, device=51712, state="Connected"))
    rows = [row(each) for each in range(count + 1)]
    store = busy(StoreStatistics, 7, operations={"read": 1})
    front = busy(BlkfrontStatistics, 4, state="Connected", oldest_issue_ns=None)
    said_by_guest = busy(
        GuestStatistics,
        4,
        vitals=busy(VitalsStatistics, 4096),
        devices={VBD.name: {"xvda": front}},
        stacks={},
        checksums={},
    )
    devices = {VBD.name: backends}
    flags = {"store_lost": False, "not_rebuilt": [], "all_shut_down": False}
    said: dict[str, object] = {
        "host0/hypervisor": busy(HypervisorStatistics, 5, hypercalls={}, domains=rows),
        "host0/dom0": busy(
            ControlDomainStatistics, 6, domains={}, devices=devices, bridges={}, store=store, **flags
        ),
        **{f"host0/dom{domid}": said_by_guest for domid in range(1, count + 1)},
    }
    for sequence, (link, record) in enumerate(said.items()):
        supervisor.lab.readings.asked[sequence] = link
        supervisor.lab.readings.take(link, Statistics(sequence, map_of(record)), 1)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page of metrics holds; each time: how long it took, of it processor time, in milliseconds."""

    series: int
    size_bytes: int
    took_ms: list[float]
    spent_ms: list[float]


def page(count: int, guests: str, repeats: int) -> Page:
    """The page of a host with `count` guests, with `metrics: {guests: ...}`."""
    cluster = load(count, guests)
    journals = {each.guest_id: [busy_journal(each.name)] for each in cluster.guests}
    supervisor = Supervisor(cluster, journals)
    fill(supervisor, count)
    server = MetricsServer(HostCollector(supervisor, "host0", time.monotonic_ns), 0, list)
    try:
        return fetched(f"http://{server.address}/metrics", repeats)
    finally:
        server.close()


def fetched(url: str, repeats: int) -> Page:
    """The page at an address, several times one after the other."""
    took_ms, spent_ms = [], []
    for _ in range(repeats):
        began_s, used_s = time.perf_counter(), time.process_time()
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 (an address of our own)
            text = answer.read()
        took_ms.append((time.perf_counter() - began_s) * 1000)
        spent_ms.append((time.process_time() - used_s) * 1000)
    return Page(sum(not line.startswith(b"#") for line in text.splitlines()), len(text), took_ms, spent_ms)


def main() -> None:
    """Pages with a series for each guest, and with their sum."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for guests in ("each", "sum"):
        found = page(count, guests, REPEATS)
        first_ms, *after_ms = found.took_ms
        print(
            f"{count} guests, metrics.guests {guests}: {found.series:,} series, "
            f"{found.size_bytes / 1e6:.1f} MB, "
            f"{median(found.spent_ms):.0f} ms of processor time, "
            f"median {median(found.took_ms):.0f} ms, first {first_ms:.0f} ms, "
            f"worst after it {max(after_ms):.0f} ms"
        )


if __name__ == "__main__":
    main()
