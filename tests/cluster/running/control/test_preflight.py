"""What must be free before a cluster is started: its name, its ports, its images."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.devices.file_image import FileImage
from cluster.lab.config.resolved import ResolvedCluster
from cluster.running.control.preflight import CannotStart, check_sockets, check_surroundings, own_name
from cluster.running.control.runtime_directory import RuntimeDirectoryError

Load = Callable[..., ResolvedCluster]
GIVEN = ("size: 1MiB}", "image: web.img}")
ONE = ("        count: 2\n", "")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "web.img"
    path.write_bytes(bytes(1 << 20))
    return path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of somebody else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.usefixtures("sockets")
def test_a_name_is_one_clusters_until_that_lets_it_go() -> None:
    with own_name("test"), pytest.raises(CannotStart, match="stop it with `domzero down --cluster test`"):
        own_name("test")
    own_name("test").close()


def test_a_port_that_is_in_use_is_said_with_what_to_write(load: Load, taken: int) -> None:
    cluster = load(("memory: 1GiB", f"metrics_port: {taken}"))

    with pytest.raises(CannotStart, match=f"host0: metrics_port {taken}: .* in use; 0 takes any free port"):
        check_surroundings(cluster)


def test_an_image_that_another_has_open_is_in_the_way(load: Load, image: Path) -> None:
    cluster = load(GIVEN, ONE)
    check_surroundings(cluster)

    held = FileImage(str(image), read_only=False)
    with pytest.raises(CannotStart, match=r"host0, disk xvda of web: .*locked"):
        check_surroundings(cluster)
    held.close()
    check_surroundings(cluster)


def test_an_image_that_the_run_makes_need_not_be_there(load: Load) -> None:
    check_surroundings(load())


def test_where_no_socket_fits_nothing_is_started(
    load: Load, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_sockets(load())
    deep = sockets / ("long" * 22)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(RuntimeDirectoryError, match="too long"):
        check_sockets(load())
