from pathlib import Path

import pytest

TEXT = """\
name: small
seed: 3
run: {duration: 60ms, settle: 1s}
matrix:
  seeds: 2
  architectures: [xen-2009, driver-domains]
  frontends: [reconnect, stock-linux]
  at: [20ms, 30ms]
  faults:
    dom0-crash: [{kind: crash, target: host0/dom0}]
    driver-crash: [{kind: crash, target: host0/$driver}]
hosts:
  - name: host0
    memory: 64MiB
    dom0: {memory: 16MiB}
    disks: [{name: sda, latency: {read: 1ms, write: 1ms}}]
    driver_domains: [{name: storage, memory: 8MiB, disks: [sda], on_crash: restart}]
    guests:
      - name: web
        memory: 4MiB
        on_crash: restart
        disks: [{vdev: xvda, size: 64KiB, backend: $driver}]
        workload: {kind: random, depth: 2, rate: 200/s}
"""


@pytest.fixture
def matrix(tmp_path: Path):
    """A file of a matrix with changes."""

    def write(*changes: tuple[str, str]) -> Path:
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "small.yaml").write_text(text)
        return tmp_path / "small.yaml"

    return write
