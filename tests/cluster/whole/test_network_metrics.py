"""What Prometheus reads of a whole host whose guests talk, while dom0 is killed and comes back."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from actors.devices.switch_statistics import DROPS
from actors.inet.states import State
from actors.network.bridge import REASONS
from actors.runtime.simulation import Simulation
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.schema import MetricsSchema
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.drivers.simulated import RunObserver, run_simulated
from cluster.running.metrics.catalog import ALL_GUESTS
from cluster.running.metrics.host_metrics import HostCollector
from cluster.running.run.run_directory import RunDirectory
from tests.cluster.whole.test_metrics import check_text, value

STREAM = {"kind": "stream", "to": "host0/db-0", "bandwidth": "4Mbit", "block": "4KiB"}
HOST = {
    "memory": "256MiB",
    "dom0": {"memory": "64MiB"},
    "disks": [{"name": "sda"}],
    "nics": [{"name": "eth0"}],
}
GUEST = {"memory": "16MiB", "networks": [{}]}
HOSTS = [
    {"name": "host0", **HOST, "guests": [
        {"name": "db-0", **GUEST, "talks": [{"kind": "stream", "serve": True}]},
        {"name": "web-0", **GUEST, "talks": [STREAM]},
    ]},
    {"name": "host1", **HOST, "guests": [{"name": "far-0", **GUEST, "talks": [STREAM]}]},
]  # fmt: skip
CONFIGURATION = {
    "name": "talking",
    "run": {"duration": "3s", "settle": "10s"},
    "metrics": {"interval": "200ms"},
    "faults": [{"kind": "crash", "target": "host0/dom0", "at": "1s"}],
    "hosts": HOSTS,
}


class Scraper(RunObserver):
    """Scrapes each host every 250 ms; `texts` has what it said last while guests worked.

    `shared` is the first host where guests share their series.
    """

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    def begins(self, simulation: Simulation, supervisor: Supervisor) -> None:
        self._simulation, self._supervisor = simulation, supervisor
        lab = supervisor.lab
        self._collectors = {each: HostCollector(supervisor, each, lambda: 0) for each in lab.boards}
        own, lab.cluster = lab.cluster, replace(lab.cluster, metrics=MetricsSchema(guests="sum"))
        self._collectors["shared"] = HostCollector(supervisor, "host0", lambda: 0)
        lab.cluster = own
        self._scrape()

    def _scrape(self) -> None:
        if self._supervisor.phase == "workload":
            self.texts = {name: each.text() for name, each in self._collectors.items()}
        self._simulation.call_at(self._simulation.now_ns + 250_000_000, self._scrape)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("talking")
    path: Path = folder / "talking.yaml"
    path.write_text(yaml.safe_dump(CONFIGURATION))
    directory = RunDirectory.create("talking", folder / "run").path
    placed = load_cluster(path).placed(directory / "images")
    scraper = Scraper()
    run_simulated(
        placed, lambda _what, _text: None, directory, trace=False, invariants=False, observer=scraper
    )
    return SimpleNamespace(**{name: check_text(text.decode()) for name, text in scraper.texts.items()})


def labels(families: dict, name: str, key: str) -> set[str]:
    return {each.labels[key] for each in families[f"domzero_{name}"].samples}


def test_what_an_interface_has_sent_outlives_its_backend(run) -> None:
    web = {"guest": "web-0", "vif": "vif0"}

    assert value(run.host0, "domzero_vif_bytes", **web, direction="sent") > 500_000
    assert value(run.host0, "domzero_vif_packets", **web, direction="received") > 50
    assert value(run.host0, "domzero_vif_reconnects", **web) == 1
    assert value(run.host0, "domzero_vif_detached_seconds", **web) > 0
    assert value(run.host0, "domzero_vif_info", **web, backend="dom0") == 1


def test_the_stack_of_a_guest_tells_of_its_connections(run) -> None:
    web = {"guest": "web-0", "vif": "vif0"}

    assert value(run.host0, "domzero_tcp_segments", **web, direction="out") > 100
    assert value(run.host0, "domzero_tcp_retransmits", **web, reason="all") > 0
    assert value(run.host0, "domzero_tcp_resets", **web, direction="in") == 0
    assert labels(run.host0, "tcp_connections", "state") == {each.value for each in State}


def test_a_port_of_a_bridge_has_the_name_of_what_is_behind_it_and_no_domain_id(run) -> None:
    assert labels(run.host0, "bridge_frames", "port") == {"eth0", "db-0/vif0", "web-0/vif0"}
    assert labels(run.host0, "bridge_drops", "reason") == set(REASONS)
    taken = [
        value(run.host0, "domzero_bridge_bytes", port="db-0/vif0", direction=each) for each in ("in", "out")
    ]
    assert 10 * taken[0] < taken[1], "it is sent streams, and acknowledges them"
    assert value(run.host0, "domzero_bridge_frames", port="db-0/vif0", direction="out") > 100
    assert value(run.host0, "domzero_uplink_link_up", domain="dom0", bridge="xenbr0", port="eth0") == 1


def test_the_wire_between_two_hosts(run) -> None:
    for host in (run.host0, run.host1):
        assert value(host, "domzero_nic_frames", nic="eth0", direction="sent") > 10
        assert value(host, "domzero_nic_frames", nic="eth0", direction="received") > 10
    assert value(run.host0, "domzero_switch_port_frames", port="host1/eth0") > 10
    assert labels(run.host0, "switch_drops", "reason") == set(DROPS)


def test_the_switch_is_told_of_by_one_host_alone(run) -> None:
    assert run.host1["domzero_switch_frames"].samples == []
    assert value(run.host0, "domzero_switch_frames") > 20


def test_a_talk_tells_of_its_connections_bytes_and_silences(run) -> None:
    for host, guest in ((run.host0, "web-0"), (run.host1, "far-0")):
        talk = {"guest": guest, "talk": "talk0", "kind": "stream"}
        assert value(host, "domzero_talk_connections", **talk, outcome="established") == 1
        assert value(host, "domzero_talk_connections", **talk, outcome="reset") == 0
        assert value(host, "domzero_talk_connections_open", **talk) == 1
        sent, told = (
            value(host, "domzero_talk_bytes", **talk, direction=each) for each in ("sent", "receipted")
        )
        assert sent >= told > 500_000
        longest_s = value(host, "domzero_talk_longest_silence_seconds", **talk)
        assert longest_s > value(host, "domzero_talk_silence_seconds", **talk)
    assert labels(run.host0, "talk_bytes", "guest") == {"web-0"}, "who only answers waits for nobody"


def test_an_interface_has_a_carrier_and_the_gateway_is_told_of_by_one_host(run) -> None:
    assert value(run.host0, "domzero_vif_carrier", guest="web-0", vif="vif0") == 1
    assert value(run.host0, "domzero_gateway_connections") == 0
    assert value(run.host0, "domzero_gateway_frames", direction="out") > 0
    assert run.host1["domzero_gateway_connections"].samples == []


def test_guests_can_share_the_series_of_their_networks(run) -> None:
    assert labels(run.shared, "vif_bytes", "guest") == {ALL_GUESTS}
    assert labels(run.shared, "tcp_segments", "guest") == {ALL_GUESTS}
    assert labels(run.shared, "talk_silence_seconds", "guest") == {ALL_GUESTS}
    assert labels(run.shared, "bridge_frames", "port") == {"eth0", f"{ALL_GUESTS}/vif0"}
