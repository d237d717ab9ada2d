"""How Prometheus finds the hosts: a `file_sd` file that is always whole, and the same for `http_sd`.

Rules: one file for each cluster, in the user's own directory where the control sockets are; replaced,
never written in place; removed when the cluster has ended, upon which Prometheus drops its targets.
Source: Prometheus, configuration of <file_sd_config> and <http_sd_config>, discovery/file/file.go.
"""

import json
import os
from pathlib import Path

from cluster.running.control.runtime_directory import control_directory

Targets = list[dict[str, object]]


def targets_path(name: str) -> Path:
    """The `file_sd` file of the cluster with this name."""
    return control_directory() / f"{name}.targets.json"


def targets_of(cluster: str, addresses: dict[str, str]) -> Targets:
    """Target groups, one a host; the series carry `cluster` and `host` themselves, so here they are meta."""
    return [
        {
            "targets": [address],
            "labels": {"__meta_domzero_cluster": cluster, "__meta_domzero_host": host},
        }
        for host, address in addresses.items()
    ]


def write_targets(path: Path, targets: Targets) -> None:
    """Replace the file. Prometheus sees the old one or the new one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(targets, indent=1) + "\n")
    new.replace(path)
