"""What Prometheus would scrape: well-formed text, and series that outlive their domain."""

import json
import urllib.request
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.notebook.journal import MemoryJournal
from actors.notebook.journal_header import Word
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.schema import MetricsSchema
from cluster.lab.experiment.lives import Death
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.metrics.catalog import ALL_GUESTS, CATALOG
from cluster.running.metrics.family import PREFIX
from cluster.running.metrics.guest_metrics import latency_histogram
from cluster.running.metrics.host_metrics import HostCollector
from cluster.running.metrics.outage_counts import LENGTHS
from cluster.running.metrics.server import MetricsServer

MEMORY = ("committed", "free")


def check_text(text: str) -> dict[str, object]:
    """Well-formed, exactly what the catalog says, each series once; the families by name."""
    types = {
        line.split(" ")[2]: line.split(" ")[3] for line in text.splitlines() if line.startswith("# TYPE")
    }
    assert types == {each.full_name: each.kind for each in CATALOG.values()}
    families = {each.name: each for each in text_string_to_metric_families(text)}
    assert families.keys() == {f"{PREFIX}{name}" for name in CATALOG}
    for name, family in CATALOG.items():
        rows = [(each.name, tuple(sorted(each.labels.items()))) for each in families[PREFIX + name].samples]
        assert len(rows) == len(set(rows)), f"{name} has a series twice"
        for sample in families[PREFIX + name].samples:
            assert {"cluster", "host"} <= sample.labels.keys()
            assert sample.labels.keys() - {"cluster", "host", "le"} <= set(family.labels)
    return families


def value(families: dict, name: str, **labels: str) -> float:
    (found,) = [each.value for each in families[name].samples if labels.items() <= each.labels.items()]
    return found


@pytest.fixture
def with_a_dead_guest(scenarios):
    return scenarios["guest-destroy"]


def test_the_text_is_well_formed_and_complete(scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios["renegotiate-dom0-crash"], invariants=False)

    text = HostCollector(run.supervisor, "host0", lambda: 0).text().decode()
    families = check_text(text)

    assert value(families, "domzero_dom0_boots") == 2
    assert value(families, "domzero_faults_injected", kind="crash", target="dom0") == 1
    assert sum(each.value for each in families["domzero_hypercalls"].samples) > 100
    (guest, _) = run.report.guests
    operations = [
        value(families, "domzero_vbd_requests", guest="web-0", operation=each)
        for each in ("read", "write", "flush")
    ]
    assert sum(operations) == guest.completed
    memory = [value(families, f"domzero_guest_memory_{each}_bytes", guest="web-0") for each in MEMORY]
    assert sum(memory) == 4 << 20
    assert all(memory)
    assert 0 < value(families, "domzero_guest_io_wait_seconds", guest="web-0") < 1


def test_who_serves_a_disk_is_told_and_how_often_a_driver_domain_was_started(scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios["driver-domain-crash"], invariants=False)

    families = check_text(HostCollector(run.supervisor, "host0", lambda: 0).text().decode())

    assert value(families, "domzero_vbd_info", guest="web-0", vbd="xvda", backend="storage") == 1
    assert value(families, "domzero_domain_boots", domain="storage") == 2
    assert value(families, "domzero_domain_boots", domain="dom0") == 1
    assert value(families, "domzero_interrupts", domain="storage", device="sda") > 0
    assert value(families, "domzero_vbd_xenbus_state", guest="web-0", end="backend") > 0


def test_a_store_domain_that_died_and_came_back_has_been_counted(scenarios, variant, laboratory) -> None:
    killed = {"kind": "xenstored-kill", "target": "host0/xenstored", "at": "150ms"}
    run = laboratory.simulate(variant(scenarios["renegotiate-stubdom-crash"], faults=(killed,)))

    families = check_text(HostCollector(run.supervisor, "host0", lambda: 0).text().decode())

    assert value(families, "domzero_domain_boots", domain="xenstore") == 2
    assert value(families, "domzero_domain_boots", domain="dom0") == 1


def test_the_series_of_a_dead_guest_stay(with_a_dead_guest, laboratory) -> None:
    run = laboratory.simulate(with_a_dead_guest, invariants=False)

    text = HostCollector(run.supervisor, "host0", lambda: 0).text().decode()
    families = check_text(text)

    assert value(families, "domzero_guest_up", guest="web-0") == 0
    assert value(families, "domzero_vbd_requests", guest="web-0", operation="read") > 0
    assert value(families, "domzero_guest_boots", guest="web-0") == 1


DEATHS = {
    "hwdom-reboot": {"host": 2},
    "packed-reboot": {"host": 2},
    "hwdom-halt": {"host": 2},
    "guest-restart": {"crash": 1},
    "guest-destroy": {"crash": 1},
    "guest-preserve": {"crash": 1},
    "renegotiate-dom0-crash": {},
    "driver-domain-destroyed": {},
}


@pytest.mark.parametrize("name", DEATHS)
def test_a_guest_that_died_has_been_counted_whether_it_came_back_or_not(
    name: str, scenarios, laboratory
) -> None:
    run = laboratory.simulate(scenarios[name])

    families = check_text(HostCollector(run.supervisor, "host0", lambda: 0).text().decode())

    deaths = {
        (each.labels["guest"], each.labels["reason"]): each.value
        for each in families["domzero_guest_deaths"].samples
    }
    assert deaths.keys() == {(f"web-{index}", death.value) for index in (0, 1) for death in Death}
    by_reason = {each.value: sum(deaths[f"web-{index}", each.value] for index in (0, 1)) for each in Death}
    assert by_reason == {**dict.fromkeys(by_reason, 0), **DEATHS[name]}


@pytest.mark.parametrize(
    ("kind", "target", "deaths"),
    [
        ("host-power-loss", "host0", {"host": 2}),
        ("hwdom-reboot", "host0/dom0", {"host": 2}),
        ("hang", "host0/web-0", {}),
    ],
)
def test_what_a_fault_kills_is_counted_by_what_it_died_of(
    kind: str, target: str, deaths: dict[str, int], scenarios, variant, laboratory
) -> None:
    fault = {"kind": kind, "target": target, "at": "150ms"}
    run = laboratory.simulate(variant(scenarios["hwdom-reboot"], faults=(fault,), survivors=None))

    families = check_text(HostCollector(run.supervisor, "host0", lambda: 0).text().decode())

    counted: dict[str, float] = {}
    for each in families["domzero_guest_deaths"].samples:
        counted[each.labels["reason"]] = counted.get(each.labels["reason"], 0) + each.value
    assert {reason: count for reason, count in counted.items() if count} == deaths


def test_what_is_counted_is_there_before_anything_has_happened(scenarios, laboratory) -> None:
    cluster = load_cluster(laboratory.write(replace(scenarios["renegotiate-dom0-crash"], faults=())))
    journals = {
        guest.guest_id: [
            MemoryJournal(guest=guest.name, guest_id=1, virtual_device=51712, volume_sectors=256)
        ]
        for guest in cluster.hosts[0].guests
    }
    supervisor = Supervisor(cluster, journals)

    families = check_text(HostCollector(supervisor, "host0", lambda: 0).text().decode())

    counted = {
        "guest_deaths": 2 * len(Death), "guest_outages": 2 * len(LENGTHS), "guest_boots": 2, "guest_up": 2,
        "host_boots": 1, "dom0_boots": 1, "host_faults_injected": 1, "host_faults_active": 1,
        "vbd_errors": 2, "vbd_lost_writes": 2,
    }  # fmt: skip
    found = {name: [each.value for each in families[PREFIX + name].samples] for name in counted}
    assert found == {name: [0] * count for name, count in counted.items()}
    assert value(families, "domzero_guests_configured", guest="web-1") == 1


def test_faults_and_outages_are_counted_on_the_host(scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios["renegotiate-dom0-hang"], invariants=False)

    families = check_text(HostCollector(run.supervisor, "host0", lambda: 0).text().decode())

    assert value(families, "domzero_host_faults_injected") == 1
    assert value(families, "domzero_host_faults_active") == 0
    outages = {
        each.labels["length"]: each.value
        for each in families["domzero_guest_outages"].samples
        if each.labels["guest"] == "web-0"
    }
    assert outages.keys() == set(LENGTHS)
    longest_s = value(families, "domzero_guest_longest_outage_seconds", guest="web-0")
    (length,) = [each for each, count in outages.items() if count]
    assert (outages[length], length) == (1, "0.1 to 1 s" if longest_s < 1 else "1 to 5 s")


def test_a_host_shows_its_own_guests_only(scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios["two-hosts"], invariants=False)

    text = HostCollector(run.supervisor, "host1", lambda: 0).text().decode()
    families = check_text(text)

    assert {each.labels["host"] for family in families.values() for each in family.samples} == {"host1"}
    assert families["domzero_faults_injected"].samples == []


def test_guests_can_share_their_series(scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios["renegotiate-dom0-crash"], invariants=False)
    run.supervisor.cluster = replace(run.supervisor.cluster, metrics=MetricsSchema(guests="sum"))

    families = check_text(HostCollector(run.supervisor, "host0", lambda: 0).text().decode())

    labels = {each.labels.get("guest") for family in families.values() for each in family.samples}
    assert labels == {None, ALL_GUESTS}
    assert value(families, "domzero_guest_boots", guest=ALL_GUESTS) == 2
    assert value(families, "domzero_guests_configured", guest=ALL_GUESTS) == 2
    assert value(families, "domzero_guest_deaths", guest=ALL_GUESTS, reason="host") == 0
    domains = {each.labels["domain"] for each in families["domzero_domain_state"].samples}
    assert domains == {"dom0", ALL_GUESTS}


def test_a_histogram_counts_every_request(scenarios, laboratory) -> None:
    run = laboratory.simulate(scenarios["renegotiate-dom0-crash"], invariants=False)
    (journal,) = run.supervisor.guests[1].journals

    found = latency_histogram(journal)

    assert found.counts == sorted(found.counts)
    assert found.counts[-1] == journal.word(Word.COMPLETED)
    slowest = next(
        bound for bound, count in zip(found.bounds, found.counts, strict=True) if count == found.counts[-1]
    )
    assert 0 < found.sum < found.counts[-1] * slowest


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/metrics", "GET", 200),
        ("/targets", "GET", 200),
        ("/", "GET", 200),
        ("/x", "GET", 404),
        ("/metrics", "POST", 405),
    ],
)
def test_the_endpoint_answers_what_it_knows(
    path: str, method: str, status: int, scenarios, laboratory
) -> None:
    run = laboratory.simulate(scenarios["renegotiate-dom0-crash"], invariants=False)
    collector = HostCollector(run.supervisor, "host0", lambda: 0)
    server = MetricsServer(collector, 0, lambda: [{"targets": ["x"]}])
    connection = HTTPConnection(server.address, timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
        server.close()

    assert answer.status == status
    if path == "/targets":
        assert json.loads(body) == [{"targets": ["x"]}]


@pytest.mark.processes
def test_a_running_host_is_scraped_while_a_guest_is_dead(
    with_a_dead_guest, laboratory, control_sockets: Path
) -> None:
    texts: list[str] = []

    class Scraper:
        def observe(self, what: str, _text: str) -> None:
            if what == "settle":  # the supervisor waits for this: nothing moves on meanwhile
                self.scrape()

        def scrape(self) -> None:
            with urllib.request.urlopen(session.metrics.urls["host0"], timeout=30) as answer:
                assert answer.headers["Content-Type"].startswith("text/plain")
                texts.append(answer.read().decode())

        def say(self, _text: str) -> None: ...

        def watch(self, _describe: object) -> None: ...

        def stop(self) -> None: ...

    session = laboratory.session(with_a_dead_guest, Scraper())
    run = laboratory.run(session)

    assert run.facts() == with_a_dead_guest.expected(), run.story()
    families = check_text(texts[0])
    assert value(families, "domzero_guest_up", guest="web-0") == 0
    assert value(families, "domzero_guest_up", guest="web-1") == 1
    assert value(families, "domzero_vbd_requests", guest="web-0", operation="write") > 0
    assert value(families, "domzero_vbd_requests_in_flight", guest="web-1") >= 0
    assert value(families, "domzero_faults_injected", kind="crash", target="web-0") == 1
