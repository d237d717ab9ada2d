"""What must be free before anything is started: the cluster's name, its ports, its images.

Rules: nothing is kept but the name; whatever is in the way is one `CannotStart`, and nothing is made yet.
"""

import socket

from actors.devices.file_image import FileImage
from actors.devices.image import ImageError
from cluster.lab.config.errors import reason_of
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.running.control.client import claim_name
from cluster.running.control.runtime_directory import control_path, xenstore_path

LOCALHOST = "127.0.0.1"


class CannotStart(Exception):  # noqa: N818 (it names what happened)
    """Something outside of the configuration stands in the way; nothing was started."""


def own_name(name: str) -> socket.socket:
    """The claim on the cluster's name. CannotStart if a cluster of this name runs."""
    claim = claim_name(name)
    if claim is None:
        raise CannotStart(
            f"a cluster named {name!r} runs already; stop it with `domzero down --cluster {name}`"
        )
    return claim


def check_sockets(cluster: ResolvedCluster) -> None:
    """RuntimeDirectoryError if what commands and tools are to reach the cluster by can have no socket."""
    control_path(cluster.name)
    for host in cluster.hosts:
        xenstore_path(cluster.name, host.name)


def check_surroundings(cluster: ResolvedCluster) -> None:
    """CannotStart if a port is in use, or an image cannot be opened or is somebody else's."""
    for host in cluster.hosts:
        _check_port(host)
        for volume in host.volumes:
            if volume.made:
                continue
            try:
                FileImage(str(volume.path), read_only=volume.read_only).close()
            except ImageError as error:
                raise CannotStart(f"{host.name}, disk {volume.vdev} of {volume.guest}: {error}") from error


def port_trouble(host: ResolvedHost, error: OSError) -> CannotStart:
    """Why a host's metrics cannot be served."""
    reason = reason_of(error)
    return CannotStart(f"{host.name}: metrics_port {host.metrics_port}: {reason}; 0 takes any free port")


def _check_port(host: ResolvedHost) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, host.metrics_port))
            probe.listen(1)
        except OSError as error:
            raise port_trouble(host, error) from error
