import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from actors.runtime.distribution import Distribution
from cluster.lab.config.disk_hardware import DiskSchema, LatencySchema
from cluster.lab.config.guest_disk import GuestDiskSchema
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.nic_hardware import NicSchema
from cluster.lab.config.quantities import duration_text, size_text
from cluster.lab.config.schema import (
    ClusterSchema,
    CostsSchema,
    Dom0Schema,
    DriverDomainSchema,
    ExpectSchema,
    FaultSchema,
    GuestSchema,
    HostSchema,
    MetricsSchema,
    RunSchema,
    StoreWorkSchema,
    WhenSchema,
    WorkloadSchema,
    XenstoreSchema,
)
from cluster.lab.config.switch import SwitchSchema
from cluster.lab.config.talk_schema import TalkSchema
from cluster.running.metrics.catalog import CATALOG
from cluster.running.metrics.family import PREFIX

ROOT = Path(__file__).parents[2]
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
SECTIONS: dict[str, type[BaseModel]] = {
    "The file": ClusterSchema,
    "run": RunSchema,
    "switch": SwitchSchema,
    "hosts": HostSchema,
    "dom0": Dom0Schema,
    "xenstore of a host": XenstoreSchema,
    "store of a guest": StoreWorkSchema,
    "talks": TalkSchema,
    "disks of a host": DiskSchema,
    "nics of a host": NicSchema,
    "driver domains": DriverDomainSchema,
    "guests": GuestSchema,
    "disks of a guest": GuestDiskSchema,
    "workload": WorkloadSchema,
    "faults": FaultSchema,
    "when": WhenSchema,
    "costs": CostsSchema,
    "expect": ExpectSchema,
    "metrics": MetricsSchema,
}
DURATIONS = {
    "latency",
    "jitter",
    "moderation",
    "duration",
    "settle",
    "watchdog",
    "interval",
    "vitals",
    "write_back",
}
SIZES = {"memory", "block", "queue"}


def name_of(path: Path) -> str:
    return path.name


def rows(section: str) -> dict[str, str]:
    text = (ROOT / "docs/configuration.md").read_text()
    (body,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    found = {}
    for keys, default in re.findall(r"^\| (`.*?) \| (.*?) \|", body, re.MULTILINE):
        found.update(dict.fromkeys(re.findall(r"`(\w+)`", keys), default))
    return found


def shown(key: str, value: object) -> str:
    if isinstance(value, BaseModel):
        return "{}"
    if isinstance(value, float) and key == "rate":
        return f"{value:g}/s"
    if key == "rate":
        return f"{value}bit"
    if isinstance(value, int) and not isinstance(value, bool):
        if key in DURATIONS:
            return duration_text(value).replace(" ", "")
        if key in SIZES:
            return size_text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Distribution):
        return f"{value.kind} {', '.join(duration_text(each) for each in value.parameters)}"
    return str(value)


@pytest.mark.parametrize("path", CONFIGS, ids=name_of)
def test_every_configuration_in_the_repository_loads(path: Path) -> None:
    assert load_cluster(path).name == path.stem


def test_the_example_of_the_readme_loads(tmp_path: Path) -> None:
    (example,) = re.findall(
        r"\n\n(    name: mine\n.*?)\n\n`domzero", (ROOT / "README.md").read_text(), re.DOTALL
    )
    (tmp_path / "guests").symlink_to(ROOT / "configs/guests")
    (tmp_path / "mine.yaml").write_text("\n".join(line[4:] for line in example.splitlines()))
    refused = ""
    try:
        load_cluster(tmp_path / "mine.yaml")
    except Exception as error:  # noqa: BLE001 (shown as a whole)
        refused = str(error)
    assert refused.replace(str(tmp_path), "") == ""


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_file_that_is_written_down_exists(path: Path) -> None:
    text = path.read_text()
    for name in re.findall(r"\]\(([^)#]+)\)", text):
        assert (path.parent / name).is_file(), name
    for name in re.findall(r"\b(?:actors|cluster|configs|grafana|tests)/[\w/.-]+\.(?:py|yaml|jsonl)", text):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_described_with_its_default(section: str) -> None:
    fields = SECTIONS[section].model_fields
    found = rows(section)

    assert sorted(found) == sorted(fields)
    for key, field in fields.items():
        if field.is_required():
            assert found[key] == "required"
        elif field.default is not None:
            assert found[key].strip('`"') == shown(key, field.default), key


def test_the_latency_of_a_disk_is_described() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    (line,) = [each for each in text.splitlines() if each.startswith("| `latency` | `{}`")]

    assert all(f"`{key}`" in line for key in LatencySchema.model_fields)


def test_the_readme_has_no_place_left_to_fill_in() -> None:
    assert "@@" not in (ROOT / "README.md").read_text()


def test_the_documented_metrics_are_those_that_there_are() -> None:
    text = (ROOT / "docs/monitoring.md").read_text()
    (body,) = re.findall(r"^## Metrics\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    documented = re.findall(r"^\| `(\w+)`(?: \(histogram\))? \| (.*?) \| (.*?) \|$", body, re.MULTILINE)

    assert documented == [
        (
            each.full_name.removeprefix(PREFIX),
            ", ".join(f"`{label}`" for label in each.labels),
            each.text,
        )
        for each in CATALOG.values()
    ]
