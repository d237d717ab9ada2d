"""What hosts are measured with; how fast they are is not checked here."""

import json
from types import SimpleNamespace

import pytest

from cluster.lab.config.loading import load_cluster
from cluster.studies.bench import host
from cluster.studies.bench.host import RECOVERIES, Experiment, Recovery, guest_cost, recovery

MS = 1_000_000


@pytest.mark.parametrize("way", [*RECOVERIES.values(), Recovery({}, rate=1)], ids=[*RECOVERIES, "rare"])
def test_every_guest_has_a_request_that_waits_at_the_crash(way, tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(json.dumps(way.experiment(2).configuration()))
    faults = {each.kind: each for each in load_cluster(file).faults}
    crash_ns = faults["crash"].at_ns
    period_ns = 1_000 * MS // way.rate
    if "disk-stall" in faults:
        stall = faults["disk-stall"]
        assert stall.at_ns + period_ns < crash_ns
        assert crash_ns < stall.at_ns + stall.duration_ns <= crash_ns + 2 * MS
    else:
        assert period_ns <= 5 * MS, "or recovery is seen only when the next request is due"


@pytest.mark.parametrize("reconnect", ["renegotiate", "resume"])
def test_the_driver_domain_that_crashes_has_the_disk_of_every_guest(reconnect, tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(json.dumps(RECOVERIES[f"driver-domain.{reconnect}"].experiment(2).configuration()))
    cluster = load_cluster(file)
    (crash,) = (each for each in cluster.faults if each.kind == "crash")
    assert crash.targets == ("host0/storage",)
    assert [each.name for each in cluster.hosts[0].driver_domains] == ["storage"]
    served = [device.backend for device in cluster.hosts[0].devices]
    assert served == ["storage"] * 2


def test_guests_are_weighed_only_where_their_memory_is_the_figure(monkeypatch):
    phases = SimpleNamespace(workload_began_ns=5, began_ns=1)
    crash = SimpleNamespace(kind="crash", injected_at_ns=3 * MS, recovered_at_ns=7 * MS)
    supervisor = SimpleNamespace(phases=phases, injections=[SimpleNamespace(kind="disk-stall"), crash])
    runs = []

    def run(experiment, *, weigh=False):
        runs.append((experiment.count, weigh))
        return SimpleNamespace(supervisor=supervisor, guest_memory=[{"Pss": 4e6}])

    monkeypatch.setattr(Experiment, "run", run)
    assert recovery(RECOVERIES["resume"], 8) == 4
    assert guest_cost().memory_mb == 4
    assert runs == [(8, False), (1, False), (host.GUESTS, True)]
