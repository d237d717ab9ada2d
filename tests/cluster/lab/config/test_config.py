"""A configuration that is right, and what is made of it."""

import socket
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from actors.device_plan import DevicePlan
from actors.domu.guest_configuration import GuestConfiguration
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster, ResolvedFault

Load = Callable[..., ResolvedCluster]

Refuse = Callable[..., str]

CONFIGS = sorted((Path(__file__).parents[4] / "configs").glob("*.yaml"))

GUEST_DISKS = "disks: [{vdev: xvda, size: 1MiB}]"

WORK = "workload: {kind: random, depth: 4}"

FAULT = "- {kind: crash, target: host0/dom0, at: 2s}"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_configuration_that_is_shipped_loads(path: Path) -> None:
    cluster = load_cluster(path)

    assert cluster.name == path.stem
    assert cluster.hosts[0].guests


def test_counted_guests_get_numbers_and_everything_is_in_plain_units(load: Load) -> None:
    host = load().hosts[0]

    assert [guest.name for guest in host.guests] == ["web-0", "web-1"]
    assert [guest.guest_id for guest in host.guests] == [1, 2]
    first = host.guests[0]
    assert (first.memory_pages, first.max_pages, first.vcpus) == (16384, 16384, 1)
    assert (first.actions.on_crash, first.frontend) == ("destroy", "reconnect")
    (volume,) = first.volumes
    assert (volume.vdev, volume.virtual_device, volume.disk, volume.backend) == ("xvda", 51712, "sda", "dom0")
    assert (volume.index, volume.sectors, volume.read_only, volume.made) == (0, 2048, False, True)
    assert host.guests[1].volumes[0].index == 1


def test_a_guest_has_the_same_uuid_in_every_run_and_no_other_has_it(load: Load) -> None:
    first, second = (guest.handle for guest in load().hosts[0].guests)

    assert len(first) == 16
    assert first != second
    assert load().hosts[0].guests[0].handle == first


def test_the_guest_is_told_its_work_and_the_seed_on_its_command_line(load: Load) -> None:
    plan = load().with_seed(42).hosts[0].dom0_plan()

    told = GuestConfiguration.parse(plan.domains[1].cmd_line)
    assert (told.name, told.guest_id, told.seed) == ("web-1", 2, 42)
    assert told.devices == (DevicePlan("vbd", {"vdev": "xvda", "virtual_device": 51712}),)
    assert told.workload is not None
    assert told.workload.depth == 4


def test_what_follows_a_shutdown_is_xls_default_or_what_is_written(load: Load) -> None:
    written = "count: 2\n        on_reboot: preserve\n        on_soft_reset: soft-reset"
    plan = load(("count: 2", written)).hosts[0].dom0_plan()

    assert asdict(plan.domains[0].actions) == {
        "on_poweroff": "destroy",
        "on_reboot": "preserve",
        "on_watchdog": "destroy",
        "on_crash": "destroy",
        "on_soft_reset": "soft-reset",
    }


def test_disks_get_interrupts_in_their_order(load: Load) -> None:
    host = load(("- {name: sda}", "- {name: sda}\n      - {name: sdb, trigger: edge}")).hosts[0]

    assert [(each.name, each.program, each.gsi, each.trigger) for each in host.hardware] == [
        ("sda", "disk", 16, "level"),
        ("sdb", "disk", 17, "edge"),
    ]


def test_a_repeated_fault_is_kept_as_one(load: Load) -> None:
    repeated = "- {kind: crash, target: host0/web-1, at: 1s, every: 200ms, count: 5}"

    assert load((FAULT, repeated)).faults == [
        ResolvedFault("crash", ("host0/web-1",), 1_000_000_000, 200_000_000, 5, number=1)
    ]


def test_the_store_domain_can_be_a_target(load: Load) -> None:
    cluster = load(("    memory: 1GiB", "    memory: 1GiB\n    xenstore: stubdom"), ("dom0,", "xenstore,"))

    assert cluster.faults[0].targets == ("host0/xenstore",)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("dom0", ("dom0", "lose")),
        ("{restart: persist}", ("dom0", "persist")),
        ("{domain: stubdom, restart: live-update}", ("stubdom", "live-update")),
    ],
)
def test_where_xenstored_lives_and_what_it_keeps(load: Load, written: str, found: tuple[str, str]) -> None:
    kill = "- {kind: xenstored-kill, target: host0/xenstored, at: 1s}"
    cluster = load(("    memory: 1GiB", f"    memory: 1GiB\n    xenstore: {written}"), (FAULT, kill))

    chosen = cluster.hosts[0].architecture
    assert (chosen.store, chosen.store_restart) == found
    assert cluster.faults[0].targets == ("host0/xenstored",)


def test_loading_starts_nothing_and_writes_nothing(load: Load, tmp_path: Path) -> None:
    threads = threading.active_count()
    load()

    assert threading.active_count() == threads
    assert [each.name for each in tmp_path.iterdir()] == ["test.yaml"]


def test_a_port_in_use_is_not_the_business_of_the_file(load: Load) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert load(("memory: 1GiB", f"metrics_port: {port}")).hosts[0].metrics_port == port


def test_a_guest_without_disks_needs_no_work(load: Load) -> None:
    cluster = load((GUEST_DISKS, "vcpus: 1"), (f"        {WORK}\n", ""))

    assert cluster.hosts[0].guests[0].workload is None


def test_links_are_the_hypervisors_unless_a_host_asks_for_direct_ones(load, refuse) -> None:
    host = "    memory: 1GiB\n    disks"

    (plain,), (asked,) = (load().hosts, load((host, f"    links: direct\n{host}")).hosts)

    assert "direct_links" not in plain.hypervisor_argument()
    assert asked.hypervisor_argument()["direct_links"] is True
    assert "hypervisor" in refuse((host, f"    links: indirect\n{host}"))
