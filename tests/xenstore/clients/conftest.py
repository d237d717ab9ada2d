"""A running cluster, and somebody at a shell whose environment came from `domzero env`."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell import SMALL, Shell, socket_folder


class Host(Shell):
    """A running host as somebody at a shell sees it whose environment came from `domzero env`."""

    def adopt_environment(self) -> None:
        line = self.said("env", "host0").strip()
        name, _, value = line.removeprefix("export ").partition("=")
        self.environment[name] = value

    @property
    def socket(self) -> str:
        return self.environment["XENSTORED_PATH"]

    def tool(self, name: str, *words: str) -> str:
        """What `xenstore-NAME` printed; AssertionError if it failed."""
        return self.printed(*self.command(name, *words))

    def fails(self, name: str, *words: str) -> str:
        """What `xenstore-NAME`, which must fail, complained of."""
        done = self.run_program(*self.command(name, *words))
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
        return self.printed(str(found[-1]), *words)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with socket_folder() as folder, contextlib.ExitStack() as stack:
        host = Host(folder, f"{SMALL}expect: {{survivors: all, lost: 0}}\n")
        host.said("up", "small.yaml", "-d", "--out", "out")
        stack.callback(host.said, "down")
        host.adopt_environment()
        yield host
