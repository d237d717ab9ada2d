"""By what talks go, and so which faults of the network reach them."""

from collections.abc import Callable

import pytest

from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.experiment.breaking.talk_paths import TalkPaths
from cluster.lab.faults.kinds import FAULT_KINDS

TEXT = """\
name: talking
run: {duration: 1s}
hosts:
  - name: host0
    memory: 1GiB
    nics: [{name: eth0}, {name: eth1}, {name: eth2, bridge: xenbr1}]
    driver_domains: [{name: net, memory: 16MiB, nics: [eth0, eth1]}]
    guests:
      - name: db
        memory: 64MiB
        networks: [{backend: net}]
        talks: [{kind: udp, serve: true}]
      - name: near
        memory: 64MiB
        networks: [{backend: net}]
        talks: [{kind: ping, to: db}, {kind: ping, to: 192.0.2.1}]
      - name: behind
        memory: 64MiB
        networks: [{bridge: xenbr1}]
        talks: [{kind: udp, to: db}]
  - name: host1
    memory: 1GiB
    nics: [{name: eth0}]
    guests:
      - name: far
        memory: 64MiB
        networks: [{}]
        talks: [{kind: ping, to: host0/db}]
"""
LOCAL, OUTSIDE, ACROSS, FAR = "near 0", "near 1", "behind 0", "far 0"


@pytest.fixture
def reached(load: Callable[..., ResolvedCluster]) -> Callable[[str, str, str], set[str]]:
    cluster = load(text=TEXT)
    names = {each.guest_id: each.name for each in cluster.guests}
    paths = TalkPaths(cluster.hosts)

    def find(kind: str, host: str, target: str) -> set[str]:
        found = paths.reached(FAULT_KINDS[kind], host, target)
        assert len(found) == len(set(found))
        return {f"{names[guest]} {talk}" for guest, talk in found}

    return find


@pytest.mark.parametrize(
    ("kind", "host", "target", "talks"),
    [
        ("nic-hang", "host0", "eth0", {OUTSIDE, ACROSS, FAR}),
        ("nic-link-down", "host0", "eth1", {OUTSIDE, ACROSS, FAR}),
        ("nic-dma-stop", "host0", "eth2", {ACROSS}),
        ("irq-lost", "host1", "eth0", {FAR}),
        ("slow", "host1", "eth0", {FAR}),
        ("frame-corrupt", "host0", "eth2:switch", {ACROSS}),
        ("link-partition", "host1", "switch:eth0", {FAR}),
        ("link-drop", "host0", "eth0:net", {OUTSIDE, ACROSS, FAR}),
        ("switch-partition", "host1", "", {FAR}),
        ("switch-stall", "host0", "", {OUTSIDE, ACROSS, FAR}),
        ("crash", "host0", "net", {LOCAL, OUTSIDE, ACROSS, FAR}),
        ("slow", "host0", "net", {LOCAL, OUTSIDE, ACROSS, FAR}),
        ("netback-stop", "host0", "db/vif0", {LOCAL, ACROSS, FAR}),
        ("netback-restart", "host0", "near/vif0", {LOCAL, OUTSIDE}),
        ("crash", "host0", "dom0", set()),
        ("crash", "host0", "db", set()),
        ("link-heal", "host0", "eth0:switch", set()),
    ],
)
def test_a_fault_reaches_the_talks_whose_packets_go_by_what_it_breaks(
    reached: Callable[[str, str, str], set[str]], kind: str, host: str, target: str, talks: set[str]
) -> None:
    assert reached(kind, host, target) == talks
