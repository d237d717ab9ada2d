"""What `domzero top` shows: the domains of a cluster at two moments, and the rates between them.

Rules: a rate needs the same domain at both moments; a counter that went back (a new life) has no rate yet.
"""

from dataclasses import dataclass
from typing import cast

from actors.abi.types import SECTOR_SIZE

Values = dict[str, object]
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

    def __init__(self, values: Values, before: "TopSample | None" = None) -> None:
        self.values = values
        self.guests = {
            (str(each["host"]), str(each["name"])): each for each in cast("list[Values]", values["guests"])
        }
        self.domains = {
            (str(host["name"]), str(row[0])): row
            for host in cast("list[Values]", values["hosts"])
            for row in cast("list[list[object]]", host["rows"])
        }
        self.machines = cast("dict[str, Values]", values["machines"])
        self.faults = cast("list[Values]", values["faults"])
        self._before = before
        now_ns = cast("int", values["now_ns"])
        then_ns = cast("int", before.values["now_ns"]) if before is not None else now_ns
        self._seconds = (now_ns - then_ns) / 1e9

    def rows(self) -> list[Row]:
        """Every domain that runs, host by host, then the guests that do not."""
        running = [self._row(host, name, row) for (host, name), row in self.domains.items()]
        gone = [
            Row(host, name, None, "-" * len(STATES), self._disks(host, name))
            for host, name in self.guests
            if (host, name) not in self.domains
        ]
        order = list(self.machines)
        return sorted(
            running + gone, key=lambda each: (order.index(each.host), each.domid is None, each.domid or 0)
        )

    def _row(self, host: str, name: str, row: list[object]) -> Row:
        _, domid, mem_mib, vcpus, letters, seconds = row
        before = self._before.domains.get((host, name)) if self._before is not None else None
        cpu_s = cast("float", seconds)
        # Another domain id is another life: its processor time begins anew.
        spent_s = cpu_s - cast("float", before[5]) if before is not None and before[1] == domid else 0.0
        mem_kib = cast("int", mem_mib) * 1024
        return Row(
            host=host,
            name=name,
            domid=cast("int", domid),
            state="".join(each if each in str(letters) else "-" for each in STATES),
            disks=self._disks(host, name),
            cpu_s=cpu_s,
            cpu_percent=100 * self._rate(spent_s),
            mem_kib=mem_kib,
            mem_percent=100 * mem_kib / cast("int", self.machines[host]["memory_kib"]),
            vcpus=cast("int", vcpus),
        )

    def _disks(self, host: str, name: str) -> DiskRow:
        now = self.guests.get((host, name))
        if now is None:
            return DiskRow()
        then = self._before.guests.get((host, name), now) if self._before is not None else now

        def number(key: str) -> int:
            return cast("int", now[key])

        def rate(key: str) -> float:
            return self._rate(number(key) - cast("int", then[key]))

        return DiskRow(
            vbds=number("vbds"),
            in_flight=number("in_flight"),
            reads=number("reads"),
            writes=number("writes"),
            read_sectors=number("read_sectors"),
            written_sectors=number("written_sectors"),
            reads_rate=rate("reads"),
            writes_rate=rate("writes"),
            read_bytes_rate=rate("read_sectors") * SECTOR_SIZE,
            written_bytes_rate=rate("written_sectors") * SECTOR_SIZE,
            outage_s=cast("float", now["outage_s"]),
            longest_s=cast("float", now["longest_s"]),
        )

    def _rate(self, difference: float) -> float:
        return max(difference, 0.0) / self._seconds if self._seconds > 0 else 0.0
