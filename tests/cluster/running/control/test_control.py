import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from actors.runtime.framing import hello_frame, join_frames
from actors.runtime.transport import listen_unix
from cluster.running.control.client import (
    CONTROL_CODEC,
    ControlReply,
    NotRunning,
    ask,
    claim_name,
    running_clusters,
    wait_for_report,
)
from cluster.running.control.runtime_directory import control_path


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def serve() -> Iterator[object]:
    listeners: list[socket.socket] = []
    threads: list[Thread] = []

    def answer(listener: socket.socket, data: bytes, connections: int) -> None:
        for _ in range(connections):
            connection, _address = listener.accept()
            with connection, contextlib.suppress(OSError):  # who only looks closes at once
                connection.recv(65536)  # the request, or the end: who hangs up before it resets the asker
                connection.sendall(data)

    def _serve(name: str, data: bytes, connections: int) -> None:
        listener = listen_unix(control_path(name))
        listener.setblocking(True)
        thread = Thread(target=answer, args=(listener, data, connections))
        thread.start()
        listeners.append(listener)
        threads.append(thread)

    yield _serve
    for thread in threads:
        thread.join()
    for listener in listeners:
        listener.close()


def frame(reply: ControlReply) -> bytes:
    return bytes(hello_frame() + join_frames([CONTROL_CODEC.encode(reply)]))


def test_a_socket_that_nobody_listens_on_is_no_cluster() -> None:
    listen_unix(control_path("dead")).close()
    control_path("file").touch()
    (control_path("file").parent / f"{'long' * 30}.sock").touch()

    assert running_clusters() == []


def test_without_a_cluster_there_is_nobody_to_ask() -> None:
    with pytest.raises(NotRunning, match="no cluster runs"):
        ask(None, "status", {})
    with pytest.raises(NotRunning, match="no cluster 'web'; no cluster runs"):
        ask("web", "status", {})


def test_with_two_clusters_one_has_to_be_named() -> None:
    listeners = [listen_unix(control_path(name)) for name in ("one", "two")]

    with pytest.raises(NotRunning, match=r"several clusters run \(one, two\); say which: `--cluster one`"):
        ask(None, "status", {})
    with pytest.raises(NotRunning, match="no cluster 'three'; running: one, two"):
        ask("three", "status", {})
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 64, b"\x05\x00\x00\x00ab"], ids=["nothing", "nonsense", "cut"]
)
def test_an_answer_that_makes_no_sense_is_told_from_one(serve: object, data: bytes) -> None:
    assert callable(serve)
    serve("one", data, 2)

    with pytest.raises(NotRunning, match=r"'one'|the cluster"):
        ask("one", "status", {})


def test_an_answer_comes_back(serve: object) -> None:
    assert callable(serve)
    serve("one", frame(ControlReply("", {"phase": "boot"})), 2)

    assert ask("one", "status", {}).values == {"phase": "boot"}


def test_the_report_of_a_cluster_that_has_ended_is_read(tmp_path: Path) -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    (tmp_path / "run.json").write_text('{"verdict": "held"}')

    assert wait_for_report(tmp_path, pid) == {"verdict": "held"}
    os.waitpid(pid, 0)


def test_a_cluster_that_ends_without_a_report_is_told(tmp_path: Path) -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})

    with pytest.raises(NotRunning, match="without a report"):
        wait_for_report(tmp_path, pid)
    os.waitpid(pid, 0)


def test_a_name_is_held_by_one_until_it_is_let_go():
    claim = claim_name("taken")
    assert claim is not None
    assert claim_name("taken") is None
    other = claim_name("free")
    assert other is not None
    claim.close()
    again = claim_name("taken")
    assert again is not None
    for each in (other, again):
        each.close()
