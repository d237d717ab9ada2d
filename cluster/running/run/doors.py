"""By what others of the same user find a run and reach into it: its name, its sockets, its targets.

Rules: several runs may have one name; the first of them is the one that can be reached, the others have no
doors. The sockets' paths go with their servers.
"""

import socket
from pathlib import Path

import trio

from actors.runtime.actor import ActorDriver
from actors.runtime.transport import listen_unix
from cluster.lab.experiment.supervisor import Supervisor
from cluster.running.control.client import claim_name
from cluster.running.control.preflight import own_name
from cluster.running.control.runtime_directory import control_path, xenstore_path
from cluster.running.control.server import ControlServer
from cluster.running.control.xenstore_socket import XenstoreSocket
from cluster.running.drivers.live import LiveCluster
from cluster.running.metrics.discovery import targets_path, write_targets
from cluster.running.metrics.host_servers import HostServers


class Doors:
    """Those of one run of the cluster of this name, whose `metrics` are served elsewhere."""

    def __init__(self, name: str, metrics: HostServers) -> None:
        self._name = name
        self._metrics = metrics
        self._claim: socket.socket | None = None

    def claim(self, *, needed: bool) -> None:
        """Take the name if it is free. CannotStart if it is not, but `needed`."""
        self._claim = own_name(self._name) if needed else claim_name(self._name)

    def open(
        self,
        nursery: trio.Nursery,
        supervisor: Supervisor,
        live: LiveCluster,
        driver: ActorDriver,
        directory: Path,
    ) -> None:
        """Serve in the nursery, if the name is ours."""
        if self._claim is None:
            return
        tools: dict[str, str] = {}
        server = ControlServer(
            supervisor, live, driver, directory, metrics_urls=self._metrics.urls, xenstore_sockets=tools
        )
        path = _free(control_path(self._name))
        nursery.start_soon(server.serve, listen_unix(path), path)
        for host in supervisor.boards:
            path = _free(xenstore_path(self._name, host))
            tools[host] = str(path)
            nursery.start_soon(XenstoreSocket(supervisor, live, host).serve, listen_unix(path), path)
        write_targets(targets_path(self._name), self._metrics.targets())

    def close(self) -> None:
        """Prometheus is to look here no more; the servers end with their nursery."""
        if self._claim is not None:
            targets_path(self._name).unlink(missing_ok=True)

    def give_name_back(self) -> None:
        """Another run may have it."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None


def _free(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path
