"""Somebody at a command line, in a folder of their own with a small configuration."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT_S = 60
SMALL = """\
name: small
run: {duration: 1s, settle: 5s}
hosts:
  - name: host0
    memory: 256MiB
    metrics_port: 0
    dom0: {memory: 64MiB}
    disks: [{name: sda}]
    guests:
      - {name: web, memory: 16MiB, disks: [{vdev: xvda, size: 1MiB}], workload: {kind: random, rate: 200/s}}
"""


@contextmanager
def socket_folder() -> Iterator[Path]:
    """An empty folder, removed in the end. Its path is short: that of a Unix socket ends at 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="dz-", dir="/tmp") as folder:
        yield Path(folder)


class Shell:
    """A shell in `folder`, where it has its sockets, too."""

    def __init__(self, folder: Path, configuration: str = SMALL) -> None:
        self.folder = folder
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "COLUMNS": "80"}
        self.write(configuration)

    def write(self, configuration: str) -> None:
        (self.folder / "small.yaml").write_text(configuration)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`domzero WORDS`, and what came of it."""
        return self.run_program(sys.executable, "-m", "cluster.command.cli", *words)

    def said(self, *words: str) -> str:
        """What `domzero WORDS` printed; AssertionError if it failed."""
        return self.printed(sys.executable, "-m", "cluster.command.cli", *words)

    def start(self, *words: str, own_session: bool = False) -> subprocess.Popen[str]:
        """`domzero WORDS`, which goes on."""
        return subprocess.Popen(
            [sys.executable, "-m", "cluster.command.cli", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=own_session,
        )

    def run_program(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def printed(self, *words: str) -> str:
        """What a program printed; AssertionError if it failed."""
        done = self.run_program(*words)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout
