"""The metrics of one host's guests, their devices, and the work that they do with their disks.

Rules: what counts for survival comes out of the journals, which are read at the moment of the scrape
and outlive everybody; what frontends and backends say of themselves is as old as their statistics.
"""

from collections.abc import Mapping
from typing import Final

from actors.domu.vitals import VitalsStatistics
from actors.notebook.histogram import bucket_of
from actors.notebook.journal_header import Word
from actors.notebook.journal_reader import JournalReader
from actors.runtime.units import NS_PER_S
from cluster.lab.config.resolved import ResolvedHost
from cluster.lab.config.resolved_domains import GuestId
from cluster.lab.experiment.guest_record import GuestRecord
from cluster.lab.experiment.readings import Readings
from cluster.running.metrics import catalog
from cluster.running.metrics.catalog import ALL_GUESTS
from cluster.running.metrics.device_metrics import DeviceSeries
from cluster.running.metrics.families import Families, Histogram
from cluster.running.metrics.outage_counts import outage_counts

BOUNDS: Final = (
    1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, float("inf"),
)  # fmt: skip
_EDGES: Final = [bucket_of(int(bound * NS_PER_S)) for bound in BOUNDS[:-1]]


class GuestMetrics:
    """Writes the metrics of the guests. `each`: every guest has series of its own."""

    def __init__(
        self,
        host: ResolvedHost,
        guests: Mapping[GuestId, GuestRecord],
        readings: Readings,
        *,
        each: bool,
    ) -> None:
        self._each = each
        self._readings = readings
        self._guests = [
            (
                guests[guest.guest_id],
                guest.volumes,
                [DeviceSeries(guest, device, self._label(guest.name)) for device in guest.devices],
            )
            for guest in host.guests
        ]

    def write(self, families: Families, now_ns: int) -> None:
        """All of them, as of now."""
        for guest, volumes, devices in self._guests:
            label = self._label(guest.name)
            outage_ns = guest.outage_ns(now_ns)
            for volume, journal in zip(volumes, guest.journals, strict=False):
                self._write_vbd(families, now_ns, guest.name, volume.vdev, journal)
            for device in devices:
                device.write(families, self._readings)
            families.add(catalog.GUEST_UP, int(guest.lives.is_alive), label)
            families.add(catalog.GUEST_BOOTS, guest.boots, label)
            families.add(catalog.GUEST_OUTAGE_SECONDS, outage_ns / NS_PER_S, label)
            families.add(
                catalog.GUEST_LONGEST_OUTAGE_SECONDS,
                max(guest.longest_outage_ns, outage_ns) / NS_PER_S,
                label,
            )
            vitals = self._readings.vitals.get(guest.guest_id)
            families.add_all(VitalsStatistics, vitals, label)
            self._write_lives(families, guest, label)

    def _label(self, guest: str) -> str:
        return guest if self._each else ALL_GUESTS

    def _write_lives(self, families: Families, guest: GuestRecord, label: str) -> None:
        families.add(catalog.GUESTS_CONFIGURED, 1, label)
        for death, count in guest.lives.deaths.items():
            families.add(catalog.GUEST_DEATHS, count, label, death.value)
        for journal in guest.journals:
            for length, count in outage_counts(journal).items():
                families.add(catalog.GUEST_OUTAGES, count, label, length)

    def _write_vbd(
        self, families: Families, now_ns: int, guest: str, vbd: str, journal: JournalReader
    ) -> None:
        label = self._label(guest)
        families.add_all(JournalReader, journal, label, vbd)
        oldest_ns = journal.oldest_request_ns(now_ns)
        age_s = max(now_ns - oldest_ns, 0) / NS_PER_S if oldest_ns else 0
        families.add(catalog.VBD_OLDEST_REQUEST_SECONDS, age_s, label, vbd)
        families.add_histogram(catalog.VBD_REQUEST_DURATION_SECONDS, latency_histogram(journal), label, vbd)


def latency_histogram(journal: JournalReader) -> Histogram:
    """The latencies of a journal at `BOUNDS`; a duration within 1/16 below a bound may count above it."""
    buckets = journal.latencies()
    counts: list[int] = []
    seen = start = 0
    for edge in _EDGES:
        seen += sum(buckets[start:edge])
        counts.append(seen)
        start = edge
    counts.append(seen + sum(buckets[start:]))
    return Histogram(BOUNDS, counts, journal.word(Word.LATENCY_SUM_NS) / NS_PER_S)
