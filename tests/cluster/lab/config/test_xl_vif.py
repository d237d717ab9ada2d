"""The interfaces of xl.cfg files: all forms, and what is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.lab.config.guest_network import Network, NetworkSettings
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.xl_vif import XlVif, parse_xl_vif

Load = Callable[..., ResolvedCluster]
Refuse = Callable[..., str]
INLINE = "name: web\n        count: 2\n        memory: 64MiB\n        disks: [{vdev: xvda, size: 1MiB}]"
NICS = ("      - {name: sda}\n", "      - {name: sda}\n    nics: [{name: eth0}]\n")
WORKLOAD = ("        workload: {kind: random, depth: 4}\n", "")


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", {}),
        (" ,", {}),
        ("mac=00:16:3E:74:3d:76,bridge=xenbr1", {"mac": "00:16:3e:74:3d:76", "bridge": "xenbr1"}),
        ("mac=0:16:3e:0:0:7", {"mac": "00:16:3e:00:00:07"}),
        ("ip=10.0.1.7", {"ip": "10.0.1.7/16", "antispoof": True}),
        ("ip=192.168.1.7, bridge=br-lan", {"ip": "192.168.1.7/24", "antispoof": True, "bridge": "br-lan"}),
        ("ip=192.168.1.7/28", {"ip": "192.168.1.7/28", "antispoof": True}),
        ("rate=10Mb/s@20ms", {"rate": "25000,20000"}),
        ("mtu=9000", {"mtu": 9000}),
        ("type=vif,script=vif-bridge", {}),
        ("script=/etc/xen/scripts/vif-bridge", {}),
    ],
)
def test_what_has_an_effect_is_taken(text: str, settings: dict[str, object]) -> None:
    assert parse_xl_vif(text, 3) == XlVif(NetworkSettings(**settings), 3)


def test_who_serves_it_and_its_number_are_taken() -> None:
    vif = parse_xl_vif("backend=net,devid=4", 1)
    assert (vif.backend, vif.devid) == ("net", 4)
    assert {parse_xl_vif(f"backend={name}", 1).backend for name in ("0", "Domain-0", "dom0")} == {"dom0"}


def test_what_has_none_is_said() -> None:
    text = "type=ioemu,model=e1000,script=vif-route,vifname=web0,gatewaydev=eth0,trusted=1,vlan=10"
    assert parse_xl_vif(text, 1).ignored == (
        "type=ioemu", "model=e1000", "script=vif-route", "vifname=web0", "gatewaydev=eth0", "trusted=1",
        "vlan=10",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("mac=00:16:3e:74:3d", "no MAC address"),
        ("mac=01:16:3e:74:3d:76", "no MAC address"),
        ("mac=00:00:00:00:00:00", "no MAC address"),
        ("mac=00-16-3e-74-3d-76", "no MAC address"),
        ("mac=00:16:3e:74:3d:1ff", "no MAC address"),
        ("mac=", "no MAC address"),
        ("type=e1000", "type 'e1000'"),
        ("ip=10.0.0", "no IPv4 address"),
        ("ip=10.0.0.0", "no IPv4 address"),
        ("ip=10.0.0.2/33", "no IPv4 address"),
        ("ip=fe80::1", "no IPv4 address"),
        ("rate=10", "no rate"),
        ("rate=10Mb/s@", "no interval"),
        ("mtu=big", "no number"),
        ("mtu=10", "cannot be 10"),
        ("mtu=65536", "cannot be 65536"),
        ("devid=-1", "number"),
        ("bridge=", "no bridge is called"),
        ("bridge=a b", "no bridge is called"),
        ("bridge=abcdefghijklmnop", "no bridge is called"),
        ("brige=xenbr0", "not known; did you mean bridge"),
        ("xenbr0", "not known"),
        ("mac", "not known"),
    ],
)
def test_what_xl_would_not_take_is_named(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as error:
        parse_xl_vif(text, 1)
    assert "; " in str(error.value)


@pytest.fixture
def guest(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """The replacement that makes the guest of the base configuration one out of a file with these vifs."""

    def _guest(vif: str, more: str = "") -> tuple[str, str]:
        (tmp_path / "db.cfg").write_text(f"name = 'db'\nmemory = 64\nvif = {vif}\n")
        return INLINE, f"xl: db.cfg\n{more}"

    return _guest


def networks(cluster: ResolvedCluster) -> list[Network]:
    return [each for each in cluster.hosts[0].guests[0].devices if isinstance(each, Network)]


def test_a_guest_of_a_file_has_its_interfaces(load: Load, guest: Callable[..., tuple[str, str]]) -> None:
    cluster = load(guest("['mac=00:16:3e:00:00:01', '', 'model=e1000,devid=7']"), NICS, WORKLOAD)
    found = networks(cluster)
    assert [each.name for each in found] == ["vif0", "vif1", "vif7"]
    assert found[0].settings.mac == "00:16:3e:00:00:01"
    assert [each.wrong for each in cluster.remarks] == ["'model=e1000' is ignored"]


def test_a_host_without_controllers_has_no_networks_and_that_is_said(
    load: Load, guest: Callable[..., tuple[str, str]]
) -> None:
    cluster = load(guest("['bridge=xenbr7']"), WORKLOAD)
    assert networks(cluster) == []
    (remark,) = cluster.remarks
    assert (remark.wrong, remark.right) == ("'vif' is ignored", "host0 has no nics")


def test_an_entry_may_have_networks_of_its_own(load: Load, guest: Callable[..., tuple[str, str]]) -> None:
    cluster = load(guest("['bridge=xenbr7']", "        networks: [{ip: 10.0.0.9/24}]\n"), NICS, WORKLOAD)
    (found,) = networks(cluster)
    assert found.settings.ip == "10.0.0.9/24"
    assert [each.right for each in cluster.remarks] == ["networks takes its place"]


@pytest.mark.parametrize(
    ("vif", "wrong"),
    [
        ("['bridge=xenbr7']", "dom0 has no bridge 'xenbr7' for vif0; did you mean xenbr0"),
        ("['backend=net']", "no driver domain 'net'"),
        ("['devid=1', '']", "vif1 is there twice"),
        ("'bridge=xenbr0'", "vif is not a list"),
        ("[['a']]", "a vif is not a string"),
        ("['mac=1']", "no MAC address"),
    ],
)
def test_what_is_wrong_is_said_once_with_its_line(
    refuse: Refuse, guest: Callable[..., tuple[str, str]], vif: str, wrong: str
) -> None:
    said = refuse(guest(vif), NICS, WORKLOAD)
    assert wrong in said
    assert "db.cfg:3" in said
    assert len(said.splitlines()) == 1
