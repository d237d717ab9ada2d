"""The process from which every actor of the cluster is forked, already warm.

It is forked from the command before trio runs there (a fork inside a running trio loop fails), holds
the memory files of the hosts, forks a child for each request and reports how each child ended. It looks at
its clock, too: a gap that it has met as well is not the supervisor's alone.
Rules: it decides nothing. It dies with its parent, and its children die with it (PDEATHSIG).
"""

import contextlib
import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from struct import Struct

import msgpack

from cluster.lab.experiment.host_clock import HostClock

PR_SET_PDEATHSIG = 1
LENGTH = Struct("<I")
MAX_REQUEST = 64 << 20
LOOK_NS = 200_000_000
LATE_NS = 500_000_000
"""Less than the supervisor takes for a gap: what it sees, and all have met, is seen here, too."""

Child = Callable[[dict[str, object], socket.socket], None]


def start_zygote(child: Child) -> tuple[int, socket.socket]:
    """Fork the zygote. Its process id, and the socket to speak to it; `child` runs in each fork."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    parent = os.getpid()
    pid = os.fork()
    if pid:
        theirs.close()
        return pid, ours
    ours.close()
    status = 1
    try:
        die_with_parent(parent)
        os.setpgid(0, 0)
        gc.collect()
        gc.freeze()
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
            _serve(theirs, child)
        status = 0
    except BaseException:  # noqa: BLE001 (the one boundary of the process)
        traceback.print_exc()
    finally:
        os._exit(status)


def die_with_parent(parent: int) -> None:
    """Let the kernel end this process when the one that forked it ends; at once if `parent` has already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def request_fork(link: socket.socket, request: dict[str, object], fd: int) -> None:
    """Ask for a child with this request and this file descriptor."""
    body: bytes = msgpack.packb(request)
    socket.send_fds(link, [LENGTH.pack(len(body))], [fd])
    link.sendall(body)


def _serve(link: socket.socket, child: Child) -> None:
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    inherited = (link, wake_read, wake_write)
    with selectors.DefaultSelector() as selector:
        selector.register(link, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        clock = HostClock(lambda: 0, LATE_NS)
        looked_ns = time.monotonic_ns()
        while True:
            ready = selector.select(LOOK_NS / 1e9)
            looked_ns = _look_at_clock(link, clock, looked_ns + LOOK_NS)
            for key, _ in ready:
                if key.fd == wake_read:
                    os.read(wake_read, 4096)
                    _report_ended(link)
                elif not _fork_one(link, child, inherited, selector):
                    return


def _fork_one(
    link: socket.socket,
    child: Child,
    inherited: tuple[socket.socket, int, int],
    selector: selectors.BaseSelector,
) -> bool:
    header, fds, _, _ = socket.recv_fds(link, LENGTH.size, 1)
    if not header:
        return False
    header += _receive(link, LENGTH.size - len(header))
    (length,) = LENGTH.unpack(header)
    assert length <= MAX_REQUEST, "a request of the supervisor is not that long"
    request = msgpack.unpackb(_receive(link, length))
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        selector.close()
        _run_child(request, fds[0], child, inherited, parent)
    os.close(fds[0])
    link.sendall(_packed({"started": request["address"], "pid": pid}))
    return True


def _run_child(
    request: dict[str, object],
    fd: int,
    child: Child,
    inherited: tuple[socket.socket, int, int],
    parent: int,
) -> None:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent(parent)
        link, wake_read, wake_write = inherited
        link.close()
        os.close(wake_read)
        os.close(wake_write)
        child(request, socket.socket(fileno=fd))
        status = 0
    except SystemExit:  # the actor failed, and its console says why
        pass
    except BaseException:  # noqa: BLE001 (the one boundary of the process)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _look_at_clock(link: socket.socket, clock: HostClock, due_ns: int) -> int:
    """Report a gap that has just ended; what the time is."""
    now_ns = time.monotonic_ns()
    gap = clock.look(now_ns, due_ns)
    if gap is not None:
        link.sendall(_packed({"stood_still": [gap[0], now_ns]}))
    return now_ns


def _report_ended(link: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        link.sendall(_packed({"ended": pid, "status": status}))


def _packed(message: dict[str, object]) -> bytes:
    body: bytes = msgpack.packb(message)
    return LENGTH.pack(len(body)) + body


def _receive(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise EOFError("the supervisor is gone")
        data += part
    return data
