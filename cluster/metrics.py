"""What Prometheus reads of one host: its supervisor serves it, so it outlives every domain.

Rules: base units, `_total` on counters; labels are host, guest, hypercall, kind and target, all bounded by
the configuration. The series of a dead domain stay, since journals and records outlive it.
A scrape runs in a thread of its own and only reads.
"""

from collections.abc import Callable, Iterator
from typing import cast

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from actors.domu.journal import Word
from cluster.guest_record import GuestRecord
from cluster.supervisor import Supervisor

NS = 1e9
GUEST = ("host", "guest")


class HostCollector(Collector):
    """The metrics of one host."""

    def __init__(self, supervisor: Supervisor, host: str, clock_ns: Callable[[], int]) -> None:
        self._supervisor = supervisor
        self._host = host
        self._clock_ns = clock_ns

    def registry(self) -> CollectorRegistry:
        """A registry with these metrics only."""
        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Metric]:
        """Every metric family, read now."""
        yield from self._of_host()
        yield from self._of_guests()
        yield from self._of_hypervisor()
        yield from self._of_faults()

    def _of_host(self) -> Iterator[Metric]:
        state = self._supervisor.boards[self._host].state
        info = self._supervisor.boards[self._host].host
        policy = GaugeMetricFamily(
            "domzero_host_info",
            "The policies of the host; always 1.",
            labels=["host", "hwdom", "xenstore", "reconnect"],
        )
        policy.add_metric([self._host, info.hwdom, info.xenstore, info.reconnect], 1)
        yield policy
        boots = CounterMetricFamily(
            "domzero_host_boots", "How often the machine was started.", labels=["host"]
        )
        boots.add_metric([self._host], state.boots)
        yield boots
        dom0 = CounterMetricFamily("domzero_dom0_boots", "How often a dom0 was started.", labels=["host"])
        dom0.add_metric([self._host], state.dom0_boots)
        yield dom0

    def _of_guests(self) -> Iterator[Metric]:
        guests = [each for (host, _), each in self._supervisor.guests.items() if host == self._host]
        now_ns = self._clock_ns()
        yield self._gauge(
            "up",
            "Whether the guest's domain runs (1) or not (0).",
            guests,
            lambda each: int(each.boots > 0 and not each.ended),
        )
        yield self._counter("boots", "How often the guest was started.", guests, lambda each: each.boots)
        yield self._by(
            "requests",
            "Block requests answered with success, by operation.",
            "operation",
            guests,
            {"read": Word.READS, "write": Word.WRITES, "flush": Word.FLUSHES},
        )
        yield self._by(
            "bytes",
            "Bytes moved by block requests, by direction.",
            "direction",
            guests,
            {"read": Word.READ_BYTES, "written": Word.WRITTEN_BYTES},
        )
        yield self._counter(
            "errors", "Block requests answered with an error.", guests, lambda each: _sum(each, Word.ERRORS)
        )
        yield self._counter(
            "mismatches",
            "Reads that did not return what had been acknowledged.",
            guests,
            lambda each: _sum(each, Word.MISMATCHES),
        )
        yield self._gauge(
            "requests_in_flight",
            "Block requests that wait for an answer.",
            guests,
            lambda each: each.in_flight,
        )
        yield self._gauge(
            "oldest_request_seconds",
            "Age of the oldest block request in flight.",
            guests,
            lambda each: _age(each, Word.OLDEST_ISSUE_NS, now_ns),
        )
        yield self._gauge(
            "outage_seconds",
            "Time since the last answer while there is work.",
            guests,
            lambda each: _age(each, Word.WAITING_SINCE_NS, now_ns) if each.in_flight else 0.0,
        )
        yield self._gauge(
            "outage_longest_seconds",
            "Longest time between two answers while there was work.",
            guests,
            lambda each: (
                max((journal.word(Word.LONGEST_GAP_NS) for journal in each.journals), default=0) / NS
            ),
        )

    def _of_hypervisor(self) -> Iterator[Metric]:
        values = self._supervisor.outcome.statistics.get(f"{self._host}/hypervisor", {})
        calls = CounterMetricFamily(
            "domzero_hypercalls", "Hypercalls taken, by name.", labels=["host", "hypercall"]
        )
        for name, count in sorted(cast("dict[str, int]", values.get("hypercalls", {})).items()):
            calls.add_metric([self._host, name], count)
        yield calls
        for field, text in (
            ("events_sent", "Events sent over event channels."),
            ("upcalls", "Upcalls delivered to domains."),
            ("interrupts", "Device interrupts taken."),
        ):
            family = CounterMetricFamily(f"domzero_{field}", text, labels=["host"])
            family.add_metric([self._host], cast("int", values.get(field, 0)))
            yield family

    def _of_faults(self) -> Iterator[Metric]:
        counts: dict[tuple[str, str], int] = {}
        for injection in list(self._supervisor.injections):
            if injection.host == self._host:
                key = injection.kind, injection.target
                counts[key] = counts.get(key, 0) + 1
        family = CounterMetricFamily(
            "domzero_faults_injected",
            "Faults done to this host, by kind and target.",
            labels=["host", "kind", "target"],
        )
        for (kind, target), count in counts.items():
            family.add_metric([self._host, kind, target], count)
        yield family

    def _per_guest(
        self,
        family: GaugeMetricFamily | CounterMetricFamily,
        guests: list[GuestRecord],
        value: Callable[[GuestRecord], float],
    ) -> Metric:
        for each in guests:
            family.add_metric([self._host, each.name], value(each))
        return family

    def _gauge(
        self, name: str, text: str, guests: list[GuestRecord], value: Callable[[GuestRecord], float]
    ) -> Metric:
        return self._per_guest(GaugeMetricFamily(f"domzero_guest_{name}", text, labels=GUEST), guests, value)

    def _counter(
        self, name: str, text: str, guests: list[GuestRecord], value: Callable[[GuestRecord], float]
    ) -> Metric:
        return self._per_guest(
            CounterMetricFamily(f"domzero_guest_{name}", text, labels=GUEST), guests, value
        )

    def _by(
        self, name: str, text: str, label: str, guests: list[GuestRecord], words: dict[str, Word]
    ) -> Metric:
        family = CounterMetricFamily(f"domzero_guest_{name}", text, labels=[*GUEST, label])
        for each in guests:
            for value, word in words.items():
                family.add_metric([self._host, each.name, value], _sum(each, word))
        return family


def _sum(guest: GuestRecord, word: Word) -> int:
    return sum(journal.word(word) for journal in guest.journals)


def _age(guest: GuestRecord, word: Word, now_ns: int) -> float:
    since = [journal.word(word) for journal in guest.journals]
    return max((max(now_ns - each, 0) for each in since if each), default=0) / NS
