"""A running cluster, and somebody at a shell whose environment came from `domzero env`."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LIMIT_S = 60
CONFIG = """\
name: clients
run: {duration: 1s, settle: 5s}
hosts:
  - name: host0
    memory: 256MiB
    dom0: {memory: 64MiB}
    disks: [{name: sda}]
    guests:
      - {name: web, memory: 16MiB, disks: [{vdev: xvda, size: 1MiB}], workload: {kind: random, rate: 100/s}}
expect: {survivors: all, lost: 0}
"""


class Host:
    """A running host as somebody at a shell sees it whose environment came from `domzero env`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
        (folder / "clients.yaml").write_text(CONFIG)

    def domzero(self, *words: str) -> str:
        return self._checked(sys.executable, "-m", "cluster.cli", *words)

    def adopt_environment(self) -> None:
        line = self.domzero("env", "host0").strip()
        name, _, value = line.removeprefix("export ").partition("=")
        self.environment[name] = value

    @property
    def socket(self) -> str:
        return self.environment["XENSTORED_PATH"]

    def tool(self, name: str, *words: str) -> str:
        """What `xenstore-NAME` printed; AssertionError if it failed."""
        return self._checked(*self.command(name, *words))

    def fails(self, name: str, *words: str) -> str:
        """What `xenstore-NAME`, which must fail, complained of."""
        done = self._run(*self.command(name, *words))
        assert done.returncode != 0, done.stdout
        return done.stderr

    def command(self, name: str, *words: str) -> tuple[str, ...]:
        program = shutil.which(f"xenstore-{name}")
        if program is None:
            pytest.skip(f"xenstore-{name} is not installed (Debian's package xenstore-utils)")
        return (program, *words)

    def test_xenstore(self, *words: str) -> str:
        """What Xen's own test program printed; AssertionError if a test of it failed."""
        found = sorted(Path("/usr/lib").glob("xen-*/bin/test-xenstore"))
        if not found:
            pytest.skip("test-xenstore is not installed (Debian's package xen-utils-4.17)")
        return self._checked(str(found[-1]), *words)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self._folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def _checked(self, *words: str) -> str:
        done = self._run(*words)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    # Not a folder of pytest's: the path of a Unix socket ends at 107 bytes.
    folder = Path("/tmp") / f"domzero-clients-{os.getpid()}"
    folder.mkdir(mode=0o700)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        host = Host(folder)
        host.domzero("up", "clients.yaml", "-d", "--out", "out")
        stack.callback(host.domzero, "down")
        host.adopt_environment()
        yield host
