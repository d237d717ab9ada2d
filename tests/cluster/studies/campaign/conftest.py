import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.lab.config.yaml_source import YamlSource
from cluster.studies.campaign.sweep_settings import SweepSettings

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
def kept_file(file: Path) -> Path:
    """The same with a xenstored that keeps a journal, and guests that write into it."""
    tree = json.loads(file.read_text())
    (host,) = tree["hosts"]
    host["xenstore"] = {"restart": "persist"}
    host["guests"][0]["store"] = {"nodes": 4, "rate": "400/s"}
    path = file.with_name("kept.yaml")
    path.write_text(json.dumps(tree))
    return path


@pytest.fixture
def spare_file(file: Path) -> Path:
    """The same with a spare of dom0."""
    tree = json.loads(file.read_text())
    (host,) = tree["hosts"]
    del host["hwdom"]
    host |= {"architecture": "warm-spare", "memory": "112MiB"}
    path = file.with_name("spare.yaml")
    path.write_text(json.dumps(tree))
    return path


@pytest.fixture
def network_plan(tmp_path: Path) -> Callable[..., SweepSettings]:
    """The small reference with networks; it gives up sooner."""
    path = tmp_path / "network.yaml"
    text = (Path(__file__).parents[4] / "configs/campaign-network.yaml").read_text()
    assert "settle: 30s" in text
    path.write_text(text.replace("settle: 30s", "settle: 4s"))
    return lambda **options: SweepSettings(YamlSource.read(path), **options)


@pytest.fixture
def small_network_plan() -> Callable[..., SweepSettings]:
    """What `make campaign-network` sweeps."""
    path = Path(__file__).parents[4] / "configs/campaign-network-small.yaml"
    return lambda **options: SweepSettings(YamlSource.read(path), **options)


@pytest.fixture
def spare_plan(spare_file: Path) -> Callable[..., SweepSettings]:
    return lambda **options: SweepSettings(YamlSource.read(spare_file), **options)


@pytest.fixture
def kept_plan(kept_file: Path) -> Callable[..., SweepSettings]:
    return lambda **options: SweepSettings(YamlSource.read(kept_file), **options)


@pytest.fixture
def plan(file: Path) -> Callable[..., SweepSettings]:
    return lambda **options: SweepSettings(YamlSource.read(file), **options)


@pytest.fixture
def wired_plan(file: Path) -> Callable[..., SweepSettings]:
    """Two hosts that are alike but for the names of their guests, with a switch between them."""
    tree = json.loads(file.read_text())
    (host,) = tree["hosts"]
    host["nics"] = [{"name": "eth0"}]
    (web,) = host["guests"]
    tree["hosts"] = [host, {**host, "name": "host1", "guests": [{**web, "name": "db"}]}]
    path = file.with_name("wired.yaml")
    path.write_text(json.dumps(tree))
    return lambda **options: SweepSettings(YamlSource.read(path), **options)
