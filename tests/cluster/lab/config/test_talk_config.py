"""What guests say over their networks, as a file has it: what it comes to, and what is refused where."""

from pathlib import Path

import pytest

from actors.domu.guest_configuration import GuestConfiguration
from actors.inet.address import ipv4
from actors.notebook.talk_header import TalkKind, TalkRole
from cluster.lab.config.errors import ConfigError
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.config.talk_schema import _OF_CLIENTS, PORTS
from tests.cluster.whole.test_talks import ROOT

CONFIG = """\
name: talking
hosts:
  - name: host0
    memory: 1GiB
    disks: [{{name: sda}}]
    nics: [{{name: eth0}}]
    guests:
      - name: web
        count: 2
        memory: 8MiB
        networks: [{{ip: 10.0.0.10/24}}, {{}}]
        talks:
          - {talk}
      - name: db
        memory: 8MiB
        networks: [{{ip: 10.0.0.20/24}}]
        talks:
          - {{kind: stream, serve: true}}
          - {{kind: udp, serve: true, port: 99}}
          - {served}
      - {{name: mute, memory: 8MiB}}
      - {{name: dumb, memory: 8MiB, talks: {dumb}}}
"""
GOOD = "{kind: stream, to: db}"


def load(
    tmp_path: Path, talk: str, served: str = "{kind: http, serve: true}", dumb: str = "[]"
) -> ResolvedCluster:
    path = tmp_path / "talking.yaml"
    text = CONFIG.format(talk=talk, served=served, dumb=dumb).replace("count: 2", "count: 1")
    path.write_text(text)
    return load_cluster(path)


def test_a_talk_is_told_to_its_guest_with_addresses_and_numbers(tmp_path: Path) -> None:
    talk = "{kind: stream, to: host0/db, on: vif1, bandwidth: 8Mbit, connections: 3, block: 4KiB, retry: 2s}"
    web, db, *_ = load(tmp_path, talk).hosts[0].guests
    (spec,) = web.talks
    assert (spec.kind, spec.role, spec.name) == (TalkKind.stream, TalkRole.client, "web-0-talk0")
    assert (spec.address, spec.port, spec.peer_id) == (ipv4("10.0.0.20"), 5001, db.guest_id)
    assert (spec.interface, spec.rate, spec.connections) == ("vif1", 1e6, 3)
    assert (spec.block, spec.retry_ns) == (4096, 2_000_000_000)
    assert [(each.kind, each.port) for each in db.talks] == [
        (TalkKind.stream, 5001),
        (TalkKind.udp, 99),
        (TalkKind.http, 80),
    ]
    told = web.configuration(1, tells_states=False)
    assert GuestConfiguration.parse(told.cmd_line()) == told


def test_addresses_mean_guests_that_have_them_and_the_outside_otherwise(tmp_path: Path) -> None:
    web, db, *_ = load(tmp_path, "{kind: stream, to: 10.0.0.20, reconnect: false}").hosts[0].guests
    assert (web.talks[0].peer_id, web.talks[0].retry_ns) == (db.guest_id, None)
    web, *_ = load(tmp_path, "{kind: http, to: 192.0.2.7, documents: [1M]}").hosts[0].guests
    assert (web.talks[0].address, web.talks[0].peer_id) == (ipv4("192.0.2.7"), 0)
    assert web.talks[0].documents == ("1M",)


@pytest.mark.parametrize(
    ("talk", "wrong"),
    [
        ("{kind: stream, to: dc}", "there is no guest 'dc'"),
        ("{kind: stream, to: host0/mute}", "host0/mute has no network interface"),
        ("{kind: stream, to: web-0}", "web-0 talks to itself"),
        ("{kind: stream, to: db, port: 5002}", "db does not serve stream at port 5002"),
        ("{kind: udp, to: db}", "db does not serve udp at port 7"),
        ("{kind: http, to: 10.0.0.20, port: 81}", "10.0.0.20 does not serve http at port 81"),
        ("{kind: stream, to: 224.0.0.1}", "224.0.0.1 is no address of one host"),
        ("{kind: stream}", "the stream talk has neither to nor serve"),
        ("{kind: stream, to: db, serve: true}", "the stream talk has both to and serve"),
        ("{kind: ping, serve: true}", "there is no server for ping"),
        ("{kind: ping, to: db, port: 5}", "port is of no use to a ping client"),
        ("{kind: stream, to: db, rate: 5/s}", "rate is of no use to a stream client"),
        ("{kind: udp, serve: true, size: 100}", "size is of no use to a udp server"),
        ("{kind: udp, serve: true, port: 0}", "nobody can be reached at port 0"),
        ("{kind: stream, to: db, on: vif7}", "web-0 has no interface 'vif7'"),
        ("{kind: stream, to: db, block: 100B}", "a block of 100 bytes is not possible"),
        ("{kind: http, to: db, documents: [x]}", "no server has a document 'x'"),
        ("{kind: http, to: db, documents: []}", "documents"),
        ("{kind: udp, to: db, size: 1473}", "size"),
        ("{kind: stream, to: db, connections: 0}", "connections"),
        ("{kind: telnet, to: db}", "telnet"),
        ("{kind: stream, to: db, color: red}", "color"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(tmp_path: Path, talk: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, talk)
    text = str(caught.value)
    assert wrong in text
    assert "talking.yaml:13" in text


def test_two_servers_of_one_port_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two servers of db have udp port 99"):
        load(tmp_path, GOOD, served="{kind: udp, serve: true, port: 99}")
    with pytest.raises(ConfigError, match="two servers of db have tcp port 5001"):
        load(tmp_path, GOOD, served="{kind: http, serve: true, port: 5001}")
    load(tmp_path, GOOD, served="{kind: http, serve: true, port: 99}")


def test_who_has_no_interface_cannot_talk(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dumb talks, and has no network interface"):
        load(tmp_path, GOOD, dumb="[{kind: ping, to: db}]")


def test_each_kind_has_a_port_and_words() -> None:
    assert PORTS.keys() == _OF_CLIENTS.keys() == {each.name for each in TalkKind}


def test_the_example_is_what_its_comment_says() -> None:
    (host,) = load_cluster(ROOT / "configs/network.yaml").hosts
    assert [len(each.talks) for each in host.guests] == [3, 4]
