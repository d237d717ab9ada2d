"""What tests of every room may need: a place for sockets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell import socket_folder


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, which is where this process and those that it starts have their sockets."""
    with socket_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder
