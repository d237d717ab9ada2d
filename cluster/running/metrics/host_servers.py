"""The metrics servers of a cluster, one a host, and where they are."""

from typing import Final

from prometheus_client.registry import CollectorRegistry

from cluster.lab.config.resolved import ResolvedHost
from cluster.running.control.preflight import port_trouble
from cluster.running.metrics.discovery import Targets, targets_of
from cluster.running.metrics.host_metrics import HostCollector
from cluster.running.metrics.server import MetricsServer


class HostServers:
    """Those of the cluster of this name; `urls` by host, `registries` of all that they show."""

    def __init__(self, name: str) -> None:
        self.urls: Final[dict[str, str]] = {}
        self.registries: Final[list[CollectorRegistry]] = []
        self._name = name
        self._servers: dict[str, MetricsServer] = {}

    def start(self, host: ResolvedHost, collector: HostCollector) -> None:
        """Serve a host. CannotStart if its port is in use."""
        try:
            server = MetricsServer(collector, host.metrics_port, self.targets)
        except OSError as error:
            raise port_trouble(host, error) from error
        self._servers[host.name] = server
        self.registries.append(collector.registry())
        self.urls[host.name] = f"http://{server.address}/metrics"

    def targets(self) -> Targets:
        """Where Prometheus finds those that are served by now."""
        return targets_of(self._name, {host: server.address for host, server in self._servers.items()})

    def close(self) -> None:
        """Serve no more."""
        for server in self._servers.values():
            server.close()
