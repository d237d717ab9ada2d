from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from cluster.lab.config.resolved import ResolvedCluster
from cluster.running.control.preflight import CannotStart
from cluster.running.metrics.host_servers import HostServers


def test_each_host_is_a_target_once_it_is_served(load: Callable[..., ResolvedCluster]) -> None:
    servers, host = HostServers("test"), load().hosts[0]
    collector = SimpleNamespace(registry=lambda: "its registry")
    assert servers.targets() == []
    try:
        servers.start(replace(host, metrics_port=0), collector)
        address = servers.urls["host0"].split("/")[2]
        assert servers.targets()[0]["targets"] == [address]
        assert servers.registries == ["its registry"]
        taken = replace(host, name="host1", metrics_port=int(address.split(":")[1]))
        with pytest.raises(CannotStart, match="host1: metrics_port"):
            servers.start(taken, collector)
        assert list(servers.urls) == ["host0"]
    finally:
        servers.close()
