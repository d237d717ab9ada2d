import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.campaign.plan import Plan
from cluster.yaml_source import YamlSource

SMALL = {
    "name": "small",
    "run": {"duration": "200ms", "settle": "10s"},
    "hosts": [
        {
            "name": "host0",
            "memory": "64MiB",
            "dom0": {"memory": "16MiB"},
            "hwdom": "restart",
            "watchdog": "1s",
            "disks": [{"name": "sda", "latency": {"read": "2ms", "write": "2ms"}}],
            "guests": [
                {
                    "name": "web",
                    "count": 2,
                    "memory": "4MiB",
                    "on_crash": "restart",
                    "disks": [{"vdev": "xvda", "size": "128KiB"}],
                    "workload": {
                        "kind": "random",
                        "depth": 4,
                        "read_share": 0.3,
                        "flush_every": 4,
                        "rate": "150/s",
                    },
                }
            ],
        }
    ],
    "faults": [{"kind": "crash", "target": "host0/dom0", "at": "60ms"}],
    "expect": {"survivors": "none"},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(json.dumps(SMALL))
    return path


@pytest.fixture
def plan(file: Path) -> Callable[..., Plan]:
    return lambda **options: Plan(YamlSource.read(file), **options)
