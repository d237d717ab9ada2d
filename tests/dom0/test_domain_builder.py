"""How the nodes of a step come into the store."""

from collections import Counter

import pytest

from actors.abi.xs_wire import XsType
from actors.dom0.steps import Nodes, WriteNodes, device_nodes, domain_nodes
from actors.xenstore.permissions import Permission
from tests.dom0.test_toolstack import DISK, PLAN
from tests.dom0.toolstack_host import Host

NODES = {"domain": domain_nodes(PLAN, 5), "device": device_nodes(DISK, 5)}


def permissions_of(host: Host, path: str) -> tuple[str, ...]:
    answer = host.xen.do(0, host.xenbus.request(XsType.GET_PERMS, path.encode() + b"\0"))
    return tuple(answer.decode().split("\0")[:-1])


def requests_of(host: Host, step: WriteNodes) -> Counter[str]:
    asked: Counter[str] = Counter()
    host.xenbus._observer = lambda kind, _tx_id, _payload, _answer: asked.update([kind.name])
    host.xen.do(0, host.builder.perform(step))
    return asked


@pytest.mark.parametrize("nodes", NODES.values(), ids=NODES)
@pytest.mark.parametrize("before", ["nothing", "all of it", "a parent of others"])
def test_every_node_has_its_value_and_its_permissions_whatever_was_there_before(
    nodes: Nodes, before: str
) -> None:
    host = Host()
    if before != "nothing":
        for path, _, _ in nodes if before == "all of it" else nodes[:1]:
            host.xen.do(0, host.xenbus.write(path, "old"))
            host.xen.do(0, host.xenbus.set_perms(path, ["b7"]))
    host.xen.do(0, host.builder.perform(WriteNodes("test", nodes)))

    for path, value, permissions in nodes:
        assert host.xen.do(0, host.xenbus.read(path)) == value
        assert permissions_of(host, path) == tuple(
            str(Permission.parse(each.encode())) for each in permissions
        )


def test_no_permissions_are_set_that_a_new_node_has_from_a_new_one_above() -> None:
    host = Host()
    assert requests_of(host, WriteNodes("test", NODES["domain"]))["SET_PERMS"] == 6
    assert requests_of(host, WriteNodes("test", NODES["device"]))["SET_PERMS"] == 2
    assert requests_of(host, WriteNodes("test", NODES["device"]))["SET_PERMS"] == len(NODES["device"])
