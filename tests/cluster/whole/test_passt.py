"""A real user-space network on the switch: passt lets real clients of this computer reach a guest."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cluster.whole.test_capture import going_on
from tests.cluster.whole.test_forward import TEXT, a_cluster
from tests.shell import Shell, socket_folder

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(shutil.which("passt") is None, reason="passt is not installed"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


@pytest.fixture
def shell() -> Iterator[Shell]:
    with socket_folder() as folder:
        yield Shell(folder, TEXT)


@pytest.fixture
def folder_of_all() -> Iterator[Path]:
    """A folder in which passt, which as root becomes nobody, can make its socket."""
    with TemporaryDirectory(prefix="dz-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def passt(path: Path, port: int) -> Iterator[None]:
    """It listens at path for frames, and at port for clients of the guest 10.0.0.2."""
    words = ["--foreground", "--socket", str(path), "--tcp-ports", f"127.0.0.1/{port}:80"]
    words += ["--address", "10.0.0.2", "--netmask", "24", "--gateway", "10.0.0.1"]
    process = subprocess.Popen(["passt", *words], stderr=subprocess.DEVNULL)
    try:
        try:
            process.wait(timeout=2)  # it says nothing when it is ready
        except subprocess.TimeoutExpired:
            yield
        else:
            pytest.skip("passt cannot run here")
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_real_client_downloads_from_a_guest_by_passt(shell: Shell, folder_of_all: Path) -> None:
    port, path = a_free_port(), folder_of_all / "passt.sock"
    with passt(path, port), a_cluster(shell):
        with going_on(shell, "stream", str(path), "--connect") as said:
            assert said == f"{path} leads to the switch of outside; Ctrl-C ends it\n"
            download = ["curl", "--silent", "--show-error", "--max-time", "120"]
            retry = [
                "--retry",
                "20",
                "--retry-all-errors",
                "--retry-delay",
                "1",
            ]  # passt may not know a guest yet
            address = f"http://127.0.0.1:{port}/1M"
            body = subprocess.run([*download, *retry, address], capture_output=True, check=True).stdout
            sums = subprocess.run([*download, f"{address}.sha256"], capture_output=True, check=True).stdout
        assert sums.split()[0].decode() == sha256(body).hexdigest()
        refused = shell.run("stream", "nobody.sock", "--connect")
        assert (refused.returncode, refused.stderr) == (
            254,
            "domzero: nobody.sock: no such file or directory\n",
        )
