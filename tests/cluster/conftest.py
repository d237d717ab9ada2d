from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from cluster.lab.config.errors import ConfigError
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.resolved import ResolvedCluster

BASE = """\
name: test
run: {duration: 6s}
hosts:
  - name: host0
    memory: 1GiB
    disks:
      - {name: sda}
    guests:
      - name: web
        count: 2
        memory: 64MiB
        disks: [{vdev: xvda, size: 1MiB}]
        workload: {kind: random, depth: 4}
faults:
  - {kind: crash, target: host0/dom0, at: 2s}
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., ResolvedCluster]:
    """Load a configuration: the base with lines replaced, or a text of its own."""

    def _load(*replacements: tuple[str, str], text: str | None = None) -> ResolvedCluster:
        content = dedent(text) if text is not None else BASE
        for old, new in replacements:
            assert old in content, f"{old!r} is not in the base configuration"
            content = content.replace(old, new)
        path = tmp_path / "test.yaml"
        path.write_text(content)
        return load_cluster(path)

    return _load


@pytest.fixture
def refuse(load: Callable[..., ResolvedCluster], tmp_path: Path) -> Callable[..., str]:
    """Load a configuration that must be refused; what was said, without the folder."""

    def _refuse(*replacements: tuple[str, str], text: str | None = None) -> str:
        with pytest.raises(ConfigError) as caught:
            load(*replacements, text=text)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return _refuse
