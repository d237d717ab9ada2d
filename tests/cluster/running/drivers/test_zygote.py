import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from struct import Struct

import msgpack
import pytest

from cluster.running.drivers.zygote import LATE_NS, request_fork, start_zygote

pytestmark = pytest.mark.processes

LENGTH = Struct("<I")
PATIENCE_S = 30


def child(request: dict[str, object], plug: socket.socket) -> None:
    """What a fork does here: what it was asked for."""
    if request["do"] == "fail":
        raise ValueError("as it was asked to")
    if request["do"] == "wait":
        plug.recv(1)
    elif request["do"] == "tell":
        plug.sendall(f"{os.getppid()} {request['text']}".encode())


class Zygote:
    """A zygote, and its reports."""

    def __init__(self) -> None:
        self.pid, self.link = start_zygote(child)
        self.link.settimeout(PATIENCE_S)

    def fork(self, **request: object) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE_S)
        with theirs:
            request_fork(self.link, {"address": "a", **request}, theirs.fileno())
        report = self.report()
        assert report["started"] == "a"
        return report["pid"], ours

    def report(self) -> dict:
        (length,) = LENGTH.unpack(self.link.recv(LENGTH.size, socket.MSG_WAITALL))
        return msgpack.unpackb(self.link.recv(length, socket.MSG_WAITALL))


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.link.close()
    os.waitpid(zygote.pid, 0)


def test_a_child_gets_its_request_and_its_socket(zygote: Zygote) -> None:
    pid, plug = zygote.fork(do="tell", text="hello" * 100_000)
    with plug:
        text = b"".join(iter(lambda: plug.recv(65536), b"")).decode()

    assert text == f"{zygote.pid} {'hello' * 100_000}"
    assert zygote.report() == {"ended": pid, "status": 0}


def test_a_child_that_fails_fails_alone(zygote: Zygote) -> None:
    failing, plug = zygote.fork(do="fail")
    plug.close()
    assert zygote.report() == {"ended": failing, "status": 1 << 8}

    pid, plug = zygote.fork(do="tell", text="well")
    plug.close()
    assert zygote.report()["ended"] == pid


def test_the_end_of_a_killed_child_is_reported_as_wait_tells_it(zygote: Zygote) -> None:
    pid, plug = zygote.fork(do="wait")
    os.kill(pid, signal.SIGKILL)

    assert zygote.report() == {"ended": pid, "status": signal.SIGKILL}
    plug.close()


def test_many_children_run_beside_each_other(zygote: Zygote) -> None:
    children = [zygote.fork(do="wait") for _ in range(5)]
    for _, plug in children:
        plug.close()

    ended = [zygote.report() for _ in children]
    assert sorted(each["ended"] for each in ended) == sorted(pid for pid, _ in children)
    assert {each["status"] for each in ended} == {0}


def end_by_closing(zygote: Zygote) -> None:
    zygote.link.close()


def end_by_killing(zygote: Zygote) -> None:
    os.kill(zygote.pid, signal.SIGKILL)


@pytest.mark.parametrize("end", [end_by_closing, end_by_killing])
def test_children_do_not_outlive_the_zygote(end: Callable[[Zygote], None]) -> None:
    zygote = Zygote()
    _, plug = zygote.fork(do="wait")
    end(zygote)
    os.waitpid(zygote.pid, 0)

    with plug, zygote.link:
        assert plug.recv(1) == b"", "the child's end of the socket closes with it"


def test_a_zygote_that_did_not_run_says_from_when_to_when(zygote: Zygote) -> None:
    before_ns = time.monotonic_ns()
    _, plug = zygote.fork(do="nothing")
    plug.close()
    zygote.report()
    os.kill(zygote.pid, signal.SIGSTOP)
    zygote.link.settimeout(3 * LATE_NS / 1e9)
    with pytest.raises(TimeoutError):
        zygote.report()
    os.kill(zygote.pid, signal.SIGCONT)
    zygote.link.settimeout(PATIENCE_S)

    began_ns, ended_ns = zygote.report()["stood_still"]

    assert ended_ns - began_ns > LATE_NS
    assert before_ns < began_ns < ended_ns < time.monotonic_ns()
