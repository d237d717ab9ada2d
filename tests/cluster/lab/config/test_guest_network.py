"""The network interfaces of guests: what they are told, addresses that nobody wrote, and what is wrong."""

from collections.abc import Callable

import pytest

from actors.domu.network_interface import interface_of
from cluster.lab.config.guest_network import Network
from cluster.lab.config.resolved import ResolvedCluster

Load = Callable[..., ResolvedCluster]
Refuse = Callable[..., str]
TEXT = """\
name: test
hosts:
  - name: host0
    memory: 1GiB
    nics: [{name: eth0}, {name: eth1, bridge: guests}]
    driver_domains: [{name: net, nics: [eth1]}]
    guests:
      - name: web
        memory: 16MiB
        count: 2
        networks: [{}, {backend: net, bridge: guests}]
      - name: db
        memory: 16MiB
        networks:
          - {mac: "00:16:3E:00:00:01", ip: 10.0.0.3/16, gateway: 10.0.0.1, rate: 10Mb/s, mtu: 9000, queues: 2}
  - name: host1
    memory: 1GiB
    nics: [{name: eth0}]
    guests:
      - {name: web, count: 2, memory: 16MiB, networks: [{antispoof: true}]}
"""
BARE = """\
name: test
hosts:
  - name: host0
    memory: 1GiB
    nics: [{name: eth0}]
    driver_domains: []
    guests:
      - {name: web, memory: 16MiB, networks: [{}]}
      - {name: db, memory: 16MiB, networks: [{mac: "00:16:3e:00:00:09", ip: 10.0.0.9/24}]}
"""


def networks(cluster: ResolvedCluster) -> list[Network]:
    return [
        each for guest in cluster.guests for each in guest.devices if isinstance(each, Network)
    ]  # fmt: skip


def test_each_has_addresses_that_nobody_else_has(load: Load) -> None:
    found = networks(load(text=TEXT))
    assert [each.settings.ip for each in found] == [
        *("10.0.0.2/16", "10.0.0.4/16", "10.0.0.5/16", "10.0.0.6/16"),
        "10.0.0.3/16",
        *("10.0.0.7/16", "10.0.0.8/16"),
    ]
    macs = [each.settings.mac for each in found]
    assert len(set(macs)) == len(macs)
    assert all(each.startswith("00:16:3e:") for each in macs)
    assert macs[4] == "00:16:3e:00:00:01"
    assert macs == [each.settings.mac for each in networks(load(text=TEXT))]


def test_an_address_follows_from_names_alone(load: Load) -> None:
    before = [each.settings.mac for each in networks(load(text=TEXT))]
    after = [
        each.settings.mac for each in networks(load(("        count: 2\n", "        count: 3\n"), text=TEXT))
    ]
    assert after[:4] == before[:4]
    assert after[6:] == before[4:]


def test_a_mac_that_is_taken_is_given_to_nobody_else(load: Load) -> None:
    (given, _) = networks(load(text=BARE))
    taken = given.settings.mac
    found = networks(load(("00:16:3e:00:00:09", taken), text=BARE))
    assert found[1].settings.mac == taken
    assert int(found[0].settings.mac.replace(":", ""), 16) == int(taken.replace(":", ""), 16) + 1


def test_both_ends_are_told_what_concerns_them(load: Load) -> None:
    host = load(text=TEXT).hosts[0]
    web, db = host.guests[0], host.guests[2]
    assert [(each.device.name, each.device.number) for each in web.devices] == [("vif0", 0), ("vif1", 1)]
    assert dict(db.devices[0].device.row) == {
        "number": 0, "name": "vif0", "mac": "00:16:3e:00:00:01", "ip": "10.0.0.3/16", "gateway": "10.0.0.1",
        "mtu": 9000, "queues": 2,
    }  # fmt: skip
    plan = db.devices[0].plan(0)
    assert plan.row["bridge"] == "xenbr0"
    assert plan.row["rate"] == "62500,50000"
    assert ("mac", "00:16:3e:00:00:01") in plan.keys.frontend
    assert {("bridge", "xenbr0"), ("rate", "62500,50000"), ("ip", "10.0.0.3")} <= set(plan.keys.backend)
    served = [each.backend for each in host.dom0_plan().domains[1].devices]
    assert served == [0, host.domid_of("net")]
    assert interface_of(db.devices[0].device.row).mtu == 9000


WRONG = [
    ("{}", "{mac: 1}", "mac"),
    ("{}", '{mac: "00:16:3e:00:00"}', "is no MAC address"),
    ("{}", '{mac: "01:16:3e:00:00:00"}', "is no address of one station"),
    ("{}", "{ip: 10.0.0.2}", "does not say how many bits"),
    ("{}", "{ip: 10.0.0/24}", "is no IPv4 address"),
    ("{}", "{ip: 10.0.0.0/24}", "the address of the network itself"),
    ("{}", "{ip: 10.0.0.255/24}", "or of all"),
    ("{}", "{ip: 127.0.0.1/8}", "is no address of an interface"),
    ("{}", "{ip: 10.0.0.1/32}", "is no address of an interface"),
    ("{}", '{ip: "fe80::1/64"}', "is no IPv4 address"),
    ("{}", "{gateway: 10.0.0.1}", "a gateway without an ip"),
    ("{}", "{ip: 10.0.0.2/24, gateway: 10.0.1.1}", "is no neighbour of"),
    ("{}", "{ip: 10.0.0.2/24, gateway: 10.0.0.2}", "is no neighbour of"),
    ("{}", "{ip: 10.0.0.2/24, gateway: router}", "is no IPv4 address"),
    ("{}", "{rate: 10}", "rate"),
    ("{}", "{rate: 10Mbit}", "is no rate"),
    ("{}", "{mtu: 67}", "mtu"),
    ("{}", "{mtu: 70000}", "mtu"),
    ("{}", "{queues: 0}", "queues"),
    ("{}", "{queues: 9}", "queues"),
    ("{}", "{brige: xenbr0}", "brige"),
    ("{}", "{bridge: xenbr1}", "dom0 has no bridge 'xenbr1' for vif0; did you mean xenbr0?"),
    ("{}", "{backend: net}", "no driver domain 'net'"),
    ("{}", '{mac: "00:16:3e:00:00:09"}', "00:16:3e:00:00:09 is the mac of host0/web/vif0 already"),
    ("{}", "{ip: 10.0.0.9/16}", "10.0.0.9 is the ip of host0/web/vif0 already"),
    ("networks: [{}]", "count: 2, networks: [{ip: 10.0.0.2/24}]", "2 guests would have the ip 10.0.0.2"),
    ("    nics: [{name: eth0}]\n", "", "host0 has no nics, and so no bridge for vif0; write nics:"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "wrong"), WRONG, ids=[new or "no nics" for _, new, _ in WRONG])
def test_what_is_wrong_is_said_with_its_line(refuse: Refuse, old: str, new: str, wrong: str) -> None:
    said = refuse((old, new), text=BARE)
    assert wrong in said
    assert len(said.splitlines()) == (2 if new == "" else 1), said


def test_a_backend_that_drives_no_controller_has_no_bridge(refuse: Refuse) -> None:
    disk = "disks: [{name: sda}]\n    driver_domains: [{name: disk, disks: [sda]}, "
    moved = ("count: 2\n        networks: [{}", "count: 2\n        networks: [{backend: disk}")
    said = refuse(moved, ("driver_domains: [", disk), text=TEXT)
    assert "disk drives no nic, and so has no bridge for vif0; backend: dom0 or net" in said
