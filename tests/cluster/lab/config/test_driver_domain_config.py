"""Driver domains in a configuration: who serves what, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from actors.domu.guest_configuration import GuestConfiguration
from actors.drivers.driver_configuration import DriverConfiguration
from actors.drivers.interrupt_line import InterruptLine
from actors.policies import Reconnect
from cluster.lab.config.fault_targets import Inventory
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.xl_disk import parse_xl_disk
from cluster.lab.experiment.breaking.reach import affected_guests
from cluster.lab.faults.aim import Aim
from cluster.lab.faults.kinds import FAULT_KINDS

Load = Callable[..., ResolvedCluster]
Refuse = Callable[..., str]
STORAGE = "- {name: storage, memory: 8MiB, disks: [sdb]}"
TWO_DISKS = f"- {{name: sda}}\n      - {{name: sdb}}\n    driver_domains:\n      {STORAGE}"
ON_STORAGE = "disks: [{vdev: xvda, size: 1MiB, backend: storage}]"
GUEST_DISKS = "disks: [{vdev: xvda, size: 1MiB}]"
SPLIT = (("- {name: sda}", TWO_DISKS), (GUEST_DISKS, ON_STORAGE))


def test_a_disk_with_a_backend_lies_on_the_first_that_this_one_drives(load: Load) -> None:
    host = load(*SPLIT).hosts[0]

    assert [(each.disk, each.backend, each.index) for each in host.volumes] == [
        ("sdb", "storage", 0),
        ("sdb", "storage", 1),
    ]
    assert (host.driven_by("dom0"), host.driven_by("storage")) == (["sda"], ["sdb"])
    assert [host.argument_of(each)["driver"] for each in host.hardware] == ["dom0", "dom1"]


def test_dom0_builds_driver_domains_first_and_drives_only_what_is_left(load: Load) -> None:
    plan = load(*SPLIT).hosts[0].dom0_plan()

    storage, web, _ = plan.domains
    assert (storage.name, storage.domid, storage.memory_pages) == ("storage", 1, 2048)
    assert storage.drives == (InterruptLine("sdb", 17, "level"),)
    actions = storage.actions
    assert (actions.on_crash, actions.on_watchdog, actions.on_reboot) == ("restart",) * 3
    told = DriverConfiguration.parse(storage.cmd_line)
    assert told == DriverConfiguration(
        "storage", {"disks": storage.drives, "nics": ()}, Reconnect.renegotiate, 2
    )
    assert web.devices[0].backend == 1
    assert plan.drives == {"disks": (InterruptLine("sda", 16, "level"),), "nics": ()}


@pytest.mark.parametrize(
    ("when", "tells"),
    [
        ("at: 2s", False),
        ("when: {domain: host0/web-0, state: started}", False),
        ("when: {vbd: host0/web-0/xvda, state: Connected}", True),
        ("when: {vbd: host0/web-0/xvda, end: backend, state: Connected}", True),
    ],
)
def test_domains_tell_of_their_devices_only_where_a_fault_waits_for_one(
    load: Load, when: str, tells: bool
) -> None:
    plan = load(*SPLIT, ("at: 2s", when)).hosts[0].dom0_plan()

    storage, *guests = plan.domains
    assert plan.tells_states is tells
    assert DriverConfiguration.parse(storage.cmd_line).tells_states is tells
    assert [GuestConfiguration.parse(each.cmd_line).tells_states for each in guests] == [tells] * 2


def test_the_domain_of_the_store_is_made_before_driver_domains(load: Load) -> None:
    host = load(*SPLIT, ("memory: 1GiB", "xenstore: stubdom")).hosts[0]

    assert host.domid_of("storage") == 2


@pytest.mark.parametrize(
    ("aim", "targets"),
    [
        (Aim.domain, {"host0/storage"}),
        (Aim.actor, {"host0/storage"}),
        (Aim.link, {"host0/storage:sdb", "host0/sdb:storage", "host0/hypervisor:storage"}),
    ],
)
def test_faults_can_be_done_to_it_and_to_its_links(load: Load, aim: Aim, targets: set[str]) -> None:
    known = set(Inventory(load(*SPLIT).hosts).targets(aim))

    assert targets <= known
    assert "host0/sdb:dom0" not in known


@pytest.mark.parametrize(
    ("kind", "target", "hwdom", "reached"),
    [
        ("crash", "storage", "restart", ["web-0", "web-1"]),
        ("irq-lost", "sdb", "restart", ["web-0", "web-1"]),
        ("link-delay", "sdb:storage", "restart", ["web-0", "web-1"]),
        ("crash", "dom0", "restart", []),
        ("slow", "dom0", "restart", []),
        ("crash", "dom0", "reboot", ["web-0", "web-1"]),
        ("hwdom-reboot", "dom0", "restart", ["web-0", "web-1"]),
        ("disk-stall", "sda", "restart", []),
    ],
)
def test_a_fault_reaches_whom_its_target_serves(
    load: Load, kind: str, target: str, hwdom: str, reached: list[str]
) -> None:
    host = load(*SPLIT, ("memory: 1GiB", f"hwdom: {hwdom}")).hosts[0]

    assert [each.name for each in affected_guests(FAULT_KINDS[kind], host, target)] == reached


WRONG = [
    (
        "nobody",
        "disks: [{vdev: xvda, size: 1MiB, backend: storag}]",
        "no driver domain 'storag'; did you mean",
    ),
    (
        "not its disk",
        "disks: [{vdev: xvda, size: 1MiB, disk: sda, backend: storage}]",
        "sda is driven by dom0, not by storage; backend: dom0, or another disk",
    ),
    (
        "not dom0's disk",
        "disks: [{vdev: xvda, size: 1MiB, disk: sdb}]",
        "sdb is driven by storage, not by dom0; backend: storage, or another disk",
    ),
]


@pytest.mark.parametrize(("disks", "said"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_disk_that_nobody_could_serve_is_refused(refuse: Refuse, disks: str, said: str) -> None:
    found = refuse(("- {name: sda}", TWO_DISKS), (GUEST_DISKS, disks))

    assert any(said in line for line in found.splitlines()), found


DRIVERS = [
    ("[sdc]", "the host has no disk 'sdc'; "),
    ("[sdb, sdb]", "storage drives sdb already; a disk has one driver"),
    ("[]", "disks: [] does not fit here; 1 or more are wanted"),
]


@pytest.mark.parametrize(("disks", "said"), DRIVERS, ids=[row[0] for row in DRIVERS])
def test_a_driver_domain_drives_disks_that_there_are_and_alone(refuse: Refuse, disks: str, said: str) -> None:
    found = refuse(("- {name: sda}", TWO_DISKS.replace("[sdb]", disks)))

    assert any(said in line for line in found.splitlines()), found


def test_a_disk_that_there_is_not_is_said_once(refuse: Refuse) -> None:
    found = refuse(("- {name: sda}", TWO_DISKS.replace("[sdb]", "[sdc]")), (GUEST_DISKS, ON_STORAGE))

    assert found.splitlines() == ["test.yaml:10: the host has no disk 'sdc'; did you mean sdb?"]


def test_a_guest_without_backend_is_refused_where_dom0_has_no_disk(refuse: Refuse) -> None:
    drivers = "- {name: sda}\n    driver_domains:\n      - {name: storage, memory: 8MiB, disks: [sda]}"
    found = refuse(("- {name: sda}", drivers))

    assert "dom0 has no disk to serve xvda from; backend: storage" in found


def test_its_name_is_its_own_and_its_memory_counts(refuse: Refuse) -> None:
    assert "the name 'web-0' is that of the driver domain of line 10" in refuse(
        ("- {name: sda}", TWO_DISKS.replace("name: storage", "name: web-0"))
    )
    assert (
        "test.yaml:10: the name 'sda' is that of the disk of line 7; another one for the driver domain"
        in (refuse(("- {name: sda}", TWO_DISKS.replace("name: storage", "name: sda"))))
    )
    assert "its domains need" in refuse(("- {name: sda}", TWO_DISKS.replace("8MiB", "2GiB")))


@pytest.mark.parametrize(
    ("said", "backend"),
    [("backend=storage", "storage"), ("backend=Domain-0", "dom0"), ("backend=", "dom0"), ("", "dom0")],
)
def test_an_xl_disk_names_its_backend(said: str, backend: str) -> None:
    text = ",".join(filter(None, ["a.img,raw,xvda,rw", said]))

    assert parse_xl_disk(text, Path("/srv"), 1).backend == backend


def test_a_guest_out_of_an_xl_file_is_served_by_the_backend_that_it_names(load: Load, tmp_path: Path) -> None:
    (tmp_path / "db.cfg").write_text(
        "name = 'db'\nmemory = 64\ndisk = ['db.img,raw,xvda,rw,backend=storage']\n"
    )
    guest = "- xl: db.cfg\n        scratch: {xvda: 1MiB}"
    text = f"""\
name: test
hosts:
  - name: host0
    disks: [{{name: sda}}, {{name: sdb}}]
    driver_domains:
      {STORAGE}
    guests:
      {guest}
        workload: {{kind: random}}
"""
    (volume,) = load(text=text).hosts[0].volumes

    assert (volume.disk, volume.backend) == ("sdb", "storage")
