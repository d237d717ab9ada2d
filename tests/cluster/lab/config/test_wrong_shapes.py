"""Any value of a configuration may be of any shape: what does not fit is refused, and breaks no reader."""

import contextlib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from cluster.lab.config.errors import ConfigError
from cluster.lab.config.loading import resolve_source
from cluster.lab.config.yaml_source import YamlSource

FULL = """\
name: full
seed: 1
run: {duration: 9s, settle: 1s}
costs:
  hypercall: {uniform: [1us, 2us]}
  link: {lognormal: {median: 1us, p99: 2us}}
  upcall: {exponential: 5us}
hosts:
  - name: host0
    xen: "4.17"
    memory: 1GiB
    xenstore: {domain: dom0, restart: persist}
    watchdog: 2s
    dom0: {memory: 64MiB, vcpus: 1, built_for: ["4.17"]}
    pack: [[hypervisor, ioapic]]
    disks: [{name: sda, write_back: 1s, latency: {read: 1ms}}, {name: sdb}]
    driver_domains: [{name: storage, memory: 64MiB, disks: [sdb]}]
    guests:
      - name: web
        count: 2
        memory: 64MiB
        vitals: 1s
        disks: [{vdev: xvda, size: 16MiB, backend: storage}]
        workload: {block: 4KiB, rate: 5/s}
        store: {nodes: 2, rate: 2/s}
faults:
  - {kind: crash, target: [host0/dom0], select: {fixed: 1}, at: 1s, every: 1s, count: 2, probability: 0.5}
  - {kind: hang, target: host0/dom0, when: {domain: host0/web-0, state: started}, after: 1ms}
  - {kind: link-delay, target: "host0/web-0:hypervisor", at: 1s, delay: 1ms, jitter: 1us, messages: [Upcall]}
expect: {survivors: all, outage_max: 1s}
metrics: {interval: 1s}
"""
SHAPES = (
    [1],
    [],
    {"a": 1},
    {},
    None,
    "",
    "x",
    -1,
    True,
    10**30,
    [[]],
    [{}],
    {"uniform": []},
    {"random": [1]},
)
Place = tuple[str | int, ...]


def places(node: object, at: Place = ()) -> Iterator[Place]:
    if at:
        yield at
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places(value, (*at, key))


TREE = yaml.safe_load(FULL)


def written(folder: Path) -> YamlSource:
    file = folder / "test.yaml"
    file.write_text(FULL)
    return YamlSource.read(file)


@pytest.mark.parametrize("place", list(places(TREE)), ids=lambda place: ".".join(map(str, place)))
def test_a_value_of_another_shape_is_taken_or_refused(place: Place, tmp_path: Path) -> None:
    source = written(tmp_path)
    for shape in SHAPES:
        tree = node = deepcopy(TREE)
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = shape
        with contextlib.suppress(ConfigError):
            resolve_source(source.changed(tree))


def test_the_whole_of_it_fits(tmp_path: Path) -> None:
    assert len(resolve_source(written(tmp_path)).faults) == 3
