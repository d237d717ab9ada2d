"""A fault of the network is over when the talks that go by what it broke flow again, and not before."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab.config.loading import load_cluster
from cluster.lab.verdict.report import Report, build_report
from cluster.running.drivers.simulated import run_simulated

GUEST = {"memory": "4MiB"}
HOST = {"memory": "64MiB", "dom0": {"memory": "16MiB"}, "nics": [{"name": "eth0"}]}
NET = {"name": "net", "memory": "8MiB", "nics": ["eth0"]}
DB = {
    **GUEST, "name": "db", "networks": [{"backend": "net"}],
    "talks": [{"kind": "stream", "serve": True}],
}  # fmt: skip
STREAM = {"kind": "stream", "to": "host0/db", "bandwidth": "1Mbit", "block": "1KiB"}
NEAR = {**GUEST, "name": "near", "networks": [{"backend": "net"}], "talks": [STREAM]}
FAR = {**GUEST, "name": "far", "networks": [{}], "talks": [STREAM]}
CONFIGURATION = {
    "name": "broken", "run": {"duration": "1500ms", "settle": "30s"}, "switch": {"latency": "20us"},
    "hosts": [
        {**HOST, "name": "host0", "driver_domains": [NET], "guests": [DB, NEAR]},
        {**HOST, "name": "host1", "guests": [FAR]},
    ],
}  # fmt: skip
LASTS = {"at": "400ms", "duration": "300ms"}
MS = 1_000_000

Simulate = Callable[..., Report]


@pytest.fixture
def simulate(tmp_path: Path) -> Simulate:
    def run(fault: Mapping[str, object], **expect: object) -> Report:
        path = tmp_path / "broken.yaml"
        path.write_text(yaml.safe_dump({**CONFIGURATION, "faults": [dict(fault)], "expect": expect}))
        cluster = load_cluster(path)
        supervisor, read = run_simulated(cluster, lambda _what, _text: None, None, trace=False)
        return build_report(cluster, "simulated", supervisor, tmp_path, read)

    return run


def silences(data: Mapping[str, Any]) -> dict[str, int]:
    return {each["name"]: each["silence_max_ns"] for each in data["guests"]}


@pytest.mark.parametrize(
    ("kind", "target", "local"),
    [
        ("nic-hang", "host0/eth0", False),
        ("nic-link-down", "host1/eth0", False),
        ("switch-partition", "host0", False),
        ("switch-stall", "host0", False),
        ("link-partition", "host1/switch:eth0", False),
        ("link-drop", "host0/eth0:switch", False),
        ("netback-stop", "host0/near/vif0", True),
        ("netback-stop", "host0/db/vif0", True),
    ],
)
def test_it_has_recovered_when_the_talks_that_it_reaches_flow_again(
    simulate: Simulate, kind: str, target: str, *, local: bool
) -> None:
    data = simulate({"kind": kind, "target": target, **LASTS}).to_dict()

    assert data["verdict"] == "held", data["checks"]
    (fault,) = data["fault_targets"]
    assert fault["recovered_at_ns"] > fault["ended_at_ns"]
    found = silences(data)
    out = "near" if local else "far"
    assert found[out] > 250 * MS, "it was silent for as long as nothing came through"
    assert (found["near"] > 250 * MS) is local, "who is on the same bridge notices nothing of wires"
    assert fault["recovered_at_ns"] - fault["injected_at_ns"] <= found[out] + 50 * MS


def test_a_driver_domain_that_drives_only_controllers_is_waited_for(simulate: Simulate) -> None:
    data = simulate({"kind": "crash", "target": "host0/net", "at": "400ms"}).to_dict()

    assert data["verdict"] == "held", data["checks"]
    (fault,) = data["fault_targets"]
    found = silences(data)
    recovery_ns = fault["recovered_at_ns"] - fault["injected_at_ns"]
    assert abs(recovery_ns - max(found["near"], found["far"])) < 20 * MS


@pytest.mark.parametrize("interface", ["host0/near/vif0", "host0/db/vif0", "host1/far/vif0"])
def test_a_backend_that_dies_alone_is_over_with_the_next_answers(simulate: Simulate, interface: str) -> None:
    data = simulate({"kind": "netback-restart", "target": interface, "at": "400ms"}).to_dict()

    assert data["verdict"] == "held", data["checks"]
    (fault,) = data["fault_targets"]
    assert 0 < fault["recovered_at_ns"] - fault["injected_at_ns"] <= max(silences(data).values()) + 50 * MS


@pytest.mark.parametrize(("limit", "verdict"), [("2s", "held"), ("200ms", "failed")])
def test_the_outage_of_guests_without_disks_is_the_silence_of_their_talks(
    simulate: Simulate, limit: str, verdict: str
) -> None:
    report = simulate({"kind": "nic-hang", "target": "host0/eth0", **LASTS}, outage_max=limit)

    (found,) = [each for each in report.expected if each.text.startswith("outage at most")]
    assert found.verdict.value == verdict, found.text
