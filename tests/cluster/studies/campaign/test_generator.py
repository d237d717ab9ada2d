import json

import pytest

from actors.policies import Frontend
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.quantities import duration_ns
from cluster.lab.faults.kinds import FAULT_KINDS
from cluster.studies.campaign.generator import Generator, kinds


@pytest.fixture
def cluster(file):
    return load_cluster(file)


def test_a_seed_always_has_the_same_schedule_and_another_seed_another(cluster) -> None:
    schedules = [Generator(cluster).schedule(seed) for seed in range(50)]

    assert schedules == [Generator(cluster).schedule(seed) for seed in range(50)]
    assert len({json.dumps(each) for each in schedules}) == 50


@pytest.mark.parametrize("most", [5, 2])
def test_schedules_have_as_many_faults_as_the_file_says_within_the_run_by_their_times(file, most) -> None:
    tree = json.loads(file.read_text())
    tree["run"] |= {} if most == 5 else {"faults": most}
    file.write_text(json.dumps(tree))
    cluster = load_cluster(file)
    lengths = set()
    for seed in range(100):
        schedule = Generator(cluster).schedule(seed)
        lengths.add(len(schedule))
        times = [duration_ns(each["at"]) for each in schedule if "at" in each]
        assert all(("at" in each) is not ("when" in each) for each in schedule)
        assert times == sorted(times)
        assert all(each <= cluster.duration_ns for each in times)
    assert lengths == set(range(1, most + 1))


def test_every_kind_is_made_sooner_or_later(cluster) -> None:
    generator = Generator(cluster)
    made = {each["kind"] for seed in range(400) for each in generator.schedule(seed)}

    assert made == set(generator.kinds)


@pytest.mark.parametrize("frontend", Frontend)
def test_dom0_dies_only_where_every_frontend_gets_over_that(file, frontend: Frontend) -> None:
    tree = json.loads(file.read_text())
    tree["hosts"][0]["guests"][0]["frontend"] = frontend.value
    file.write_text(json.dumps(tree))
    generator = Generator(load_cluster(file), ("crash", "hang"))

    struck = {each["target"] for seed in range(50) for each in generator.schedule(seed)}
    assert ("host0/dom0" in struck) == (frontend is Frontend.reconnect)


@pytest.mark.parametrize("frontend", Frontend)
def test_disks_are_detached_only_from_guests_that_let_go_of_them(file, frontend: Frontend) -> None:
    tree = json.loads(file.read_text())
    tree["hosts"][0]["guests"] = [{**tree["hosts"][0]["guests"][0], "frontend": frontend.value}]
    file.write_text(json.dumps(tree))

    assert bool(Generator(load_cluster(file), ("block-detach",)).kinds) == frontend.lets_go


def test_only_the_kinds_that_are_asked_for_are_made(cluster) -> None:
    made = {each["kind"] for seed in range(30) for each in Generator(cluster, ("hang",)).schedule(seed)}

    assert made == {"hang"}
    assert "hang" in kinds()


def test_nobody_is_hit_who_would_not_come_back(file, cluster) -> None:
    tree = json.loads(file.read_text())
    tree["hosts"][0]["hwdom"] = "halt"
    tree["hosts"][0]["guests"][0]["on_crash"] = "destroy"
    file.write_text(json.dumps(tree))
    generator = Generator(load_cluster(file), ("crash", "hang", "hwdom-reboot"))

    assert generator.kinds == []
    assert generator.schedule(1) == []


@pytest.mark.parametrize(
    ("frontend", "restart", "made"),
    [("reconnect", "lose", True), ("stock-linux", "lose", False), ("stock-linux", "persist", True)],
)
def test_xenstored_is_killed_where_its_clients_can_go_on(
    file, frontend: str, restart: str, *, made: bool
) -> None:
    tree = json.loads(file.read_text())
    tree["hosts"][0]["xenstore"] = {"restart": restart}
    tree["hosts"][0]["guests"][0]["frontend"] = frontend
    file.write_text(json.dumps(tree))
    generator = Generator(load_cluster(file))

    assert ({"xenstored-kill", "xenstored-live-update"} <= set(generator.kinds)) is made


def test_driver_domains_and_their_links_are_hit_if_they_are_built_again(file) -> None:
    tree = json.loads(file.read_text())
    host = tree["hosts"][0]
    host["driver_domains"] = [{"name": "storage", "memory": "4MiB", "disks": ["sda"]}]
    host["guests"][0]["disks"][0]["backend"] = "storage"
    file.write_text(json.dumps(tree))
    cluster = load_cluster(file)

    def targets(kind: str) -> set[str]:
        generator = Generator(cluster, (kind,))
        return {each["target"] for seed in range(100) for each in generator.schedule(seed)}

    assert "host0/storage" in targets("crash") & targets("hang") & targets("slow")
    assert {"host0/sda:storage", "host0/storage:sda", "host0/hypervisor:storage"} <= targets("link-delay")
    host["driver_domains"][0]["on_crash"] = "destroy"
    file.write_text(json.dumps(tree))
    cluster = load_cluster(file)
    assert "host0/storage" not in targets("crash") | targets("hang")


def test_no_kind_is_made_that_breaks_what_hardware_promises(cluster) -> None:
    broken = {"disk-lying-flush", "disk-torn-write", "evtchn-lost", "link-drop", "link-duplicate"}

    assert not broken & set(Generator(cluster).kinds)
    assert set(kinds()) < set(FAULT_KINDS)


def test_every_schedule_is_a_configuration_that_is_accepted(plan) -> None:
    for seed in range(60):
        assert plan().case(seed).cluster().faults


def test_wires_controllers_and_interfaces_of_guests_that_talk_are_hit(network_plan) -> None:
    rows = [row for seed in range(300) for row in Generator(network_plan().base.cluster()).schedule(seed)]

    targets = {row["target"] for row in rows}
    assert {"host0/eth0", "host1/eth0", "host0/eth0:switch", "host1/switch:eth0", "host0/db-0"} <= targets
    made = {row["kind"] for row in rows}
    assert {"nic-hang", "nic-dma-stop", "nic-link-flap", "switch-partition", "frame-corrupt"} <= made
    watched = {row["when"]["vif"] for row in rows if "vif" in row.get("when", {})}
    assert watched == {"host0/db-0/vif0", "host0/web-0/vif0", "host1/far-0/vif0"}


def test_the_small_network_breaks_each_of_its_parts(small_network_plan) -> None:
    rows = [row for seed in range(600) for row in small_network_plan().generator.schedule(seed)]

    hit = {(row["kind"], row["target"]) for row in rows}
    nics = {(kind, f"{host}/eth0") for host in ("host0", "host1") for kind in ("nic-hang", "nic-link-down")}
    crashes = {("crash", f"host0/{name}") for name in ("dom0", "net", "db-0")}
    backends = {(kind, "host1/web-0/vif0") for kind in ("netback-stop", "netback-restart")}
    assert nics | crashes | backends | {("switch-partition", "host0"), ("hang", "host0/net")} <= hit
