"""Network controllers and the switch, from the file to what each of them is told."""

from collections.abc import Callable

import pytest

from actors.devices.nic import Nic
from actors.devices.switch import Switch
from actors.runtime.memory import SparseMemory
from cluster.lab.config.resolved import ResolvedCluster

Load = Callable[..., ResolvedCluster]
TEXT = """\
name: test
switch: {latency: 20us, jitter: 1us, rate: 10Gbit, queue: 64KiB}
hosts:
  - name: host0
    memory: 1GiB
    disks: [{name: sda}]
    nics: [{name: eth0, rate: 1.5Gbit}, {name: eth1, queues: 4, bridge: guests, mtu: 9000, trigger: edge}]
    driver_domains: [{name: net, nics: [eth1]}]
  - name: host1
    memory: 1GiB
    nics: [{name: eth0, mac: "00:16:3E:00:00:01", moderation: 50us}]
"""


def test_each_controller_has_its_lines_its_driver_and_what_that_is_told(load: Load) -> None:
    first, second = load(text=TEXT).hosts

    assert [(each.name, each.driver, list(each.line.gsis)) for each in first.hardware] == [
        ("sda", "dom0", [16]),
        ("eth0", "dom0", [17]),
        ("eth1", "net", [18, 19, 20, 21]),
    ]
    assert first.hardware[2].pins == {
        "ioapic": ("eth1", 18),
        "ioapic1": ("eth1.1", 19),
        "ioapic2": ("eth1.2", 20),
        "ioapic3": ("eth1.3", 21),
    }
    assert first.hardware[2].line.told == {"bridge": "guests", "moderation_us": 0}
    assert second.hardware[0].line.told == {"bridge": "xenbr0", "moderation_us": 50}
    assert first.dom0_plan().drives["nics"] == (first.hardware[1].line,)


def test_what_the_file_says_is_what_the_machines_take(load: Load) -> None:
    cluster = load(text=TEXT)
    for host in cluster.hosts:
        for each in host.wired:
            Nic(host.argument_of(each), SparseMemory(1))
    eth0, eth1 = (cluster.hosts[0].argument_of(each) for each in cluster.hosts[0].wired)
    assert (eth0["bits_per_second"], eth1["mtu"], eth1["queues"]) == (1_500_000_000, 9000, 4)
    assert (eth0["driver"], eth1["driver"]) == ("dom0", "dom1")

    told = cluster.switch_argument()
    Switch(told)
    assert [each["name"] for each in told["ports"]] == ["host0/eth0", "host0/eth1", "host1/eth0"]
    assert told["ports"][1] == {
        "name": "host0/eth1",
        "bits_per_second": 10_000_000_000,
        "latency_ns": 20_000,
        "jitter_ns": 1_000,
        "queue_bytes": 65536,
    }


def test_an_address_that_is_not_given_is_the_same_wherever_its_host_stands(load: Load) -> None:
    def macs(text: str) -> dict[str, object]:
        hosts = load(text=text).hosts
        return {f"{host.name}/{each.name}": each.argument["mac"] for host in hosts for each in host.wired}

    found = macs(TEXT)
    head, *hosts = TEXT.split("  - name: ")
    assert macs("  - name: ".join([head, *reversed(hosts)])) == found
    assert found["host1/eth0"] == "00:16:3e:00:00:01"
    others = {found["host0/eth0"], found["host0/eth1"]}
    assert len(others) == 2
    assert all(str(each).startswith("02:d0:") for each in others)


def test_a_cluster_without_controllers_has_no_switch(load: Load) -> None:
    assert load().wired == []


OTHER = ', mac: "00:16:3e:00:00:01"'
WRONG = [
    ("rate: 1.5Gbit", "mac: 00", "test.yaml:7: mac: 0 does not fit here; text is wanted"),
    ("rate: 1.5Gbit", 'mac: "00:16:3e"', "'00:16:3e' is no MAC address; six bytes as in 00:16:3e:5e:6c:00"),
    (
        "rate: 1.5Gbit",
        'mac: "01:16:3e:00:00:01"',
        "is no address of one station; an even first byte, not all 0",
    ),
    (", rate: 1.5Gbit", OTHER, "test.yaml:11: 00:16:3e:00:00:01 is the address of host0/eth0 in line 7"),
    ("queues: 4", "queues: 7", "test.yaml:4: host0 has 8 interrupt lines for its devices, which need 9"),
    ("queues: 4", "queues: 9", "queues"),
    ("queues: 4", "queues: 0", "queues"),
    ("mtu: 9000", "mtu: 67", "mtu"),
    ("moderation: 50us", "moderation: 50ns", "interrupts are moderated in whole microseconds; 0us to 1s"),
    ("moderation: 50us", "moderation: 2s", "interrupts are moderated in whole microseconds; 0us to 1s"),
    ("[eth1]", "[eth2]", "the host has no nic 'eth2'; did you mean eth1?"),
    ("name: eth1", "name: switch", "the name 'switch' is taken by Domzero itself; choose another"),
    (
        "name: host1",
        "name: switch",
        "test.yaml:9: 'switch' is the cluster's switch; another name for the host",
    ),
    ("10Gbit", "10GiB", "'GiB' is not a unit; one of bit, kbit, Mbit, Gbit"),
    ("latency", "latence", "unknown key 'latence'; did you mean latency?"),
    (
        "[eth1]",
        "[eth1], memory: 8MiB",
        "test.yaml:8: net has 8MiB, which is too little for its controllers; "
        "memory: 10MiB or more, or fewer queues",
    ),
    (
        "    nics: [{name: eth0, rate",
        "    dom0: {memory: 17MiB}\n    nics: [{name: eth2, queues: 5}, {name: eth0, rate",
        "dom0 has 17MiB, which is too little for its controllers",
    ),
    ("bridge: guests", "bridge: a/b", "'a/b' is no name"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG, ids=[f"{row[0]} to {row[1]}" for row in WRONG])
def test_what_is_wrong_is_said(refuse: Callable[..., str], right: str, wrong: str, said: str) -> None:
    found = refuse(text=TEXT.replace(right, wrong))
    assert said in found, found
    assert len(found.splitlines()) == 1 or wrong in {"[eth2]", "name: switch"} or "eth2, q" in wrong, found
