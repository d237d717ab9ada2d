"""What `domzero top` shows: the domains of a cluster at two moments, and the rates between them.

Rules: a rate needs the same domain at both moments; a counter that went back (a new life) has no rate yet.
"""

from dataclasses import dataclass

from actors.abi.types import SECTOR_SIZE
from cluster.running.control.watched import DomainRow, Watched

STATES = "dsbcpr"


@dataclass(frozen=True, slots=True)
class DiskRow:
    """The virtual disks of one domain. Counters are totals, rates are by second; None: it has no disk."""

    vbds: int = 0
    in_flight: int = 0
    reads: int = 0
    writes: int = 0
    read_sectors: int = 0
    written_sectors: int = 0
    reads_rate: float = 0.0
    writes_rate: float = 0.0
    read_bytes_rate: float = 0.0
    written_bytes_rate: float = 0.0
    outage_s: float | None = None
    longest_s: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One domain; `domid` is None for a guest that does not run."""

    host: str
    name: str
    domid: int | None
    state: str
    disks: DiskRow
    cpu_s: float = 0.0
    cpu_percent: float = 0.0
    mem_kib: int = 0
    mem_percent: float = 0.0
    vcpus: int = 0


class TopSample:
    """One answer of the cluster, and the one before it."""

    def __init__(self, seen: Watched, before: "TopSample | None" = None) -> None:
        self.seen = seen
        self.guests = {(each.host, each.name): each for each in seen.guests}
        self.domains = {(host.name, row.name): row for host in seen.hosts for row in host.rows}
        self._before = before
        self._seconds = (seen.now_ns - before.seen.now_ns) / 1e9 if before is not None else 0.0

    def rows(self) -> list[Row]:
        """Every domain that runs, host by host, then the guests that do not."""
        running = [self._row(host, name, row) for (host, name), row in self.domains.items()]
        gone = [
            Row(host, name, None, "-" * len(STATES), self._disks(host, name))
            for host, name in self.guests
            if (host, name) not in self.domains
        ]
        order = list(self.seen.machines)
        return sorted(
            running + gone, key=lambda each: (order.index(each.host), each.domid is None, each.domid or 0)
        )

    def _row(self, host: str, name: str, row: DomainRow) -> Row:
        before = self._before.domains.get((host, name)) if self._before is not None else None
        # Another domain id is another life: its processor time begins anew.
        spent_s = row.cpu_s - before.cpu_s if before is not None and before.domid == row.domid else 0.0
        mem_kib = row.memory_mib * 1024
        return Row(
            host=host,
            name=name,
            domid=row.domid,
            state="".join(each if each in row.letters else "-" for each in STATES),
            disks=self._disks(host, name),
            cpu_s=row.cpu_s,
            cpu_percent=100 * self._rate(spent_s),
            mem_kib=mem_kib,
            mem_percent=100 * mem_kib / self.seen.machines[host].memory_kib,
            vcpus=row.vcpus,
        )

    def _disks(self, host: str, name: str) -> DiskRow:
        now = self.guests.get((host, name))
        if now is None:
            return DiskRow()
        then = self._before.guests.get((host, name), now) if self._before is not None else now
        return DiskRow(
            vbds=now.vbds,
            in_flight=now.in_flight,
            reads=now.reads,
            writes=now.writes,
            read_sectors=now.read_sectors,
            written_sectors=now.written_sectors,
            reads_rate=self._rate(now.reads - then.reads),
            writes_rate=self._rate(now.writes - then.writes),
            read_bytes_rate=self._rate(now.read_sectors - then.read_sectors) * SECTOR_SIZE,
            written_bytes_rate=self._rate(now.written_sectors - then.written_sectors) * SECTOR_SIZE,
            outage_s=now.outage_s,
            longest_s=now.longest_s,
        )

    def _rate(self, difference: float) -> float:
        return max(difference, 0.0) / self._seconds if self._seconds > 0 else 0.0
