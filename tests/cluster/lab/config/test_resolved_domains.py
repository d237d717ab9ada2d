"""Guests and driver domains with everything decided: who they are, and what others are told of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from actors.device_plan import DevicePlan
from actors.domu.workload import WorkloadSpec
from actors.policies import Frontend
from cluster.lab.config.resolved import ResolvedCluster

Load = Callable[..., ResolvedCluster]
TWO_HOSTS = """\
name: test
hosts:
  - name: left
    memory: 1GiB
    disks: [{name: sda}, {name: sdb}]
    driver_domains: [{name: storage, memory: 8MiB, disks: [sdb], on_crash: destroy}]
    guests:
      - {name: db, memory: 64MiB, store: {nodes: 3}}
      - name: web
        memory: 64MiB
        frontend: stock-linux
        disks: [{vdev: xvda, size: 1MiB}, {vdev: xvdb, size: 2MiB, backend: storage, mode: ro}]
        workload: {kind: random, read_share: 1, rate: 50/s}
  - name: right
    memory: 1GiB
    disks: [{name: sda}]
    guests:
      - name: web
        memory: 64MiB
        maxmem: 96MiB
        disks: [{vdev: xvda, size: 1MiB}]
        workload: {kind: checksum}
"""


@pytest.fixture
def cluster(load: Load) -> ResolvedCluster:
    return load(text=TWO_HOSTS)


def test_guests_of_one_name_on_two_hosts_are_two_and_are_called_by_where_they_were_created(
    cluster: ResolvedCluster,
) -> None:
    assert [(each.guest_id, each.address) for each in cluster.guests] == [
        (1, "left/db"),
        (2, "left/web"),
        (3, "right/web"),
    ]
    assert len({each.handle for each in cluster.guests}) == 3


def test_a_guest_is_told_its_work_and_its_disks_and_nobody_elses(cluster: ResolvedCluster) -> None:
    db, web, _ = (each.configuration(7, tells_states=True) for each in cluster.guests)

    assert (web.name, web.guest_id, web.seed, web.frontend) == ("web", 2, 7, Frontend.stock_linux)
    assert web.devices == (
        DevicePlan("vbd", {"vdev": "xvda", "virtual_device": 51712}),
        DevicePlan("vbd", {"vdev": "xvdb", "virtual_device": 51728}),
    )
    assert web.workload == WorkloadSpec("random", read_share=1.0, rate=50.0)
    assert (db.workload, db.devices, web.store) == (None, (), None)


def test_only_who_works_with_the_store_writes_nodes(cluster: ResolvedCluster) -> None:
    assert [each.store_nodes for each in cluster.guests] == [3, 0, 0]


@pytest.mark.parametrize(("disk", "lies"), [("sda", True), ("sdb", True), ("sdc", False)])
def test_a_guest_lies_on_the_disks_of_its_volumes(cluster: ResolvedCluster, disk: str, lies: bool) -> None:
    assert cluster.guests[1].lies_on(disk) is lies


def test_a_domain_is_planned_with_its_memory_and_its_actions(cluster: ResolvedCluster) -> None:
    (storage,) = cluster.hosts[0].driver_domains
    plan = storage.plan("told")

    assert (plan.name, plan.handle, plan.memory_pages, plan.max_pages) == (
        "storage",
        storage.handle,
        2048,
        2048,
    )
    assert (plan.cmd_line, plan.devices, plan.actions.on_crash) == ("told", (), "destroy")
    assert plan.actions.on_watchdog == "destroy", "what its on_crash says, as nothing else is written"
    assert cluster.guests[2].plan("").max_pages == 24576


def test_a_volume_says_who_serves_it_and_names_its_files(cluster: ResolvedCluster, tmp_path: Path) -> None:
    first, second = cluster.guests[1].volumes

    written = dict(first.plan(0).keys.backend)
    assert (first.name, written["mode"], written["params"]) == ("web-xvda", "w", "sda:0")
    assert (second.name, dict(second.plan(1).keys.backend)["mode"], second.plan(1).backend) == (
        "web-xvdb",
        "r",
        1,
    )
    placed = cluster.placed(tmp_path).guests[1].volumes[0]
    assert placed.argument() == {
        "name": "web-xvda",
        "path": str(tmp_path / "left-web-xvda.img"),
        "sectors": 2048,
        "read_only": False,
    }
